package org.genarm.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.genarm.cli.console.ExitCode;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class InspectPlanTest {
  @TempDir Path folder;

  private static JsonNode plan(String... options) throws IOException {
    List<String> arguments = new ArrayList<>(List.of("inspect", "--plan", "--json", "--memory", "80"));
    arguments.addAll(List.of(options));
    CommandLineRun run = CommandLineRun.of(arguments.toArray(String[]::new));
    assertEquals(ExitCode.OK, run.code(), run.err());
    return new ObjectMapper().readTree(run.out());
  }

  private static JsonNode only(String... options) throws IOException {
    JsonNode plans = plan(options).get("plans");
    assertEquals(1, plans.size());
    return plans.get(0);
  }

  /** Bytes in bf16 and tokens per second at 3 TB/s, weights alone. */
  @ParameterizedTest(name = "{0} + {1}")
  @CsvSource({
    "tulu-2-7b,    tulu-2-7b-again,       13.22, 227",
    "tulu-2-7b,    alpaca-7b,             26.43, 114",
    "alpaca-7b,    lora-r8,               13.23, 227",
    "alpaca-7b,    one=lora-r8;two=lora-r8, 13.24, 227",
    "tulu-2-13b,   tulu-2-7b,             38.92, 77",
    "tulu-2-70b,   tulu-2-7b,             150.6, 20",
    "llama-3.2-1b, lora-r8,               2.47, 1213",
  })
  void aTokenReadsWhatTheFormulasSay(String base, String arms, double gigabytes, double tokens) throws IOException {
    List<String> options = new ArrayList<>(List.of("--bandwidth", "3000", "--base", base));
    if (!arms.endsWith("again")) {
      for (String arm : arms.split(";")) {
        options.addAll(List.of("--arm", arm));
      }
    }

    JsonNode plan = only(options.toArray(String[]::new));

    // The last digit that is given, and norms in f32.
    assertEquals(gigabytes, plan.get("read_bytes").asDouble() / 1e9, gigabytes * 1e-3 + 0.005);
    assertEquals(tokens, plan.get("tokens_per_second").asDouble(), tokens * 5e-3 + 0.5);
  }

  @Test
  void thePapersPairsAreTheDefault() throws IOException {
    JsonNode report = plan("--bandwidth", "3000");

    List<String> names = new ArrayList<>();
    report.get("plans").forEach(plan -> names.add(plan.get("name").asText()));
    assertEquals(List.of("Alpaca-7B + 2 LoRA ARMs", "Tulu-2-13B + 7B", "Tulu-2-70B-GPTQ + 7B",
        "Alpaca-65B-GPTQ + 2 LoRA ARMs over one 7B"), names);
    JsonNode weakToStrong = report.get("plans").get(2);
    // int4 with groups of 128 on the linear layers, f16 tables, beside a 7B in bf16.
    double linear = 68_714_504_192.0 - 32000 * 8192.0;
    assertEquals(linear * 4.1875 / 8 + 32000 * 8192 * 2.0 + 13.215e9, weakToStrong.get("read_bytes").asDouble(), 0.02e9);
    assertTrue(weakToStrong.get("fits").asBoolean());
    assertTrue(weakToStrong.get("positions_that_fit").asLong() > 1000);
    assertEquals(2, report.get("plans").get(3).get("parameters").size(), "the 7B under both adapters is there once");
  }

  @Test
  void quantisingIsPlannedWith() throws IOException {
    JsonNode int4 = only("--bandwidth", "100", "--base", "tulu-2-7b", "--dtype", "int4");

    // 4.5 bits, and 8.5 for the tables.
    double linear = 6_607_343_616.0 - 32000 * 4096.0;
    assertEquals((linear * 4.5 + 32000 * 4096 * 8.5) / 8, int4.get("read_bytes").asDouble(), 2e6);
    assertEquals(100e9 / int4.get("read_bytes").asDouble(), int4.get("tokens_per_second").asDouble(), 1e-9);
  }

  @Test
  void aDirectoryNeedsItsConfigurationAlone() throws IOException {
    Path base = Files.createDirectory(folder.resolve("base"));
    Path arm = Files.createDirectory(folder.resolve("arm"));
    Files.copy(Path.of("tests/golden/llama-gqa/config.json"), base.resolve("config.json"));
    Files.copy(Path.of("tests/golden/lora-arm-on-llama-gqa/adapter_config.json"), arm.resolve("adapter_config.json"));

    JsonNode alone = only("--bandwidth", "1", "--base", base.toString());
    JsonNode guided = only("--bandwidth", "1", "--base", base.toString(), "--arm", arm.toString(), "--context", "10");

    assertEquals(1, guided.get("parameters").size(), "the adapter shares its base");
    assertEquals(2 * alone.get("kv_bytes_per_position").asLong(), guided.get("kv_bytes_per_position").asLong());
    assertEquals(alone.get("resident_bytes").asLong() + guided.get("adapter_bytes").get(0).asLong(),
        guided.get("resident_bytes").asLong());
    assertEquals(guided.get("resident_bytes").asLong() - (alone.get("resident_bytes").asLong()
            - alone.get("read_bytes").asLong()) + 10 * guided.get("kv_bytes_per_position").asLong(),
        guided.get("read_bytes").asLong());
  }

  @Test
  void anAdapterInF32CountsAsItIsKeptBesideQuantisedWeights() throws IOException {
    String[] lora = {"--bandwidth", "1", "--base", "models/demo-base", "--arm", "models/demo-lora-positive"};
    long stored = only(lora).get("adapter_bytes").get(0).asLong();

    for (String dtype : List.of("int8", "int4")) {
      List<String> options = new ArrayList<>(List.of(lora));
      options.addAll(List.of("--dtype", dtype));
      assertEquals(stored / 2, only(options.toArray(String[]::new)).get("adapter_bytes").get(0).asLong(), dtype);
    }
  }

  @Test
  void weightsThatDoNotFitAreTold() throws IOException {
    JsonNode plan = only("--bandwidth", "3000", "--base", "tulu-2-70b");

    assertFalse(plan.get("fits").asBoolean());
    assertEquals(0, plan.get("positions_that_fit").asLong());
  }

  @Test
  void withoutABandwidthThisMachinesIsMeasured() throws IOException {
    JsonNode report = plan("--threads", "1");

    assertTrue(report.get("bandwidth_measured").asBoolean());
    double gigabytes = report.get("bandwidth_gb_per_s").asDouble();
    assertTrue(gigabytes > 0.2 && gigabytes < 5000, gigabytes + " GB/s");
  }

  @Test
  void theTableHasALineForEachPair() {
    CommandLineRun run = CommandLineRun.of("inspect", "--plan", "--bandwidth", "3000", "--memory", "80");

    assertEquals(ExitCode.OK, run.code(), run.err());
    assertEquals(7, run.out().strip().split("\n").length, run.out());
    assertTrue(run.out().startsWith("3000.0 GB/s, 80.0 GiB, 0 positions of context, one stream\n"), run.out());
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
    "--plan --base gpt-5 | --plan: expected a model directory or one of tulu-2-7b",
    "--plan --arm lora-r8 | --arm: --base is missing",
    "--plan --base tulu-2-7b --dtype int2 | --dtype: expected auto, f32, bf16, int8, int4, got 'int2'",
    "--plan --bandwidth 0 | --bandwidth: expected a number above 0, got 0.0",
    "--plan models/demo-base | DIR: --plan takes its models from --base and --arm",
    "--json | DIR: a model directory is missing",
  })
  void whatCannotBePlannedIsRefused(String options, String message) {
    List<String> arguments = new ArrayList<>(List.of("inspect"));
    arguments.addAll(List.of(options.split(" ")));

    CommandLineRun run = CommandLineRun.of(arguments.toArray(String[]::new));

    assertEquals(ExitCode.USAGE, run.code());
    assertTrue(run.err().startsWith("genarm inspect: " + message), run.err());
  }
}

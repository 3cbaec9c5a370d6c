package org.genarm.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import org.genarm.binding.NativeException;
import org.genarm.checkpoint.CheckpointException;
import org.genarm.cli.console.ExitCode;
import org.genarm.engine.GenerationException;
import org.genarm.model.ModelFixture;
import org.genarm.tokenizer.jinja.TemplateException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class MainTest {
  @TempDir private Path temporary;

  @Test
  void aVerbIsNeeded() {
    CommandLineRun run = CommandLineRun.of();

    assertEquals(ExitCode.USAGE, run.code());
    assertTrue(run.err().startsWith("genarm: a verb is missing: "), run.err());
  }

  @Test
  void anUnknownVerbIsNamed() {
    CommandLineRun run = CommandLineRun.of("summon");

    assertEquals(ExitCode.USAGE, run.code());
    assertTrue(run.err().startsWith("genarm: there is no verb 'summon', expected generate, logprobs, "), run.err());
    assertEquals("genarm bench: there is no verb 'speed', expected latency, throughput, kernels, serve, batch\n",
        CommandLineRun.of("bench", "speed").err());
    assertEquals("genarm: Unknown option: '--summon'\n", CommandLineRun.of("--summon").err());
  }

  @Test
  void theVersionIsTheBuilds() {
    CommandLineRun run = CommandLineRun.of("--version");

    assertTrue(run.out().matches("genarm \\d+\\.\\d+\\.\\d+\\S*\n"), run.out());
  }

  @Test
  void everyVerbHasHelp() {
    for (String verb : new CommandLine(new Main()).getSubcommands().keySet()) {
      CommandLineRun run = CommandLineRun.of(verb, "--help");

      assertEquals(ExitCode.OK, run.code());
      assertTrue(run.out().contains("Usage: genarm " + verb), run.out());
      assertEquals("", run.err());
    }
  }

  @Test
  void whatFailedDecidesTheExitCode() {
    assertEquals(ExitCode.USAGE, ExitCode.of(new IllegalArgumentException("a")));
    assertEquals(ExitCode.FILES, ExitCode.of(new CheckpointException(Path.of("a"), "b", "c")));
    assertEquals(ExitCode.FILES, ExitCode.of(new TemplateException("a")));
    assertEquals(ExitCode.DEVICE, ExitCode.of(new NativeException("a")));
    assertEquals(ExitCode.USAGE, ExitCode.of(new GenerationException("a law that is not finite")));
    assertEquals(ExitCode.DEVICE, ExitCode.of(new GenerationException("a", new NativeException("b"))));
    assertEquals(ExitCode.DEVICE, ExitCode.of(new UnsupportedOperationException("a")));
    assertEquals(ExitCode.INTERNAL, ExitCode.of(new IllegalStateException("a")));
  }

  @Test
  void debugShowsWhereAnErrorCameFrom() {
    CommandLineRun quiet = CommandLineRun.of("inspect", "/nowhere");
    CommandLineRun debug = CommandLineRun.with(Map.of("GENARM_DEBUG", "1"), "inspect", "/nowhere");

    assertEquals("genarm inspect: /nowhere: expected a model directory, found nothing there\n", quiet.err());
    assertTrue(debug.err().startsWith(quiet.err()));
    assertTrue(debug.err().contains("\tat org.genarm.checkpoint."), debug.err());
  }

  @Test
  void inspectTellsWhatACheckpointHolds() throws IOException {
    Path directory = new ModelFixture(temporary).write();

    CommandLineRun run = CommandLineRun.of("inspect", directory.toString(), "--json", "--tensors");

    JsonNode report = new ObjectMapper().readTree(run.out());
    assertEquals("llama", report.get("family").textValue());
    assertEquals(664, report.get("parameters").intValue());
    assertEquals(1328, report.get("bytes").get("BF16").intValue());
    assertEquals(12, report.get("tensors").size());
    assertEquals("[10,8]", report.get("tensors").get(0).get("shape").toString());
  }

  @Test
  void inspectForPeopleHasALineForEachField() {
    Path directory = new ModelFixture(temporary).write();

    CommandLineRun run = CommandLineRun.of("inspect", directory.toString(), "--tensors");

    assertTrue(run.out().contains("\nfamily             llama\n"), run.out());
    assertTrue(run.out().contains("\nbytes              BF16 1328\n"), run.out());
    assertTrue(run.out().contains("\n  model.norm.weight  BF16  [8]  16  model.safetensors\n"), run.out());
  }

  @Test
  void aFileIsNoModelDirectory() {
    Path file = new ModelFixture(temporary).write().resolve("config.json");

    CommandLineRun run = CommandLineRun.of("inspect", file.toString());

    assertEquals("genarm inspect: " + file + ": expected a model directory, found a file\n", run.err());
    assertEquals(ExitCode.FILES, run.code());
  }

  @Test
  void doctorReportsTheDevice() throws IOException {
    CommandLineRun run = CommandLineRun.of("doctor", "--json");

    JsonNode report = new ObjectMapper().readTree(run.out());
    assertEquals(ExitCode.OK, run.code());
    assertTrue(report.get("cpu").textValue().startsWith("cpu"), run.out());
    assertTrue(report.get("library").textValue().endsWith("libjniGenarm.so"), run.out());
    assertFalse(report.get("cuda").textValue().isEmpty());
    assertTrue(report.get("gpus").isArray()
        || report.get("gpus").textValue().startsWith("this machine has no NVIDIA"), run.out());
  }
}

package org.genarm.cli.options;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.genarm.binding.Dtype;
import org.genarm.cli.Main;
import org.genarm.cli.console.ExitCode;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

class CommonOptionsTest {
  @Command(name = "verb")
  static final class Verb implements Callable<Integer> {
    @Mixin private CommonOptions common;

    @Override
    public Integer call() {
      common.check();
      return ExitCode.OK;
    }
  }

  private final Verb verb = new Verb();
  private String error;

  private int run(Map<String, String> environment, String... arguments) {
    StringWriter err = new StringWriter();
    PrintWriter out = new PrintWriter(new StringWriter());
    CommandLine line = Main.configured(new CommandLine(verb), out, new PrintWriter(err, true), environment);
    int code = line.execute(arguments);
    error = err.toString();
    return code;
  }

  private int run(String arguments) {
    return run(Map.of(), arguments.split(" "));
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      textBlock =
          """
          --base b --arm a                         | a=a=1.0
          --base b --arm x/a/                      | a=x/a=1.0
          --base b --arm a=0.5                     | a=a=0.5
          --base b --arm n=a                       | n=a=1.0
          --base b --arm n=a=-2e-1                 | n=a=-0.2
          --base b --arm n=a=b=3                   | n=a=b=3.0
          --base b --arm 2                         | 2=2=1.0
          --base b --arm n=2=.5                    | n=2=0.5
          --base b --arm n=a=1d                    | n=a=1d=1.0
          --base b --arm a=1 --arm n=a=2           | a=a=1.0 n=a=2.0
          """)
  void anArmIsNameFolderAndWeight(String arguments, String expected) {
    assertEquals(ExitCode.OK, run(arguments), () -> error);

    String arms =
        verb.common.arms().stream()
            .map(arm -> arm.name() + "=" + arm.directory() + "=" + arm.weight())
            .collect(Collectors.joining(" "));
    assertEquals(expected, arms);
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      textBlock =
          """
          --arm a | "Missing required option: '--base=DIR'"
          --base b --beam 4 | "Unknown options: '--beam', '4'"
          --base b --arm =1 | "Invalid value for option '--arm' ([NAME=]DIR[=WEIGHT]): expected [NAME=]DIR[=WEIGHT], got '=1'"
          --base b --arm =a | "Invalid value for option '--arm' ([NAME=]DIR[=WEIGHT]): expected [NAME=]DIR[=WEIGHT], got '=a'"
          --base b --arm a=nan | "Invalid value for option '--arm' ([NAME=]DIR[=WEIGHT]): a weight must be finite in f32, got nan"
          --base b --arm a=1e40 | "Invalid value for option '--arm' ([NAME=]DIR[=WEIGHT]): a weight must be finite in f32, got 1e40"
          --base b --arm a=-inf | "Invalid value for option '--arm' ([NAME=]DIR[=WEIGHT]): a weight must be finite in f32, got -inf"
          --base b --arm models=heavy | "Invalid value for option '--arm' ([NAME=]DIR[=WEIGHT]): 'heavy' behind models is neither a weight nor a folder"
          --base b --arm x/a --arm y/a | "--arm: the name a is given twice"
          --base b --arm / | "Invalid value for option '--arm' ([NAME=]DIR[=WEIGHT]): '/' has no folder name: give NAME=DIR"
          --base b --device gpu | "--device: expected auto, cpu, cpu:CPUS, cuda or cuda:N, got 'gpu'"
          --base b --device cuda:x | "--device: expected auto, cpu, cpu:CPUS, cuda or cuda:N, got 'cuda:x'"
          --base b --threads -1 | "--threads: expected 0 to 1024, got -1"
          --base b --threads 1025 | "--threads: expected 0 to 1024, got 1025"
          --base b --threads two | "Invalid value for option '--threads': 'two' is not an int"
          --base b --dtype fp8 | "--dtype: expected auto, f32, bf16, int8, int4, got 'fp8'"
          --base b --activations int4 | "--activations: expected auto, f32, bf16, int8, got 'int4'"
          --base b --speculate fast | "--speculate: expected auto, off, arm, lookup or draft=DIR, got 'fast'"
          --base b --speculate draft= | "--speculate: expected auto, off, arm, lookup or draft=DIR, got 'draft='"
          --base b --speculate arm | "--speculate: arm needs an --arm with weights of its own"
          --base b --max-model-len 0 | "--max-model-len: expected at least 1, got 0"
          --base b --steps-in-flight 9 | "--steps-in-flight: expected 0 to 8, got 9"
          --base b --max-model-len 1.5 | "Invalid value for option '--max-model-len': '1.5' is not an int"
          --base b --arm a --arm-dtype c=bf16 | "--arm-dtype: there is no --arm named c"
          --base b --arm a --arm-dtype bf16 | "--arm-dtype: expected NAME=VALUE, got 'bf16'"
          --base b --arm a --arm-dtype a=q4 | "--arm-dtype: expected auto, f32, bf16, int8, int4, got 'q4'"
          --base b --arm a --arm-dtype a=f32 --arm-dtype a=f32 | "--arm-dtype: a is given twice"
          --base b --arm a --arm-base a=c | "--arm-base: a is not an adapter, a has no adapter_config.json"
          --base b --arm a --preference a=0.5,0.5 | "--preference: a is not an adapter, a has no adapter_config.json"
          """)
  void aWrongFlagIsNamedInOneLine(String arguments, String message) {
    assertEquals(ExitCode.USAGE, run(arguments));

    assertEquals("verb: " + message + "\n", error);
  }

  @Test
  void everyOptionHasATwinInTheEnvironment() {
    Map<String, String> environment =
        Map.of("GENARM_BASE", "b", "GENARM_ARM", "x=a=2;c", "GENARM_MAX_MODEL_LEN", "64", "GENARM_QUIET", "1");

    assertEquals(ExitCode.OK, run(environment), () -> error);

    assertEquals(Path.of("b"), verb.common.base());
    assertEquals(List.of("x", "c"), verb.common.arms().stream().map(ArmOption::name).toList());
    assertEquals(64, verb.common.maxModelLen().getAsInt());
    assertTrue(verb.common.quiet());
  }

  @Test
  void theCommandLineWinsOverTheEnvironment() {
    assertEquals(ExitCode.OK, run(Map.of("GENARM_BASE", "b"), "--base", "c"));

    assertEquals(Path.of("c"), verb.common.base());
  }

  @Test
  void aWrongTwinIsNamedLikeItsOption() {
    assertEquals(ExitCode.USAGE, run(Map.of("GENARM_THREADS", "many"), "--base", "b"));

    assertEquals("verb: Invalid value for option '--threads': 'many' is not an int\n", error);
  }

  @Test
  void anArmMayHaveADtypeOfItsOwn() {
    assertEquals(ExitCode.OK, run("--base b --arm a --arm c --dtype bf16 --arm-dtype c=int8"), () -> error);

    assertEquals(Optional.of(Dtype.BF16), verb.common.dtypeOf(verb.common.arms().get(0)));
    assertEquals(Optional.of(Dtype.INT8), verb.common.dtypeOf(verb.common.arms().get(1)));
  }

  @Test
  void autoIsAsStored() {
    assertEquals(ExitCode.OK, run("--base b --arm a"));

    assertEquals(Optional.empty(), verb.common.dtypeOf(verb.common.arms().get(0)));
  }
}

package org.genarm.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.genarm.cli.console.ExitCode;
import org.genarm.model.ModelFixture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class MalformedModelTest {
  @TempDir private Path temporary;

  static Stream<Malformed> rows() {
    return Stream.of(MalformedHeaders.rows(), MalformedDirectories.rows(), MalformedConfigs.rows())
        .flatMap(List::stream);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("rows")
  void isRefusedInOneLineThatNamesIt(Malformed malformed) {
    ModelFixture model = new ModelFixture(temporary.resolve("model"));
    malformed.spoiler().spoil(model);
    Path directory = model.write();

    CommandLineRun run = CommandLineRun.of("inspect", directory.toString());

    String error = run.err().replace(directory.toString(), "DIR");
    assertEquals("genarm inspect: " + malformed.message() + "\n", error);
    assertEquals(ExitCode.FILES, run.code());
    assertEquals("", run.out());
  }

  @Test
  void theSameModelUnspoiltIsFine() {
    Path directory = new ModelFixture(temporary.resolve("model")).write();

    CommandLineRun run = CommandLineRun.of("inspect", directory.toString());

    assertEquals("", run.err());
    assertEquals(ExitCode.OK, run.code());
  }
}

package org.genarm.embedding;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.genarm.Golden;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What an engine leaves behind in its host, seen from JVMs of their own. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class CleanCloseTest {
  /** -Dgenarm.cycles=10000 for the long run. */
  private static final int CYCLES = Integer.getInteger("genarm.cycles", 1500);

  /** JavaCPP's own thread frees pointers that nobody closed; nothing here needs it. */
  private static final String NO_POINTER_THREAD = "-Dorg.bytedeco.javacpp.nopointergc=true";

  @TempDir Path directory;

  private Map<String, String> run(List<String> options, Class<?> main, String... arguments) throws Exception {
    List<String> command = new ArrayList<>();
    command.add(ProcessHandle.current().info().command().orElseThrow());
    command.addAll(options);
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
    command.addAll(List.of(arguments));
    Path output = directory.resolve("output");
    Path errors = directory.resolve("errors");
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectOutput(output.toFile()).redirectError(errors.toFile());
    // New threads would take arenas of their own, whose free memory the C library keeps.
    builder.environment().put("MALLOC_ARENA_MAX", "1");
    Process process = builder.start();
    assertEquals(0, process.waitFor(), () -> read(errors));
    return Files.readAllLines(output).stream()
        .collect(Collectors.toMap(line -> line.split(" ", 2)[0], line -> line.split(" ", 2)[1]));
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      return e.toString();
    }
  }

  private static String golden(String name) {
    return Golden.ROOT.resolve(name).toString();
  }

  @Test
  void openingAndClosingLeavesNoMemoryMappingOrThread() throws Exception {
    Map<String, String> left = run(
        List.of("-Xms48m", "-Xmx48m", "-XX:+UseSerialGC", "-XX:+AlwaysPreTouch", "-XX:TieredStopAtLevel=1",
            NO_POINTER_THREAD),
        Host.class, golden("llama-arm-a"), golden("llama-arm-b"), String.valueOf(CYCLES));

    assertEquals("0", left.get("mappings"));
    assertEquals("[]", left.get("threads"));
    long grown = Long.parseLong(left.get("anon_kib_after")) - Long.parseLong(left.get("anon_kib_before"));
    System.out.println("open and close, " + CYCLES + " cycles: " + left);
    assertTrue(grown < 4 * 1024, "resident memory grew by " + grown + " KiB: " + left);
  }

  @Test
  void modelsLiveOutsideOfTheHeap() throws Exception {
    Path base = LargeCheckpoint.write(directory.resolve("large"));
    long weights = Files.size(base.resolve("model.safetensors"));

    Map<String, String> left = run(
        List.of("-Xmx32m", "-XX:+UseSerialGC"), Host.class, base.toString(), base.toString(), "1");

    assertTrue(weights > 2 * Long.parseLong(left.get("heap_mib")) << 20, weights + " bytes of weights, " + left);
  }
}

package org.genarm.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GpusTest {
  private static final Path RUNTIME = Path.of("/usr/local/cuda/lib64/libcudart.so.13");

  @TempDir private Path temporary;

  /** Prints the report: run in a process of its own, because a library that failed to load stays failed. */
  static final class Print {
    private Print() {}

    public static void main(String[] arguments) {
      GpuReport report = Gpus.find();
      System.out.println(report.gpus().isEmpty() ? report.whyNone() : report.gpus().size() + " GPUs");
      System.out.println(Gpus.find().equals(report) ? "and again" : "and then " + Gpus.find());
    }
  }

  private static String run(String classPath, String libraries) throws Exception {
    ProcessBuilder builder = new ProcessBuilder(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-cp", classPath, Print.class.getName());
    builder.environment().put("LD_LIBRARY_PATH", libraries);
    Process process = builder.redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), output);
    return output;
  }

  private static String classPath() {
    return System.getProperty("java.class.path");
  }

  @Test
  void aMachineWithoutADriverIsToldSo() throws Exception {
    if (Files.exists(Path.of("/dev/nvidiactl"))) {
      assertTrue(run(classPath(), "").startsWith("1 GPUs") || !Gpus.find().gpus().isEmpty());
      return;
    }

    String output = run(classPath(), "");

    assertEquals("this machine has no NVIDIA driver (libcuda.so.1)\nand again\n", output);
  }

  /** A driver in name alone lets the presets load; what they then find decides the sentence. */
  @Test
  void anEmptyDriverIsNoDriver() throws Exception {
    Path source = Files.writeString(temporary.resolve("stub.c"), "int stub(void) { return 0; }\n");
    Process compiler = new ProcessBuilder("g++", "-x", "c", "-shared", "-fPIC", "-Wl,-soname,libcuda.so.1", "-o",
        temporary.resolve("libcuda.so.1").toString(), source.toString()).inheritIO().start();
    assertEquals(0, compiler.waitFor());
    String libraries = temporary + ":" + RUNTIME.getParent();

    String output = run(classPath(), libraries);

    String expected = Files.exists(RUNTIME)
        ? "this machine has no NVIDIA driver (libcuda.so.1)"
        : "the CUDA runtime that the presets need is not installed (libcudart.so.13)";
    assertEquals(expected + "\nand again\n", output);
  }

  @Test
  void aClassPathWithoutThePresetsIsToldSo() throws Exception {
    String without = String.join(":",
        List.of(classPath().split(":")).stream().filter(entry -> !entry.contains("org/bytedeco/cuda")).toList());

    String output = run(without, "");

    assertEquals("the JavaCPP CUDA presets are not on the class path (org.bytedeco:cuda)\nand again\n", output);
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', textBlock = """
      35  | 0     | 13000 | 0 | this machine has no NVIDIA driver (libcuda.so.1)
      35  | 12040 | 13000 | 0 | the NVIDIA driver supports CUDA 12.4, 13.0 is needed
      100 | 13000 | 13000 | 0 | this machine has no NVIDIA GPU
      0   | 13000 | 13000 | 0 | this machine has no NVIDIA GPU
      46  | 13000 | 13000 | 2 | CUDA cannot tell its devices: error 46
      0   | 13010 | 13000 | 2 | ''
      """)
  void theRuntimesAnswerIsASentence(int status, int driver, int runtime, int count, String sentence) {
    assertEquals(sentence, Gpus.reason(status, driver, runtime, count));
  }

  @Test
  void aReportHasGpusOrAReason() {
    assertThrows(IllegalArgumentException.class, () -> new GpuReport("580.1", List.of(), ""));
    assertThrows(IllegalArgumentException.class, () -> new GpuReport("", List.of(new Gpu(0, "a", 2, 1)), "none"));
    assertEquals("a", new GpuReport("580.1", List.of(new Gpu(0, "a", 2, 1)), "").gpus().get(0).name());
  }
}

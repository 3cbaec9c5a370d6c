package org.genarm.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.genarm.binding.Device;
import org.genarm.binding.NativeException;
import org.genarm.binding.NativeLibrary;
import org.genarm.cli.console.ExitCode;
import org.genarm.cli.console.Report;
import org.genarm.device.GpuReport;
import org.genarm.device.Gpus;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code genarm doctor} */
@Command(
    name = "doctor",
    description = "What this machine offers: JVM, CPU features, memory, native library, devices.",
    mixinStandardHelpOptions = true)
final class DoctorCommand implements Callable<Integer> {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Those that some kernel asks for. */
  private static final List<String> FEATURES =
      List.of("avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512vl", "avx512_vnni", "avx512_bf16", "amx_bf16");

  @Spec private CommandSpec spec;

  @Option(names = "--json", description = "one JSON object")
  private boolean json;

  @Override
  public Integer call() throws Exception {
    ObjectNode report = JSON.createObjectNode();
    report.put("genarm", NativeLibrary.version());
    report.put("jvm", System.getProperty("java.vm.name") + " " + System.getProperty("java.runtime.version"));
    report.put("system", System.getProperty("os.name") + " " + System.getProperty("os.version") + ", "
        + System.getProperty("os.arch"));
    report.put("cores", Runtime.getRuntime().availableProcessors());
    ArrayNode features = report.putArray("cpu_features");
    cpuFeatures().forEach(features::add);
    report.put("memory_bytes", memory("MemTotal"));
    report.put("available_bytes", memory("MemAvailable"));
    report.put("heap_bytes", Runtime.getRuntime().maxMemory());
    boolean works = devices(report);

    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      out.println(JSON.writerWithDefaultPrettyPrinter().writeValueAsString(report));
    } else {
      Report.print(out, report);
    }
    return works ? ExitCode.OK : ExitCode.DEVICE;
  }

  private static boolean devices(ObjectNode report) {
    try {
      report.put("library", NativeLibrary.location());
    } catch (NativeException missing) {
      report.put("library", missing.getMessage());
      return false;
    }
    report.put("cpu", describe("cpu"));
    report.put("cuda", describe("cuda"));
    GpuReport gpus = Gpus.find();
    if (gpus.gpus().isEmpty()) {
      report.put("gpus", gpus.whyNone());
    } else {
      report.put("driver", gpus.driver());
      ArrayNode list = report.putArray("gpus");
      gpus.gpus().forEach(gpu -> list.add("cuda:" + gpu.index() + " " + gpu.name() + ", " + (gpu.freeBytes() >> 20) + " of "
          + (gpu.totalBytes() >> 20) + " MiB free"));
    }
    return true;
  }

  private static String describe(String name) {
    try (Device device = Device.open(name, 0)) {
      return device.description();
    } catch (NativeException absent) {
      return absent.getMessage();
    }
  }

  private static List<String> cpuFeatures() {
    List<String> flags =
        lines("/proc/cpuinfo")
            .filter(line -> line.startsWith("flags"))
            .findFirst()
            .map(line -> Arrays.asList(line.substring(line.indexOf(':') + 1).trim().split(" ")))
            .orElse(List.of());
    return FEATURES.stream().filter(flags::contains).toList();
  }

  /** A line of /proc/meminfo in bytes; null where there is none. */
  private static Long memory(String name) {
    return lines("/proc/meminfo")
        .filter(line -> line.startsWith(name + ":"))
        .findFirst()
        .map(line -> Long.parseLong(line.replaceAll("\\D", "")) * 1024)
        .orElse(null);
  }

  /** Bytes of this machine's memory; 0 where that is not known. */
  static long totalMemory() {
    Long bytes = memory("MemTotal");
    return bytes == null ? 0 : bytes;
  }

  private static Stream<String> lines(String file) {
    try {
      return Files.readAllLines(Path.of(file)).stream();
    } catch (IOException notLinux) {
      return Stream.empty();
    }
  }
}

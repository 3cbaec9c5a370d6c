package org.genarm.cli.options;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import org.genarm.GenArmBuilder;
import org.genarm.binding.Device;
import org.genarm.binding.Dtype;
import picocli.CommandLine.Option;

/** Where to compute and how precisely. A verb calls {@link #check()} first. */
public final class DeviceOptions {
  private static final Pattern DEVICE = Pattern.compile("auto|cpu(:[0-9,-]{1,256})?|cuda(:\\d{1,4})?");
  private static final int MOST_THREADS = 1024;
  private static final List<Dtype> WEIGHTS = List.of(Dtype.F32, Dtype.BF16, Dtype.INT8, Dtype.INT4);
  private static final List<Dtype> ACTIVATIONS = List.of(Dtype.F32, Dtype.BF16, Dtype.INT8);

  @Option(names = "--device", defaultValue = "auto", paramLabel = "auto|cpu[:CPUS]|cuda[:N]",
      description = "where to compute; CPUS as 0-3,6 keeps each thread on one of them")
  private String device;

  @Option(names = "--threads", defaultValue = "0", paramLabel = "N", description = "CPU threads; 0: one for each core")
  private int threads;

  @Option(
      names = "--dtype",
      defaultValue = "auto",
      paramLabel = "auto|f32|bf16|int8|int4",
      description = "how weights are kept; auto: as stored")
  private String dtype;

  @Option(
      names = "--activations",
      defaultValue = "auto",
      paramLabel = "auto|f32|bf16|int8",
      description = "precision of matrix inputs; auto: f32 on the CPU, bf16 on CUDA")
  private String activations;

  /** Refuses a device, a number of threads or a precision that there is not: an IllegalArgumentException. */
  public void check() {
    if (!DEVICE.matcher(device).matches()) {
      throw new IllegalArgumentException("--device: expected auto, cpu, cpu:CPUS, cuda or cuda:N, got '" + device + "'");
    }
    if (threads < 0 || threads > MOST_THREADS) {
      throw new IllegalArgumentException("--threads: expected 0 to " + MOST_THREADS + ", got " + threads);
    }
    dtype();
    activations();
  }

  public Device open() {
    return Device.open(device, threads);
  }

  /** How weights are kept; empty: as stored. */
  public Optional<Dtype> dtype() {
    return weights("--dtype", dtype);
  }

  /** What an option says of how weights are kept; empty: as stored. */
  public static Optional<Dtype> weights(String option, String value) {
    return parse(option, value, WEIGHTS);
  }

  public Dtype activations(Device opened) {
    return activations().orElseGet(opened::defaultActivations);
  }

  /** Threads that compute on a CPU. */
  int numThreads() {
    return threads > 0 ? threads : Runtime.getRuntime().availableProcessors();
  }

  void configure(GenArmBuilder builder) {
    builder.device(device).threads(threads).dtype(dtype().orElse(null)).activations(activations().orElse(null));
  }

  /** What decides on the tokens that the models draw. */
  void describe(ObjectNode json) {
    json.put("dtype", dtype).put("activations", activations);
  }

  private Optional<Dtype> activations() {
    return parse("--activations", activations, ACTIVATIONS);
  }

  private static Optional<Dtype> parse(String option, String value, List<Dtype> choices) {
    if (value.equals("auto")) {
      return Optional.empty();
    }
    for (Dtype choice : choices) {
      if (choice.toString().equals(value)) {
        return Optional.of(choice);
      }
    }
    String names = String.join(", ", choices.stream().map(Dtype::toString).toList());
    throw new IllegalArgumentException(option + ": expected auto, " + names + ", got '" + value + "'");
  }
}

package org.genarm;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.genarm.binding.Device;
import org.genarm.binding.Dtype;
import org.genarm.binding.NativeException;
import org.genarm.model.AdapterBytes;
import org.genarm.model.AdapterConfig;
import org.genarm.model.GptqConfig;
import org.genarm.model.KeptAs;
import org.genarm.model.ModelConfig;
import org.genarm.model.WeightBytes;

/**
 * What a base and its reward models take of a device's memory, reckoned from their configurations before anything is loaded:
 * weights, keys and values, and what steps work in. A device that cannot hold it is refused with what it could hold, so that
 * memory never runs out in the middle of a load or of a run.
 */
final class MemoryPlan {
  private static final double GIBIBYTE = 1L << 30;

  /** Activations, logits and scratch of steps; the device's own context. */
  private static final long WORKING_BYTES = 768L << 20;

  /** Weights kept otherwise than asked, from the largest to the smallest. */
  private static final List<Dtype> SMALLER = List.of(Dtype.BF16, Dtype.INT8, Dtype.INT4);

  /** A view; base: of an adapter, else null; dtype: null keeps weights as stored. */
  private record Part(String name, Path directory, Path base, Dtype dtype) {
    Path weights() {
      return base == null ? directory : base;
    }
  }

  private final List<Part> parts = new ArrayList<>();
  private final long kvBytes;

  /** kvBytes: of keys and values of all views. */
  MemoryPlan(long kvBytes) {
    this.kvBytes = kvBytes;
  }

  /** base: of {@code directory} where that is an adapter. */
  void add(String name, Path directory, Path base, Dtype dtype) {
    parts.add(new Part(name, directory, AdapterConfig.isIn(directory) ? base : null, dtype));
  }

  /** Of a GPU, whose memory does not grow; a CPU's is the machine's, and what is not used of it costs nothing. */
  void require(Device device) {
    if (!device.isCpu()) {
      require(device.memory(), device.description());
    }
  }

  /** {@link NativeException.OutOfMemory} with a table where `memory` cannot hold all of it. */
  void require(Device.Memory memory, String device) {
    long needed = bytes(null, false);
    if (needed <= memory.free()) {
      return;
    }
    StringBuilder text = new StringBuilder(String.format(Locale.ROOT,
        "%s has %s GiB free, the models need %s GiB:", device, gibibytes(memory.free()), gibibytes(needed)));
    parts(null, false).forEach((name, bytes) -> row(text, name, bytes));
    row(text, "keys and values", kvBytes);
    row(text, "working memory", WORKING_BYTES);
    for (Dtype dtype : SMALLER) {
      long ofBase = bytes(dtype, true);
      long ofAll = bytes(dtype, false);
      if (ofBase < needed && ofBase != ofAll) {
        choice(text, "the base " + dtype, ofBase, memory);
      }
      if (ofAll < needed) {
        choice(text, "all weights " + dtype, ofAll, memory);
      }
    }
    throw new NativeException.OutOfMemory(text.toString());
  }

  private static void row(StringBuilder text, String name, long bytes) {
    text.append(String.format(Locale.ROOT, "%n  %s %s GiB;", name, gibibytes(bytes)));
  }

  private static void choice(StringBuilder text, String name, long bytes, Device.Memory memory) {
    text.append(String.format(Locale.ROOT, "%n  %s: %s GiB, %s;", name, gibibytes(bytes),
        bytes <= memory.free() ? "fits" : "does not fit"));
  }

  private static String gibibytes(long bytes) {
    return String.format(Locale.ROOT, "%.2f", bytes / GIBIBYTE);
  }

  /** dtype: of all weights, or of those of the first view alone; null: as each was asked for. */
  private long bytes(Dtype dtype, boolean ofBase) {
    return parts(dtype, ofBase).values().stream().mapToLong(Long::longValue).sum() + kvBytes + WORKING_BYTES;
  }

  /** Bytes of each weight set, named after the first view that needs it, and of each adapter. */
  private Map<String, Long> parts(Dtype dtype, boolean ofBase) {
    Map<String, Long> bytes = new LinkedHashMap<>();
    List<String> resident = new ArrayList<>();
    for (Part part : parts) {
      Path weights = part.weights();
      Dtype kept = dtype == null || ofBase && !weights.equals(parts.get(0).weights()) ? part.dtype : dtype;
      ModelConfig config = ModelConfig.read(weights);
      String key = kept + " " + weights.toAbsolutePath().normalize();
      long own = 0;
      if (!resident.contains(key)) {
        resident.add(key);
        own = WeightBytes.of(config, GptqConfig.read(weights), kept).resident();
      }
      if (part.base != null) {
        own += AdapterBytes.read(part.directory, config.shape(), KeptAs.of(config, GptqConfig.read(weights), kept)).bytes();
      }
      bytes.put(part.name + " (" + (kept == null ? "as stored" : kept) + ")", own);
    }
    return bytes;
  }
}

package org.genarm;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.LongBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.genarm.checkpoint.Safetensors;
import org.genarm.checkpoint.StoredTensor;

/** Reads the fixtures under {@code tests/golden} and the models under {@code models}. */
public final class Golden {
  public static final Path ROOT = Path.of("tests/golden");
  public static final Path MODELS = Path.of("models");

  /** Reward models over {@code models/demo-base}, and what PyTorch says of them. */
  public static final Path DEMO = ROOT.resolve("demo");

  private Golden() {}

  /** Folders that hold a causal language model with plain weights. */
  public static List<Path> denseCheckpoints() throws IOException {
    try (var folders = Files.list(ROOT)) {
      return folders.filter(Golden::isDense).sorted().toList();
    }
  }

  private static boolean isDense(Path folder) {
    if (!Files.exists(folder.resolve("config.json"))) {
      return false;
    }
    JsonNode config = json(folder.resolve("config.json"));
    return !config.has("quantization_config")
        && config.path("architectures").path(0).asText().endsWith("ForCausalLM");
  }

  public static JsonNode json(Path file) {
    try {
      return new ObjectMapper().readTree(file.toFile());
    } catch (IOException e) {
      throw new IllegalStateException(file.toString(), e);
    }
  }

  public static List<Integer> ints(JsonNode array) {
    List<Integer> values = new ArrayList<>();
    array.forEach(value -> values.add(value.asInt()));
    return values;
  }

  public static int[] array(JsonNode array) {
    return ints(array).stream().mapToInt(Integer::intValue).toArray();
  }

  /** A two-dimensional I64 tensor's rows. */
  public static List<int[]> rows(Path file, String name) {
    try (Safetensors tensors = Safetensors.open(file)) {
      StoredTensor tensor = tensors.tensor(name);
      LongBuffer values = tensors.read(tensor).asLongBuffer();
      int length = Math.toIntExact(tensor.shape().get(1));
      List<int[]> rows = new ArrayList<>();
      while (values.hasRemaining()) {
        int[] row = new int[length];
        for (int i = 0; i < length; i++) {
          row[i] = Math.toIntExact(values.get());
        }
        rows.add(row);
      }
      return rows;
    }
  }

  public static float[] floats(Path file, String name) {
    try (Safetensors tensors = Safetensors.open(file)) {
      var values = tensors.read(tensors.tensor(name)).asFloatBuffer();
      float[] floats = new float[values.remaining()];
      values.get(floats);
      return floats;
    }
  }

  /** log_softmax of each row of `size` logits, in double. */
  public static double[] logSoftmax(float[] logits, int size) {
    double[] result = new double[logits.length];
    for (int from = 0; from < logits.length; from += size) {
      double max = Double.NEGATIVE_INFINITY;
      for (int i = from; i < from + size; i++) {
        max = Math.max(max, logits[i]);
      }
      double sum = 0;
      for (int i = from; i < from + size; i++) {
        sum += Math.exp(logits[i] - max);
      }
      for (int i = from; i < from + size; i++) {
        result[i] = logits[i] - max - Math.log(sum);
      }
    }
    return result;
  }
}

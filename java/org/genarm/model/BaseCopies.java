package org.genarm.model;

import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.genarm.checkpoint.Checkpoint;
import org.genarm.checkpoint.CheckpointException;
import org.genarm.checkpoint.StoredTensor;
import org.genarm.checkpoint.TensorType;
import org.genarm.checkpoint.TensorValues;

/**
 * Embeddings and LM heads in an adapter's file. PEFT stores them whole beside an update of the LM head, and where a
 * vocabulary was resized. As copies of the base's own they say nothing; others would need a base of their own.
 */
final class BaseCopies {
  private static final Pattern NAME =
      Pattern.compile("base_model\\.model\\.(lm_head|model\\.embed_tokens)(?:\\.base_layer)?\\.weight");
  private static final String EMBEDDING = "model.embed_tokens.weight";
  private static final String EXPECTED = "the base's own weights, for they are shared";
  private static final int RUN = 1 << 20;

  private BaseCopies() {}

  static boolean isOne(StoredTensor tensor) {
    return original(tensor) != null;
  }

  /** The name of what it is a copy of; null where it is none. */
  private static String original(StoredTensor tensor) {
    Matcher name = NAME.matcher(tensor.name());
    return name.matches() ? name.group(1) + ".weight" : null;
  }

  /** {@link CheckpointException} names the first that the base's weights, rounded to its type, are not equal to. */
  static void check(List<StoredTensor> copies, Path base) {
    if (copies.isEmpty()) {
      return;
    }
    try (Checkpoint checkpoint = Checkpoint.open(base)) {
      StoredTensor tied = checkpoint.tensors().get(EMBEDDING);
      for (StoredTensor copy : copies) {
        check(copy, checkpoint.tensors().getOrDefault(original(copy), tied));
      }
    }
  }

  private static void check(StoredTensor copy, StoredTensor original) {
    Path file = copy.file().path();
    if (original == null || !copy.shape().equals(original.shape())) {
      String expected = original == null ? "a base with embeddings" : EXPECTED + ", " + original.describe();
      throw new CheckpointException(file, copy.name(), expected, copy.describe());
    }
    long count = copy.shape().stream().reduce(1L, Math::multiplyExact);
    for (long first = 0; first < count; first += RUN) {
      int run = (int) Math.min(RUN, count - first);
      float[] values = TensorValues.read(copy, first, run);
      float[] originals = TensorValues.read(original, first, run);
      for (int i = 0; i < run; i++) {
        if (!(Math.abs(values[i] - originals[i]) <= rounding(copy.type(), originals[i]))) {
          throw new CheckpointException(file, copy.name(), EXPECTED,
              values[i] + " where it has " + originals[i] + ", at " + (first + i));
        }
      }
    }
  }

  /** Half a unit in the last place of a value in another type. */
  private static double rounding(TensorType type, float value) {
    return switch (type) {
      case BF16 -> Math.abs(value) * 0x1p-8;
      case F16 -> Math.abs(value) * 0x1p-11 + 0x1p-25;
      default -> 0;
    };
  }
}

package org.genarm.cli.options;

import java.nio.LongBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.genarm.checkpoint.CheckpointException;
import org.genarm.checkpoint.Safetensors;
import org.genarm.checkpoint.StoredTensor;
import org.genarm.checkpoint.TensorType;

/** I64 {@code input_ids} [rows, length] of a safetensors file. */
public record IdRows(Path file, List<int[]> rows) {
  private static final String INPUT = "input_ids";

  public static IdRows read(Path file) {
    try (Safetensors opened = Safetensors.open(file)) {
      StoredTensor tensor = opened.tensor(INPUT);
      if (tensor.type() != TensorType.I64 || tensor.shape().size() != 2 || tensor.shape().contains(0L)) {
        throw new CheckpointException(file, INPUT, "I64 [rows, length], both at least 1", tensor.describe());
      }
      LongBuffer values = opened.read(tensor).asLongBuffer();
      int length = Math.toIntExact(tensor.shape().get(1));
      List<int[]> rows = new ArrayList<>();
      while (values.hasRemaining()) {
        int[] row = new int[length];
        for (int i = 0; i < length; i++) {
          long value = values.get();
          if (value < 0 || value > Integer.MAX_VALUE) {
            throw outside(file, value, rows.size(), i, "token ids");
          }
          row[i] = (int) value;
        }
        rows.add(row);
      }
      return new IdRows(file, rows);
    }
  }

  public void requireBelow(int vocabSize) {
    for (int row = 0; row < rows.size(); row++) {
      for (int i = 0; i < rows.get(row).length; i++) {
        if (rows.get(row)[i] >= vocabSize) {
          throw outside(file, rows.get(row)[i], row, i,
              "ids below " + vocabSize + ", the size of the models' vocabulary");
        }
      }
    }
  }

  private static CheckpointException outside(Path file, long value, int row, int position, String expected) {
    return new CheckpointException(file, INPUT, expected, value + " at [" + row + ", " + position + "]");
  }
}

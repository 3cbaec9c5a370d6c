package org.genarm.model;

import java.util.List;
import java.util.Map;
import org.genarm.binding.FileRange;
import org.genarm.binding.NativeWeights;
import org.genarm.checkpoint.CheckpointException;
import org.genarm.checkpoint.StoredTensor;
import org.genarm.checkpoint.TensorType;

/** The tensors of GPTQ's layers: four parts in place of a layer's weight. */
final class GptqLayers {
  static final List<String> PARTS = List.of(".qweight", ".qzeros", ".scales", ".g_idx");

  static final int PER_WORD = 8;
  private static final int READ_BYTES = 1 << 20;

  private GptqLayers() {}

  /** Adds what a [rows, columns] layer has to the expected tensors. */
  static void expect(
      Map<String, ExpectedTensors.Expected> tensors, String module, long rows, long columns, GptqConfig config) {
    long groups = config.groups(columns);
    add(tensors, module + ".qweight", TensorType.I32, (columns + PER_WORD - 1) / PER_WORD, rows);
    add(tensors, module + ".qzeros", TensorType.I32, groups, (rows + PER_WORD - 1) / PER_WORD);
    add(tensors, module + ".scales", TensorType.F16, groups, rows);
    add(tensors, module + ".g_idx", TensorType.I32, columns);
  }

  private static void add(
      Map<String, ExpectedTensors.Expected> tensors, String name, TensorType type, Long... shape) {
    tensors.put(name, new ExpectedTensors.Expected(List.of(shape), List.of(type)));
  }

  /** Whether a tensor is a part of a layer: all parts are loaded with its qweight. */
  static boolean isPart(StoredTensor tensor) {
    return PARTS.stream().anyMatch(tensor.name()::endsWith);
  }

  /** Packs the layer of a qweight. */
  static void load(
      NativeWeights weights, StoredTensor qweight, Map<String, StoredTensor> tensors, GptqConfig config) {
    String module = qweight.name().substring(0, qweight.name().length() - PARTS.get(0).length());
    List<FileRange> ranges = PARTS.stream().map(part -> range(tensors.get(module + part))).toList();
    weights.loadGptq(
        module, config.groupSize(), config.zeroOffset(), ranges.get(0), ranges.get(1), ranges.get(2), ranges.get(3));
  }

  private static FileRange range(StoredTensor tensor) {
    return new FileRange(tensor.file().mapped(), tensor.offset(), tensor.bytes());
  }

  /** AutoGPTQ gives every layer a bias: where the model has none it must be zero. */
  static void requireZero(StoredTensor bias) {
    for (long at = 0; at < bias.bytes(); at += READ_BYTES) {
      int bytes = (int) Math.min(READ_BYTES, bias.bytes() - at);
      for (byte value : bias.file().mapped().read(bias.offset() + at, bytes)) {
        if (value != 0) {
          throw new CheckpointException(
              bias.file().path(), bias.name(), "zeros, for the model has no such bias", "other values");
        }
      }
    }
  }
}

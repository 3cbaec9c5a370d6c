package org.genarm.binding;

import org.bytedeco.javacpp.BytePointer;
import org.genarm.binding.door.Genarm;
import org.genarm.binding.door.ga_gptq;
import org.genarm.binding.door.ga_model_config;
import org.genarm.binding.door.ga_weights;

/** A weight set: one checkpoint's tensors, resident on a device. */
public final class NativeWeights implements AutoCloseable {
  private static final int AS_STORED = -1;

  final Handle<ga_weights> handle;

  private NativeWeights(ga_weights pointer, Device device) {
    handle = new Handle<>("the weight set", pointer, Genarm::ga_weights_close, device.handle);
  }

  /**
   * An empty weight set.
   *
   * @param invFreq [headDim / 2] rotary frequencies after any scaling
   * @param windows [numLayers] 0 for full attention, else position t sees positions (t - window, t]
   * @param dtype how matrices are kept; null keeps each as stored, and GPTQ layers always stay as stored
   */
  public static NativeWeights create(
      Device device, ModelShape shape, float[] invFreq, int[] windows, Dtype dtype) {
    if (shape.headDim() < 2 || invFreq.length != shape.headDim() / 2) {
      throw new IllegalArgumentException(
          invFreq.length + " rotary frequencies for a head of " + shape.headDim() + ", expected half as many");
    }
    if (windows.length != shape.numLayers()) {
      throw new IllegalArgumentException(windows.length + " windows for " + shape.numLayers() + " layers");
    }
    ga_weights pointer = new ga_weights();
    int code = dtype == null ? AS_STORED : dtype.code;
    try (ga_model_config config = shape.struct()) {
      NativeLibrary.check(
          Genarm.ga_weights_create(device.handle.pointer(), config, invFreq, windows, code, pointer));
    }
    return new NativeWeights(pointer, device);
  }

  /**
   * Packs one tensor out of a mapped file. {@link IllegalArgumentException} for a name or shape that the model does not
   * have, a tensor given twice, or bytes outside the file.
   *
   * @param name Hugging Face's, as "model.layers.0.self_attn.q_proj.weight"
   * @param dtype how the file stores it: F32, F16 or BF16
   */
  public void load(String name, Dtype dtype, long[] shape, MappedFile file, long offset, long bytes) {
    try (BytePointer text = NativeLibrary.text(name)) {
      NativeLibrary.check(
          Genarm.ga_weights_load(
              handle.pointer(), text, dtype.code, shape, shape.length, file.handle.pointer(), offset, bytes));
    }
  }

  /**
   * Packs one layer that GPTQ quantised, in place of its weight. {@link IllegalArgumentException} for a module that the
   * model does not have or whose weight was given, and for a tensor that does not fit or holds what is not possible.
   *
   * @param module Hugging Face's, as "model.layers.0.self_attn.q_proj"
   * @param groupSize columns that share a scale, -1 for all
   * @param zeroOffset what is added to the stored zeros: 1, or 0 in the format "gptq_v2"
   * @param groupIndex null where column i is of group i / groupSize
   */
  public void loadGptq(
      String module,
      int groupSize,
      int zeroOffset,
      FileRange qweight,
      FileRange qzeros,
      FileRange scales,
      FileRange groupIndex) {
    try (ga_gptq gptq = new ga_gptq();
        BytePointer name = NativeLibrary.text(module)) {
      gptq.zero();
      gptq.struct_size(gptq.sizeof()).group_size(groupSize).zero_offset(zeroOffset);
      FileRange.write(gptq.qweight(), qweight);
      FileRange.write(gptq.qzeros(), qzeros);
      FileRange.write(gptq.scales(), scales);
      FileRange.write(gptq.g_idx(), groupIndex);
      NativeLibrary.check(Genarm.ga_weights_load_gptq(handle.pointer(), name, gptq));
    }
  }

  /** Checks that every tensor was given; {@link IllegalArgumentException} names the first that is missing. */
  public void finish() {
    NativeLibrary.check(Genarm.ga_weights_finish(handle.pointer()));
  }

  /** Bytes resident on the device. */
  public long bytes() {
    return Genarm.ga_weights_bytes(handle.pointer());
  }

  @Override
  public void close() {
    handle.close();
  }
}

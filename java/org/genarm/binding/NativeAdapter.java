package org.genarm.binding;

import org.bytedeco.javacpp.BytePointer;
import org.genarm.binding.door.Genarm;
import org.genarm.binding.door.ga_adapter;

/** Low-rank updates of a weight set's linear layers: LoRA, or PBLoRA with a preference vector. */
public final class NativeAdapter implements AutoCloseable {
  final Handle<ga_adapter> handle;

  private NativeAdapter(ga_adapter pointer, NativeWeights weights) {
    handle = new Handle<>("the adapter", pointer, Genarm::ga_adapter_close, weights.handle);
  }

  /**
   * An empty adapter.
   *
   * @param numObjectives length of PBLoRA's preference vector; 0 for LoRA
   */
  public static NativeAdapter create(NativeWeights weights, int numObjectives) {
    ga_adapter pointer = new ga_adapter();
    NativeLibrary.check(Genarm.ga_adapter_create(weights.handle.pointer(), numObjectives, pointer));
    return new NativeAdapter(pointer, weights);
  }

  /**
   * Packs one part of a module's update out of a mapped file.
   *
   * @param module Hugging Face's name, as "model.layers.0.self_attn.q_proj" or "lm_head"
   * @param part "A" [rank, in], "B" [out, rank], "W1" [r1, r1] or "W2" [objectives, r2 * r2]
   */
  public void load(
      String module, String part, Dtype dtype, long[] shape, MappedFile file, long offset, long bytes) {
    try (BytePointer name = NativeLibrary.text(module);
        BytePointer partName = NativeLibrary.text(part)) {
      NativeLibrary.check(
          Genarm.ga_adapter_load(
              handle.pointer(), name, partName, dtype.code, shape, shape.length, file.handle.pointer(), offset, bytes));
    }
  }

  /** Sets what a module's update is multiplied with. */
  public void scale(String module, float scale) {
    try (BytePointer name = NativeLibrary.text(module)) {
      NativeLibrary.check(Genarm.ga_adapter_scale(handle.pointer(), name, scale));
    }
  }

  /** Checks that every module is whole; {@link IllegalArgumentException} names the first that is not. */
  public void finish() {
    NativeLibrary.check(Genarm.ga_adapter_finish(handle.pointer()));
  }

  /** Bytes resident on the device. */
  public long bytes() {
    return Genarm.ga_adapter_bytes(handle.pointer());
  }

  @Override
  public void close() {
    handle.close();
  }
}

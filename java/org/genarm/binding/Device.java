package org.genarm.binding;

import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.LongPointer;
import org.genarm.binding.door.Genarm;
import org.genarm.binding.door.ga_device;

/** A CPU or a GPU that computes. */
public final class Device implements AutoCloseable {
  final Handle<ga_device> handle;

  private Device(ga_device pointer) {
    handle = new Handle<>("the device", pointer, Genarm::ga_device_close);
  }

  /**
   * Opens "auto" (a GPU where this library and machine have one, else the CPU; a GPU that is there and fails is an error),
   * "cpu", "cpu:0-3,6" to keep each thread on one of these CPUs, or "cuda" or "cuda:N" where the library was built with it.
   * {@link NativeException} where there is no such device.
   *
   * @param numThreads threads that compute on a CPU, the caller's among them; 0 takes one for each core, or for each CPU
   *     that is named
   */
  public static Device open(String name, int numThreads) {
    if (name.equals("auto")) {
      return open(cudaCount() > 0 ? "cuda" : "cpu", numThreads);
    }
    NativeLibrary.load();
    ga_device pointer = new ga_device();
    try (BytePointer text = NativeLibrary.text(name)) {
      NativeLibrary.check(Genarm.ga_device_open(text, numThreads, pointer));
    }
    return new Device(pointer);
  }

  /** Whether steps are computed on this machine's CPUs. */
  public boolean isCpu() {
    return description().startsWith("cpu");
  }

  /** How many steps are in flight where nobody chose: 1 on a CPU, which gains nothing by more, 2 on a GPU. */
  public int defaultStepsInFlight() {
    return isCpu() ? 1 : 2;
  }

  /** The precision of matrix inputs that nobody chose: F32 on a CPU, BF16 on a GPU. */
  public Dtype defaultActivations() {
    return isCpu() ? Dtype.F32 : Dtype.BF16;
  }

  /**
   * Keeps the calling thread, which is to run the steps, on the first of the CPUs that were named; does nothing where none
   * were.
   */
  public void pinThread() {
    NativeLibrary.check(Genarm.ga_device_pin_thread(handle.pointer()));
  }

  /** How many CUDA devices {@link #open} may find. */
  public static int cudaCount() {
    NativeLibrary.load();
    return Genarm.ga_cuda_count();
  }

  /** Why there is no CUDA device, in a sentence: no driver, one that is too old, no GPU, or a library without CUDA. */
  public static String whyNoCuda() {
    return cudaCount() > 0 ? "" : NativeLibrary.text(Genarm.ga_last_error());
  }

  /** Memory in bytes. */
  public record Memory(long free, long total) {}

  /** What is free now, and all of it; on a CPU the machine's. */
  public Memory memory() {
    try (LongPointer free = new LongPointer(1); LongPointer total = new LongPointer(1)) {
      NativeLibrary.check(Genarm.ga_device_memory(handle.pointer(), free, total));
      return new Memory(free.get(), total.get());
    }
  }

  /** One line for people: "cpu, AVX-512 with BF16, 2 threads". */
  public String description() {
    return NativeLibrary.text(Genarm.ga_device_description(handle.pointer()));
  }

  @Override
  public void close() {
    handle.close();
  }
}

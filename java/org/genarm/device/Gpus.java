package org.genarm.device;

import java.util.ServiceLoader;

/** The machine's GPUs, whatever is installed on it. */
public final class Gpus {
  private static final String NO_DRIVER = "this machine has no NVIDIA driver (libcuda.so.1)";
  private static final int HUNDREDS = 1000;
  private static final int TENS = 10;

  /** A class that could not be initialised never can be, and says why only once. */
  private static GpuReport unlinked;

  private Gpus() {}

  /** Never fails: what is missing is the report's reason. */
  public static synchronized GpuReport find() {
    if (unlinked != null) {
      return unlinked;
    }
    try {
      for (GpuManagement provider : ServiceLoader.load(GpuManagement.class)) {
        return provider.report();
      }
      return GpuReport.none("this build has no management of GPUs");
    } catch (LinkageError missing) {
      unlinked = GpuReport.none(reason(missing));
      return unlinked;
    }
  }

  /** What a class or a library that could not be loaded means, in a sentence. */
  static String reason(Throwable missing) {
    for (Throwable cause = missing; cause != null; cause = cause.getCause()) {
      String text = String.valueOf(cause.getMessage());
      if (text.contains("libcuda.so") || text.contains("libnvidia-ml.so")) {
        return NO_DRIVER;
      }
      if (text.contains("libcudart.so")) {
        return "the CUDA runtime that the presets need is not installed (libcudart.so.13)";
      }
      if (text.startsWith("org/bytedeco/cuda")) {
        return "the JavaCPP CUDA presets are not on the class path (org.bytedeco:cuda)";
      }
    }
    return "GPUs cannot be managed: " + missing;
  }

  /**
   * What the runtime's answer to "how many devices" means; empty where there are some.
   *
   * @param status cudaError_t
   * @param driver the CUDA version that the driver supports, 0: there is no driver
   * @param runtime the runtime's CUDA version
   */
  public static String reason(int status, int driver, int runtime, int count) {
    final int insufficientDriver = 35;
    final int noDevice = 100;
    if (driver == 0) {
      return NO_DRIVER;
    }
    if (status == insufficientDriver) {
      return "the NVIDIA driver supports CUDA " + version(driver) + ", " + version(runtime) + " is needed";
    }
    if (status == noDevice || status == 0 && count == 0) {
      return "this machine has no NVIDIA GPU";
    }
    return status == 0 ? "" : "CUDA cannot tell its devices: error " + status;
  }

  private static String version(int number) {
    return number / HUNDREDS + "." + number % HUNDREDS / TENS;
  }
}

package org.genarm.device;

/** Asks a driver about its GPUs; providers are found by a {@link java.util.ServiceLoader}. */
public interface GpuManagement {
  /** May throw a {@link LinkageError} where what it is linked to is missing. */
  GpuReport report();
}

package org.genarm.device;

/**
 * A GPU.
 *
 * @param index as in the device name {@code cuda:N}
 * @param totalBytes of its memory
 * @param freeBytes of its memory, now
 */
public record Gpu(int index, String name, long totalBytes, long freeBytes) {}

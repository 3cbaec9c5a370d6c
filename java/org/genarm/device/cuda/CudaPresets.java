package org.genarm.device.cuda;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.cuda.global.nvml;
import org.bytedeco.cuda.nvml.nvmlDevice_st;
import org.bytedeco.cuda.nvml.nvmlMemory_t;
import org.genarm.device.Gpu;
import org.genarm.device.GpuManagement;
import org.genarm.device.GpuReport;
import org.genarm.device.Gpus;

/** cudart says whether there are devices, NVML what they are: it asks without a context on any of them. */
public final class CudaPresets implements GpuManagement {
  private static final int TEXT = 96;

  @Override
  public GpuReport report() {
    int[] driver = new int[1];
    int[] runtime = new int[1];
    int[] count = new int[1];
    cudart.cudaDriverGetVersion(driver);
    cudart.cudaRuntimeGetVersion(runtime);
    int status = cudart.cudaGetDeviceCount(count);
    String whyNone = Gpus.reason(status, driver[0], runtime[0], count[0]);
    return whyNone.isEmpty() ? managed() : new GpuReport("", List.of(), whyNone);
  }

  private static GpuReport managed() {
    int status = nvml.nvmlInit_v2();
    if (status != nvml.NVML_SUCCESS) {
      return new GpuReport("", List.of(), "NVML: " + nvml.nvmlErrorString(status).getString());
    }
    try {
      byte[] version = new byte[TEXT];
      nvml.nvmlSystemGetDriverVersion(version, TEXT);
      int[] count = new int[1];
      nvml.nvmlDeviceGetCount_v2(count);
      List<Gpu> gpus = new ArrayList<>();
      for (int i = 0; i < count[0]; i++) {
        gpus.add(gpu(i));
      }
      return new GpuReport(text(version), gpus, gpus.isEmpty() ? "NVML finds no GPU" : "");
    } finally {
      nvml.nvmlShutdown();
    }
  }

  private static Gpu gpu(int index) {
    byte[] name = new byte[TEXT];
    try (nvmlDevice_st device = new nvmlDevice_st(); nvmlMemory_t memory = new nvmlMemory_t()) {
      nvml.nvmlDeviceGetHandleByIndex_v2(index, device);
      nvml.nvmlDeviceGetName(device, name, TEXT);
      nvml.nvmlDeviceGetMemoryInfo(device, memory);
      return new Gpu(index, text(name), memory.total(), memory._free());
    }
  }

  /** Up to the first zero. */
  private static String text(byte[] bytes) {
    int length = 0;
    while (length < bytes.length && bytes[length] != 0) {
      length++;
    }
    return new String(bytes, 0, length, StandardCharsets.UTF_8);
  }
}

package org.genarm.device;

import java.util.List;

/**
 * The machine's GPUs.
 *
 * @param driver the driver's version; empty where there is none
 * @param gpus in the order of their indices
 * @param whyNone a sentence where there are none, otherwise empty
 */
public record GpuReport(String driver, List<Gpu> gpus, String whyNone) {
  public GpuReport {
    gpus = List.copyOf(gpus);
    if (gpus.isEmpty() == whyNone.isEmpty()) {
      throw new IllegalArgumentException(
          "a report has GPUs or a reason why there are none, got " + gpus + " and '" + whyNone + "'");
    }
  }

  static GpuReport none(String why) {
    return new GpuReport("", List.of(), why);
  }
}

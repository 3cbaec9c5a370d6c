package org.genarm.binding;

import java.util.Locale;
import org.genarm.binding.door.Genarm;

/** How a tensor's numbers are stored; INT8 and INT4 are symmetric in groups of 32 with an f16 scale. */
public enum Dtype {
  F32(Genarm.GA_F32),
  F16(Genarm.GA_F16),
  BF16(Genarm.GA_BF16),
  INT8(Genarm.GA_INT8),
  INT4(Genarm.GA_INT4);

  final int code;

  Dtype(int code) {
    this.code = code;
  }

  /** As the command line and the reports spell it: "bf16". */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}

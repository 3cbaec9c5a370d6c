package org.genarm.model;

import org.genarm.binding.Dtype;

/**
 * How a matrix's numbers are kept on the CPU, and the bytes that they take: {@code native/src/cpu/packing.h} and
 * {@code quant.h} have the layout.
 *
 * @param bits of a number, without its share of a scale
 * @param group columns that share an f16 scale, -1 for all; 0 where there are no scales
 * @param zeros whether a group has a zero of one byte beside its scale, as GPTQ's have
 */
public record StoredAs(int bits, int group, boolean zeros) {
  private static final int PANEL_ROWS = 16;
  private static final int BLOCK_COLUMNS = 32;
  private static final int COLUMN_UNIT = 4;
  private static final int SCALE_BYTES = 2;

  /** As {@code --dtype} keeps a matrix. */
  public static StoredAs of(Dtype dtype) {
    return switch (dtype) {
      case F32 -> new StoredAs(32, 0, false);
      case F16, BF16 -> new StoredAs(16, 0, false);
      case INT8 -> new StoredAs(8, BLOCK_COLUMNS, false);
      case INT4 -> new StoredAs(4, BLOCK_COLUMNS, false);
    };
  }

  /** As a GPTQ layer is kept. */
  public static StoredAs gptq(int groupSize) {
    return new StoredAs(4, groupSize, true);
  }

  /** Bits of a weight, scales and zeros included, in a matrix whose columns are whole groups. */
  public double bitsPerWeight(long columns) {
    double perGroup = group == 0 ? 0 : 8.0 * SCALE_BYTES + (zeros ? 8 : 0);
    return bits + (group == 0 ? 0 : perGroup / (group == -1 ? columns : group));
  }

  /** Bytes of a [rows, columns] matrix; rowGroup: rows that are padded to whole panels together, 0 for all. */
  long matrixBytes(long rows, long columns, long rowGroup) {
    long together = rowGroup > 0 ? rowGroup : rows;
    return rows / together * ceil(together, PANEL_ROWS) * panelBytes(columns);
  }

  private long panelBytes(long columns) {
    if (group == 0) {
      return ceil(columns, COLUMN_UNIT) * COLUMN_UNIT * PANEL_ROWS * bits / Byte.SIZE;
    }
    long grouped = group == -1 ? columns : Math.min(group, columns);
    long blocksPerScale = ceil(grouped, BLOCK_COLUMNS);
    long blocks = columns / grouped * blocksPerScale + ceil(columns % grouped, BLOCK_COLUMNS);
    long scales = ceil(blocks, blocksPerScale) * PANEL_ROWS * (SCALE_BYTES + (zeros ? 1 : 0));
    return scales + blocks * BLOCK_COLUMNS * PANEL_ROWS * bits / Byte.SIZE;
  }

  private static long ceil(long n, long unit) {
    return (n + unit - 1) / unit;
  }
}

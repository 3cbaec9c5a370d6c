package org.genarm.binding;

import org.genarm.binding.door.ga_range;

/** Bytes of a mapped file. */
public record FileRange(MappedFile file, long offset, long bytes) {
  /** Writes this into a struct; null leaves the struct without a file. */
  static void write(ga_range struct, FileRange range) {
    if (range != null) {
      struct.file(range.file.handle.pointer()).offset(range.offset).bytes(range.bytes);
    }
  }
}

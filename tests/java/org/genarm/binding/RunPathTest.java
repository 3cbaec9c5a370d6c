package org.genarm.binding;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The dynamic section of our libraries: what they were linked on must not be where they look at run time. */
class RunPathTest {
  private static final int SECTION_DYNAMIC = 6;
  private static final long RPATH = 15;
  private static final long RUNPATH = 29;

  @Test
  void librariesLookBesideThemselvesAlone() throws IOException {
    List<String> elsewhere = new ArrayList<>();
    Path folder = Path.of(NativeLibrary.location()).getParent();
    try (Stream<Path> files = Files.list(folder)) {
      for (Path library : files.filter(file -> file.toString().endsWith(".so")).toList()) {
        for (String path : runPaths(library)) {
          if (!path.matches("\\$ORIGIN/?")) {
            elsewhere.add(library.getFileName() + ": " + path);
          }
        }
      }
    }

    assertEquals(List.of(), elsewhere);
  }

  @Test
  void theBridgeLooksBesideItself() throws IOException {
    assertEquals(List.of("$ORIGIN/"), runPaths(Path.of(NativeLibrary.location())));
  }

  /** DT_RPATH and DT_RUNPATH of a 64-bit little-endian ELF file, taken apart at colons. */
  private static List<String> runPaths(Path library) throws IOException {
    ByteBuffer elf = ByteBuffer.wrap(Files.readAllBytes(library)).order(ByteOrder.LITTLE_ENDIAN);
    int sections = (int) elf.getLong(0x28);
    int sectionBytes = elf.getShort(0x3A);
    int numSections = elf.getShort(0x3C);
    List<String> paths = new ArrayList<>();
    for (int i = 0; i < numSections; i++) {
      int section = sections + i * sectionBytes;
      if (elf.getInt(section + 4) == SECTION_DYNAMIC) {
        int strings = (int) elf.getLong(sections + elf.getInt(section + 0x28) * sectionBytes + 0x18);
        int entries = (int) elf.getLong(section + 0x18);
        for (int entry = entries; entry < entries + elf.getLong(section + 0x20); entry += 16) {
          long tag = elf.getLong(entry);
          if (tag == RPATH || tag == RUNPATH) {
            paths.addAll(List.of(string(elf, strings + (int) elf.getLong(entry + 8)).split(":")));
          }
        }
      }
    }
    return paths;
  }

  private static String string(ByteBuffer elf, int start) {
    int end = start;
    while (elf.get(end) != 0) {
      end++;
    }
    return new String(elf.array(), start, end - start, StandardCharsets.UTF_8);
  }
}

package org.genarm.checkpoint.convert;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.genarm.checkpoint.CheckpointException;

/**
 * The directory of a ZIP or ZIP64 file whose entries are stored as they are: where each one's bytes lie, checked to lie in
 * the file. The JDK's reader gives streams only; a tensor in another order than its storage needs the place.
 *
 * <p>Checksums are not compared: {@code torch.save} leaves them out on request, and PyTorch does not compare them either.
 * Source: PKWARE's APPNOTE 6.3.
 */
final class ZipArchive {
  /** An entry's bytes in the file. */
  record Entry(String name, long position, long bytes) {}

  private record Listed(String name, int flags, int method, long packed, long bytes, long header) {}

  private static final int END = 0x06054b50;
  private static final int END_BYTES = 22;
  private static final int LONGEST_COMMENT = 0xffff;
  private static final int END64 = 0x06064b50;
  private static final int END64_BYTES = 56;
  private static final int LOCATOR64 = 0x07064b50;
  private static final int LOCATOR64_BYTES = 20;
  private static final int LISTED = 0x02014b50;
  private static final int LISTED_BYTES = 46;
  private static final int LOCAL = 0x04034b50;
  private static final int LOCAL_BYTES = 30;
  private static final int EXTRA64 = 1;
  private static final long ABSENT32 = 0xffffffffL;
  private static final int ENCRYPTED = 1;

  /** About twice the tensors of the largest mixture of experts in one file. */
  private static final long MOST_ENTRIES = 200_000;

  private static final long LARGEST_DIRECTORY = 64 << 20;

  private final Path path;
  private final FileChannel channel;
  private final Map<String, Listed> entries = new LinkedHashMap<>();
  private long directoryAt;

  /** Reads the directory; the channel stays the caller's. */
  ZipArchive(Path path, FileChannel channel) throws IOException {
    this.path = path;
    this.channel = channel;
    readDirectory();
  }

  Iterable<String> names() {
    return Collections.unmodifiableSet(entries.keySet());
  }

  boolean has(String name) {
    return entries.containsKey(name);
  }

  /** Where an entry's bytes lie; {@link CheckpointException} where it is absent, compressed or not in the file. */
  Entry entry(String name) throws IOException {
    Listed listed = entries.get(name);
    require(listed != null, name, "this entry in the archive", "none");
    require((listed.flags() & ENCRYPTED) == 0, name, "a plain entry", "an encrypted one");
    require(listed.method() == 0, name, "an entry stored as it is", "compression method " + listed.method());
    require(listed.packed() == listed.bytes(), name, listed.bytes() + " bytes stored", listed.packed() + "");
    require(inFile(listed.header(), LOCAL_BYTES), name, "a header in the file", "one at byte " + listed.header());
    ByteBuffer local = read(listed.header(), LOCAL_BYTES);
    require(local.getInt(0) == LOCAL, name, "a header at byte " + listed.header(), "other data");
    int nameBytes = local.getShort(26) & 0xffff;
    long position = listed.header() + LOCAL_BYTES + nameBytes + (local.getShort(28) & 0xffff);
    require(inFile(position, listed.bytes()), name, listed.bytes() + " bytes in the file", "fewer");
    String twin = text(read(listed.header() + LOCAL_BYTES, nameBytes), nameBytes);
    require(twin.equals(name), name, "the same name in directory and header", CheckpointException.quote(twin));
    return new Entry(name, position, listed.bytes());
  }

  /** An entry as a whole; {@link CheckpointException} where it is longer than {@code most}. */
  byte[] bytes(String name, int most) throws IOException {
    Entry entry = entry(name);
    require(entry.bytes() <= most, name, "at most " + most + " bytes", entry.bytes() + " bytes");
    return read(entry.position(), (int) entry.bytes()).array();
  }

  private void readDirectory() throws IOException {
    long size = channel.size();
    int tailBytes = (int) Math.min(size, END_BYTES + LONGEST_COMMENT);
    ByteBuffer tail = read(size - tailBytes, tailBytes);
    int at = tailBytes - END_BYTES;
    while (at >= 0 && !(tail.getInt(at) == END && at + END_BYTES + (tail.getShort(at + 20) & 0xffff) == tailBytes)) {
      at--;
    }
    require(at >= 0, null, "a ZIP archive with its directory at the end", "a file cut off or of another kind");
    long endAt = size - tailBytes + at;
    long count = tail.getShort(at + 10) & 0xffff;
    long bytes = tail.getInt(at + 12) & ABSENT32;
    directoryAt = tail.getInt(at + 16) & ABSENT32;
    if (endAt >= LOCATOR64_BYTES && (count == 0xffff || bytes == ABSENT32 || directoryAt == ABSENT32)) {
      ByteBuffer end64 = end64(read(endAt - LOCATOR64_BYTES, LOCATOR64_BYTES));
      count = end64.getLong(32);
      bytes = end64.getLong(40);
      directoryAt = end64.getLong(48);
    }
    require(count >= 0 && count <= MOST_ENTRIES, null, "at most " + MOST_ENTRIES + " entries", count + "");
    require(bytes >= 0 && bytes <= LARGEST_DIRECTORY, null, "at most 64 MiB of ZIP directory", bytes + " bytes");
    boolean inside = directoryAt >= 0 && directoryAt <= endAt - bytes;
    require(inside, null, "the ZIP directory in the file", "one at byte " + directoryAt);
    list(read(directoryAt, (int) bytes), count);
  }

  private ByteBuffer end64(ByteBuffer locator) throws IOException {
    long at = locator.getLong(8);
    boolean found = locator.getInt(0) == LOCATOR64 && at >= 0 && at <= channel.size() - END64_BYTES;
    require(found, null, "the end of a ZIP64 directory", "none");
    ByteBuffer end = read(at, END64_BYTES);
    require(end.getInt(0) == END64, null, "the end of a ZIP64 directory", "other data");
    return end;
  }

  private void list(ByteBuffer directory, long count) {
    for (long i = 0; i < count; i++) {
      int at = directory.position();
      boolean whole = directory.remaining() >= LISTED_BYTES && directory.getInt(at) == LISTED;
      require(whole, null, count + " entries in the ZIP directory", i + "");
      int nameBytes = directory.getShort(at + 28) & 0xffff;
      int extraBytes = directory.getShort(at + 30) & 0xffff;
      int commentBytes = directory.getShort(at + 32) & 0xffff;
      int next = at + LISTED_BYTES + nameBytes + extraBytes + commentBytes;
      require(next <= directory.limit(), null, count + " entries in the ZIP directory", i + " and a part");
      String name = text(directory.position(at + LISTED_BYTES), nameBytes);
      long[] numbers = {
        directory.getInt(at + 24) & ABSENT32, directory.getInt(at + 20) & ABSENT32, directory.getInt(at + 42) & ABSENT32
      };
      widen(name, numbers, directory.slice(directory.position(), extraBytes).order(ByteOrder.LITTLE_ENDIAN));
      int flags = directory.getShort(at + 8);
      int method = directory.getShort(at + 10) & 0xffff;
      Listed twin = entries.put(name, new Listed(name, flags, method, numbers[1], numbers[0], numbers[2]));
      require(twin == null, name, "an entry of this name", "two");
      directory.position(next);
    }
  }

  /** ZIP64: size, stored size and place, each present only where its field of 32 bits is full. */
  private void widen(String name, long[] numbers, ByteBuffer extra) {
    while (extra.remaining() >= 4) {
      int id = extra.getShort() & 0xffff;
      int bytes = extra.getShort() & 0xffff;
      require(bytes <= extra.remaining(), name, "whole extra fields", "one cut off");
      int next = extra.position() + bytes;
      if (id == EXTRA64) {
        for (int i = 0; i < numbers.length; i++) {
          if (numbers[i] == ABSENT32) {
            require(extra.position() + Long.BYTES <= next, name, "a ZIP64 field", "one too short");
            numbers[i] = extra.getLong();
          }
        }
      }
      extra.position(next);
    }
  }

  private boolean inFile(long position, long bytes) {
    return position >= 0 && bytes >= 0 && position <= directoryAt && bytes <= directoryAt - position;
  }

  private ByteBuffer read(long position, int bytes) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    while (buffer.hasRemaining()) {
      if (channel.read(buffer, position + buffer.position()) < 0) {
        throw new EOFException(path + " became shorter while it was read");
      }
    }
    return buffer.flip();
  }

  private static String text(ByteBuffer bytes, int count) {
    byte[] name = new byte[count];
    bytes.get(name);
    return new String(name, StandardCharsets.UTF_8);
  }

  private void require(boolean holds, String entry, String expected, String found) {
    if (!holds) {
      throw new CheckpointException(path, entry, expected, found);
    }
  }
}

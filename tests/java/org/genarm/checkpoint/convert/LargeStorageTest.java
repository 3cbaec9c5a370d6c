package org.genarm.checkpoint.convert;

import static java.nio.file.StandardOpenOption.CREATE_NEW;
import static java.nio.file.StandardOpenOption.SPARSE;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Storages beyond 4 GiB, in files that take no room: all but a few bytes of them are holes. */
class LargeStorageTest {
  private static final long GIBIBYTE = 1L << 30;
  private static final long STORAGE_BYTES = 5 * GIBIBYTE;
  private static final String PICKLE_NAME = "archive/data.pkl";
  private static final String STORAGE_NAME = "archive/data/0";
  private static final int LOCAL_BYTES = 30;

  @TempDir Path temp;

  @Test
  void aViewAcrossTheWindowsOfALargeStorageIsGathered() throws IOException {
    Path file = temp.resolve("sparse.bin");
    long stride = GIBIBYTE / Float.BYTES;
    long[] marked = {7, 7 + stride, 7 + 2 * stride, 7 + 3 * stride, 7 + 4 * stride};
    write(file, pickle(7, 5, stride), marked);

    try (TorchFile opened = TorchFile.open(file)) {
      TorchTensor tensor = opened.tensors().get("w");
      ByteBuffer bytes = new TensorBytes(opened.channel(), tensor).next().order(ByteOrder.LITTLE_ENDIAN);

      float[] values = new float[5];
      bytes.asFloatBuffer().get(values);
      assertArrayEquals(new float[] {1, 2, 3, 4, 5}, values);
    }
  }

  @Test
  void rowsBeyondFourGibibytesAreRead() throws IOException {
    Path file = temp.resolve("sparse.bin");
    long at = (STORAGE_BYTES - 8) / Float.BYTES;
    write(file, pickle(at, 2, 1), at, at + 1);

    try (TorchFile opened = TorchFile.open(file)) {
      ByteBuffer bytes = new TensorBytes(opened.channel(), opened.tensors().get("w")).next();

      assertEquals(1, bytes.order(ByteOrder.LITTLE_ENDIAN).getFloat());
      assertEquals(2, bytes.getFloat());
    }
  }

  /** A state_dict of one F32 tensor of one dimension. */
  private static byte[] pickle(long offset, int length, long stride) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes("\u0080\u0002}X\1\0\0\0wctorch._utils\n_rebuild_tensor_v2\n".getBytes(StandardCharsets.ISO_8859_1));
    out.writeBytes("((X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0".getBytes(StandardCharsets.ISO_8859_1));
    out.writeBytes("0X\3\0\0\0cpu".getBytes(StandardCharsets.ISO_8859_1));
    out.writeBytes(number(STORAGE_BYTES / Float.BYTES));
    out.writeBytes("tQ".getBytes(StandardCharsets.ISO_8859_1));
    out.writeBytes(number(offset));
    out.writeBytes(number(length));
    out.write(0x85);
    out.writeBytes(number(stride));
    out.write(0x85);
    out.write(0x89);
    out.writeBytes("ccollections\nOrderedDict\n)RtRs.".getBytes(StandardCharsets.ISO_8859_1));
    return out.toByteArray();
  }

  private static byte[] number(long value) {
    return little(10).put((byte) 0x8a).put((byte) 8).putLong(value).array();
  }

  /** A ZIP64 archive of the pickle and a storage of holes, in which element marked[i] is i + 1. */
  private static void write(Path file, byte[] pickle, long... marked) throws IOException {
    long storageHeader = LOCAL_BYTES + PICKLE_NAME.length() + pickle.length;
    long storageAt = storageHeader + LOCAL_BYTES + STORAGE_NAME.length();
    long directoryAt = storageAt + STORAGE_BYTES;
    try (FileChannel out = FileChannel.open(file, CREATE_NEW, WRITE, SPARSE)) {
      out.write(local(PICKLE_NAME), 0);
      out.write(ByteBuffer.wrap(pickle), LOCAL_BYTES + PICKLE_NAME.length());
      out.write(local(STORAGE_NAME), storageHeader);
      for (int i = 0; i < marked.length; i++) {
        out.write(little(Float.BYTES).putFloat(i + 1).flip(), storageAt + marked[i] * Float.BYTES);
      }
      ByteBuffer end = little(1024);
      listed(end, PICKLE_NAME, pickle.length, 0);
      listed(end, STORAGE_NAME, STORAGE_BYTES, storageHeader);
      int directoryBytes = end.position();
      end.putInt(0x06064b50).putLong(44).putInt(0).putLong(0).putLong(2).putLong(2);
      end.putLong(directoryBytes).putLong(directoryAt);
      end.putInt(0x07064b50).putInt(0).putLong(directoryAt + directoryBytes).putInt(1);
      end.putInt(0x06054b50).putInt(0).putInt(-1).putInt(-1).putInt(-1).putShort((short) 0);
      out.write(end.flip(), directoryAt);
    }
  }

  private static ByteBuffer local(String name) {
    ByteBuffer header = little(LOCAL_BYTES + name.length()).putInt(0x04034b50);
    header.putShort(26, (short) name.length());
    return header.position(LOCAL_BYTES).put(name.getBytes(StandardCharsets.UTF_8)).flip();
  }

  private static void listed(ByteBuffer out, String name, long bytes, long header) {
    out.putInt(0x02014b50).putInt(0).putInt(0).putInt(0).putInt(0).putInt(-1).putInt(-1);
    out.putShort((short) name.length()).putShort((short) 28).putInt(0).putInt(0).putShort((short) 0).putInt(-1);
    out.put(name.getBytes(StandardCharsets.UTF_8));
    out.putShort((short) 1).putShort((short) 24).putLong(bytes).putLong(bytes).putLong(header);
  }

  private static ByteBuffer little(int bytes) {
    return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }
}

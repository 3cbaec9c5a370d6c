package org.genarm.checkpoint;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;

/** Whatever bytes follow the length, a header is read or refused: no other exception, no crash. */
class SafetensorsFuzz {
  @FuzzTest(maxDuration = "60s")
  void aHeaderIsReadOrRefused(byte[] header) throws IOException {
    Path path = Files.createTempFile("fuzz", ".safetensors");
    try {
      ByteBuffer file = ByteBuffer.allocate(Long.BYTES + header.length + 64).order(ByteOrder.LITTLE_ENDIAN);
      Files.write(path, file.putLong(header.length).put(header).array());
      try (Safetensors opened = Safetensors.open(path)) {
        for (StoredTensor tensor : opened.tensors().values()) {
          opened.read(tensor);
        }
      } catch (CheckpointException refused) {
        requireOneLine(refused);
      }
    } finally {
      Files.delete(path);
    }
  }

  private static void requireOneLine(CheckpointException refused) {
    if (refused.getMessage().lines().count() != 1) {
      throw new AssertionError(refused.getMessage());
    }
  }
}

package org.genarm.checkpoint.convert;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;

/**
 * The elements of a {@link TorchTensor} in row-major order, whatever its strides, a chunk at a time.
 *
 * <p>A contiguous tensor is read, any other gathered from a mapping of its storage: in both cases the heap holds one chunk.
 */
final class TensorBytes {
  private static final int CHUNK_BYTES = 8 << 20;

  /** A multiple of every element's size, so that none lies across two windows; Java maps less than 2 GiB at a time. */
  private static final long WINDOW_BYTES = 1 << 30;

  private final FileChannel channel;
  private final TorchTensor tensor;
  private final MappedByteBuffer[] windows;
  private final ByteBuffer chunk;
  private final int width;
  private final long run;
  private final long[] index;
  private long done;
  private long inRun;

  TensorBytes(FileChannel channel, TorchTensor tensor) {
    this.channel = channel;
    this.tensor = tensor;
    width = tensor.elementBytes();
    run = tensor.run();
    index = new long[tensor.shape().size()];
    windows = new MappedByteBuffer[(int) ((tensor.storage().bytes() + WINDOW_BYTES - 1) / WINDOW_BYTES)];
    chunk = ByteBuffer.allocate((int) Math.min(CHUNK_BYTES, tensor.bytes()));
  }

  /** The next bytes, valid until the call after; empty at the end. */
  ByteBuffer next() throws IOException {
    chunk.clear().limit((int) Math.min(chunk.capacity(), tensor.bytes() - done));
    if (run == tensor.elements()) {
      readContiguous();
    } else {
      gather();
    }
    done += chunk.limit();
    return chunk.flip();
  }

  private void readContiguous() throws IOException {
    long start = tensor.storage().position() + tensor.offset() * width + done;
    while (chunk.hasRemaining()) {
      if (channel.read(chunk, start + chunk.position()) < 0) {
        throw new EOFException("the file became shorter while it was read");
      }
    }
  }

  private void gather() throws IOException {
    while (chunk.hasRemaining()) {
      long at = tensor.offset() + inRun;
      for (int i = 0; i < index.length; i++) {
        at += index[i] * tensor.strides().get(i);
      }
      at *= width;
      int in = (int) (at % WINDOW_BYTES);
      long bytes = Math.min(Math.min((run - inRun) * width, chunk.remaining()), WINDOW_BYTES - in);
      chunk.put(chunk.position(), window((int) (at / WINDOW_BYTES)), in, (int) bytes);
      chunk.position(chunk.position() + (int) bytes);
      inRun += bytes / width;
      if (inRun == run) {
        inRun = 0;
        advance();
      }
    }
  }

  /** To the next run: counts up the dimensions that lie outside of it. */
  private void advance() {
    long inside = 1;
    for (int i = index.length - 1; i >= 0; i--) {
      if (inside == run && tensor.shape().get(i) != 1) {
        if (++index[i] < tensor.shape().get(i)) {
          return;
        }
        index[i] = 0;
      } else {
        inside *= tensor.shape().get(i);
      }
    }
  }

  private MappedByteBuffer window(int i) throws IOException {
    if (windows[i] == null) {
      long start = i * WINDOW_BYTES;
      long bytes = Math.min(WINDOW_BYTES, tensor.storage().bytes() - start);
      windows[i] = channel.map(MapMode.READ_ONLY, tensor.storage().position() + start, bytes);
    }
    return windows[i];
  }
}

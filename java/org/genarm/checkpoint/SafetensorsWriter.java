package org.genarm.checkpoint;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Writes a safetensors file whose tensors are known by shape first and by value later, in any order.
 *
 * <p>The file appears under its name with {@link #finish()} and not before: whoever closes without it leaves nothing.
 */
public final class SafetensorsWriter implements AutoCloseable {
  /** Keeps tensors aligned, as the reference implementation does. */
  private static final int ALIGNMENT = 8;

  private static final int CHUNK_BYTES = 1 << 20;

  /** A tensor to come: its name, type and shape. */
  public record Plan(String name, TensorType type, List<Long> shape) {
    public Plan {
      shape = List.copyOf(shape);
    }

    long bytes() {
      long bits = type.bits();
      for (long dimension : shape) {
        bits = Math.multiplyExact(bits, dimension);
      }
      return bits / Byte.SIZE;
    }
  }

  private final Path path;
  private final Path partial;
  private final FileChannel channel;
  private final Map<String, Plan> plans = new LinkedHashMap<>();
  private final Map<String, Long> offsets = new LinkedHashMap<>();
  private boolean finished;

  private SafetensorsWriter(Path path) throws IOException {
    this.path = path;
    Path directory = path.toAbsolutePath().getParent();
    partial = directory.resolve("." + path.getFileName() + "." + ProcessHandle.current().pid() + ".partial");
    channel = FileChannel.open(partial, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
  }

  private void plan(List<Plan> tensors, Map<String, String> metadata) throws IOException {
    long end = 0;
    ObjectNode header = Json.MAPPER.createObjectNode();
    if (!metadata.isEmpty()) {
      metadata.forEach(header.putObject("__metadata__")::put);
    }
    for (Plan plan : tensors) {
      ObjectNode entry = header.putObject(plan.name()).put("dtype", plan.type().name());
      ArrayNode shape = entry.putArray("shape");
      plan.shape().forEach(shape::add);
      entry.putArray("data_offsets").add(end).add(end + plan.bytes());
      plans.put(plan.name(), plan);
      offsets.put(plan.name(), end);
      end += plan.bytes();
    }
    long start = writeHeader(header.toString().getBytes(StandardCharsets.UTF_8));
    offsets.replaceAll((name, offset) -> start + offset);
    if (end > 0) {
      channel.write(ByteBuffer.allocate(1), start + end - 1);
    }
  }

  /** Starts a file with these tensors, all zero; {@link CheckpointException} where it cannot be created. */
  public static SafetensorsWriter create(Path path, List<Plan> tensors) {
    return create(path, tensors, Map.of());
  }

  /** As {@link #create(Path, List)}, with {@code metadata} noted under {@code __metadata__}. */
  public static SafetensorsWriter create(Path path, List<Plan> tensors, Map<String, String> metadata) {
    try {
      SafetensorsWriter writer = new SafetensorsWriter(path);
      try {
        writer.plan(tensors, metadata);
        return writer;
      } catch (IOException | RuntimeException failure) {
        writer.close();
        throw failure;
      }
    } catch (IOException failure) {
      throw new CheckpointException(path, "a place to write to", failure);
    }
  }

  /** Writes f32 values into a tensor from element {@code at} on. */
  public void write(String name, long at, float[] values) {
    Plan plan = plans.get(name);
    if (plan == null || plan.type() != TensorType.F32) {
      throw new IllegalArgumentException("no F32 tensor " + name + " was planned");
    }
    if (at < 0 || (at + values.length) * Float.BYTES > plan.bytes()) {
      throw new IllegalArgumentException(
          name + ": elements " + at + " to " + (at + values.length) + " do not lie in " + plan.shape());
    }
    ByteBuffer chunk = ByteBuffer.allocate(CHUNK_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    int room = CHUNK_BYTES / Float.BYTES;
    for (int from = 0; from < values.length; from += room) {
      int count = Math.min(room, values.length - from);
      chunk.clear().limit(count * Float.BYTES);
      chunk.asFloatBuffer().put(values, from, count);
      write(chunk, offsets.get(name) + (at + from) * Float.BYTES);
    }
  }

  /** Writes what remains in {@code bytes}, little-endian values of the tensor's type, from byte {@code at} of it on. */
  public void write(String name, long at, ByteBuffer bytes) {
    Plan plan = plans.get(name);
    if (plan == null) {
      throw new IllegalArgumentException("no tensor " + name + " was planned");
    }
    if (at < 0 || at + bytes.remaining() > plan.bytes()) {
      throw new IllegalArgumentException(
          name + ": bytes " + at + " to " + (at + bytes.remaining()) + " do not lie in its " + plan.bytes());
    }
    write(bytes, offsets.get(name) + at);
  }

  /** Puts the file in its place. */
  public void finish() {
    try {
      channel.close();
      Files.move(partial, path, StandardCopyOption.REPLACE_EXISTING);
      finished = true;
    } catch (IOException failure) {
      throw new CheckpointException(path, "a place to write to", failure);
    }
  }

  @Override
  public void close() {
    try {
      channel.close();
      if (!finished) {
        Files.deleteIfExists(partial);
      }
    } catch (IOException failure) {
      throw new UncheckedIOException(failure);
    }
  }

  private long writeHeader(byte[] json) throws IOException {
    int padded = (json.length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    ByteBuffer header = ByteBuffer.allocate(Long.BYTES + padded).order(ByteOrder.LITTLE_ENDIAN);
    header.putLong(padded).put(json);
    while (header.hasRemaining()) {
      header.put((byte) ' ');
    }
    header.flip();
    for (long at = 0; header.hasRemaining(); ) {
      at += channel.write(header, at);
    }
    return Long.BYTES + (long) padded;
  }

  private void write(ByteBuffer bytes, long at) {
    try {
      while (bytes.hasRemaining()) {
        at += channel.write(bytes, at);
      }
    } catch (IOException failure) {
      throw new CheckpointException(path, "room to write", failure);
    }
  }
}

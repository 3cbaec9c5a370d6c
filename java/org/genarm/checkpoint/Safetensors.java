package org.genarm.checkpoint;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Collections;
import java.util.Map;
import java.util.Objects;
import org.genarm.binding.MappedFile;
import org.genarm.binding.NativeException;

/** One safetensors file, mapped, its header checked as a whole before anything can be read from it. */
public final class Safetensors implements AutoCloseable {
  private final MappedFile file;
  private final SafetensorsHeader header;

  private Safetensors(MappedFile file) {
    this.file = file;
    header = SafetensorsHeader.read(this, file);
  }

  /** Opens and checks a file; {@link CheckpointException} says what is wrong with it. */
  public static Safetensors open(Path path) {
    MappedFile file;
    try {
      file = MappedFile.open(path);
    } catch (NativeException.FileError error) {
      throw new CheckpointException(path, "a readable file", reason(path, error.getMessage()));
    }
    try {
      return new Safetensors(file);
    } catch (RuntimeException | Error failure) {
      file.close();
      throw failure;
    }
  }

  public Path path() {
    return file.path();
  }

  /** For native loading. */
  public MappedFile mapped() {
    return file;
  }

  /** By name, in the order in which they lie in the file. */
  public Map<String, StoredTensor> tensors() {
    return Collections.unmodifiableMap(header.tensors());
  }

  /** What the writer noted under {@code __metadata__}. */
  public Map<String, String> metadata() {
    return Collections.unmodifiableMap(header.metadata());
  }

  /** The tensor of that name; {@link CheckpointException} where there is none. */
  public StoredTensor tensor(String name) {
    StoredTensor tensor = header.tensors().get(name);
    if (tensor == null) {
      Collection<String> names = header.tensors().keySet();
      throw new CheckpointException(
          path(), "a tensor " + name, names.isEmpty() ? "no tensor" : CheckpointException.quote(names.toString()));
    }
    return tensor;
  }

  /** A copy of a tensor's bytes, little-endian; for tensors below 2 GiB. */
  public ByteBuffer read(StoredTensor tensor) {
    if (tensor.bytes() > Integer.MAX_VALUE - 8) {
      throw new CheckpointException(path(), tensor.name(), "less than 2 GiB", tensor.bytes() + " bytes");
    }
    return read(tensor, 0, (int) tensor.bytes());
  }

  /** As {@link #read(StoredTensor)}, of a part: {@code count} bytes from byte {@code from} of the tensor on. */
  public ByteBuffer read(StoredTensor tensor, long from, int count) {
    byte[] bytes = file.read(tensor.offset() + Objects.checkFromIndexSize(from, count, tensor.bytes()), count);
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  @Override
  public void close() {
    file.close();
  }

  private static String reason(Path path, String message) {
    String prefix = path + ": ";
    return message.startsWith(prefix) ? message.substring(prefix.length()) : message;
  }
}

package org.genarm.binding;

import java.nio.file.Path;
import org.bytedeco.javacpp.BytePointer;
import org.genarm.binding.door.Genarm;
import org.genarm.binding.door.ga_file;

/** A file mapped for reading, of any size. */
public final class MappedFile implements AutoCloseable {
  final Handle<ga_file> handle;
  private final Path path;

  private MappedFile(Path path, ga_file pointer) {
    this.path = path;
    handle = new Handle<>(path.toString(), pointer, Genarm::ga_file_close);
  }

  /** Maps a file; {@link NativeException.FileError} with the system's reason where that fails. */
  public static MappedFile open(Path path) {
    NativeLibrary.load();
    ga_file pointer = new ga_file();
    try (BytePointer text = NativeLibrary.text(path.toString())) {
      NativeLibrary.check(Genarm.ga_file_open(text, pointer));
    }
    return new MappedFile(path, pointer);
  }

  public Path path() {
    return path;
  }

  /** Size in bytes. */
  public long size() {
    return Genarm.ga_file_size(handle.pointer());
  }

  /** A copy of {@code bytes} bytes from {@code offset}, which must lie in the file. */
  public byte[] read(long offset, int bytes) {
    if (offset < 0 || bytes < 0 || offset > size() - bytes) {
      throw new IllegalArgumentException(
          path + ": bytes " + offset + " to " + offset + " + " + bytes + " do not lie in its " + size() + " bytes");
    }
    byte[] out = new byte[bytes];
    if (bytes > 0) {
      try (BytePointer copy = new BytePointer((long) bytes)) {
        NativeLibrary.check(Genarm.ga_file_read(handle.pointer(), offset, bytes, copy));
        copy.get(out);
      }
    }
    return out;
  }

  @Override
  public void close() {
    handle.close();
  }
}

package org.genarm.checkpoint.convert;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.genarm.checkpoint.CheckpointException;

/**
 * A file of {@code torch.save}: a ZIP archive of {@code data.pkl} (what there is) and {@code data/N} (storages).
 *
 * <p>Opening reads names and shapes alone; storages are read through {@link #channel()}.
 */
final class TorchFile implements AutoCloseable {
  /** 100 bytes of pickle describe a tensor. */
  private static final int LARGEST_PICKLE = 32 << 20;

  /** Tensors that share a storage are written apart. A tied head doubles a file at most; a hostile one multiplies it. */
  private static final int MOST_GROWTH = 8;

  private static final int SMALLEST_LIMIT = 1 << 20;
  private static final int MAGIC_BYTES = 262;
  private static final int TAR_MAGIC_AT = 257;

  private final Path path;
  private final FileChannel channel;
  private final Map<String, TorchTensor> tensors;

  private TorchFile(Path path, FileChannel channel) throws IOException {
    this.path = path;
    this.channel = channel;
    requireZip();
    ZipArchive archive = new ZipArchive(path, channel);
    String folder = folder(archive);
    requireLittleEndian(archive, folder);
    byte[] pickle = archive.bytes(folder + "data.pkl", LARGEST_PICKLE);
    Object root = new PickleReader(path, pickle, new TorchPickle(path, archive, folder)).read();
    tensors = TorchPickle.tensors(path, root);
    requireBounded();
  }

  /** {@link CheckpointException} says what is wrong with the file, or what in it is not allowed. */
  static TorchFile open(Path path) {
    if (!Files.isRegularFile(path)) {
      throw new CheckpointException(path, "a PyTorch file", Files.exists(path) ? "a directory or a device" : "none");
    }
    FileChannel channel = null;
    try {
      channel = FileChannel.open(path);
      return new TorchFile(path, channel);
    } catch (IOException | UncheckedIOException unreadable) {
      close(channel);
      throw new CheckpointException(path, "a readable file", unreadable.toString());
    } catch (RuntimeException | Error failure) {
      close(channel);
      throw failure;
    }
  }

  Path path() {
    return path;
  }

  FileChannel channel() {
    return channel;
  }

  Map<String, TorchTensor> tensors() {
    return Collections.unmodifiableMap(tensors);
  }

  @Override
  public void close() {
    close(channel);
  }

  /** Tells the formats apart that a .bin file is in when it is not this one. */
  private void requireZip() throws IOException {
    ByteBuffer magic = ByteBuffer.allocate(MAGIC_BYTES);
    while (magic.hasRemaining() && channel.read(magic, magic.position()) >= 0) {}
    byte[] bytes = magic.array();
    String head = new String(bytes, StandardCharsets.ISO_8859_1);
    if (head.startsWith("PK\003\004")) {
      return;
    }
    String found = "a file of another kind";
    if (channel.size() == 0) {
      found = "an empty file";
    } else if (head.startsWith("version https://git-lfs")) {
      found = "a Git LFS pointer: fetch the file itself (git lfs pull)";
    } else if (head.startsWith("ustar", TAR_MAGIC_AT)) {
      found = "a tar archive as PyTorch wrote before 0.1.10: load it in PyTorch and save it again";
    } else if (bytes[0] == (byte) 0x80) {
      found = "a bare pickle as PyTorch wrote before 1.6: load it in PyTorch and save it again";
    }
    throw new CheckpointException(path, "a ZIP archive of torch.save (PyTorch 1.6 and later)", found);
  }

  /** The one folder of the archive; its name is the file's name at the time of saving. */
  private String folder(ZipArchive archive) {
    Set<String> folders = new HashSet<>();
    for (String name : archive.names()) {
      if (name.endsWith("/data.pkl") && name.indexOf('/') == name.lastIndexOf('/')) {
        folders.add(name.substring(0, name.indexOf('/') + 1));
      }
    }
    if (folders.size() != 1) {
      throw new CheckpointException(path, "one folder with a data.pkl in the archive", folders.size() + "");
    }
    String folder = folders.iterator().next();
    if (archive.has(folder + "constants.pkl")) {
      throw new CheckpointException(path, "tensors saved by torch.save", "a TorchScript program (constants.pkl)");
    }
    return folder;
  }

  private void requireLittleEndian(ZipArchive archive, String folder) throws IOException {
    String entry = folder + "byteorder";
    if (archive.has(entry)) {
      String order = new String(archive.bytes(entry, SMALLEST_LIMIT), StandardCharsets.UTF_8);
      if (!order.equals("little")) {
        throw new CheckpointException(path, entry, "little", CheckpointException.quote(order));
      }
    }
  }

  private void requireBounded() throws IOException {
    long limit = Math.max(SMALLEST_LIMIT, MOST_GROWTH * channel.size());
    long bytes = 0;
    for (Map.Entry<String, TorchTensor> tensor : tensors.entrySet()) {
      bytes += tensor.getValue().bytes();
      if (bytes > limit) {
        throw new CheckpointException(
            path, tensor.getKey(), "tensors of at most " + limit + " bytes in all", "more, by sharing storages");
      }
    }
  }

  private static void close(FileChannel channel) {
    try {
      if (channel != null) {
        channel.close();
      }
    } catch (IOException failure) {
      throw new UncheckedIOException(failure);
    }
  }
}

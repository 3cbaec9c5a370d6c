package org.genarm.checkpoint.convert;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.genarm.checkpoint.CheckpointException;

/**
 * Where a conversion writes until it is complete: a hidden folder on the target's file system.
 *
 * <p>{@link #publish} puts it in place; whoever closes without it, or is interrupted by a signal, leaves nothing behind.
 */
final class StagingFolder implements AutoCloseable {
  private final Path target;
  private final boolean fresh;
  private final Path path;
  private final Thread onExit = new Thread(this::delete, "genarm-convert-cleanup");

  /** {@link CheckpointException} where the target has content and {@code force} is not given. */
  StagingFolder(Path target, boolean force) {
    this.target = target.toAbsolutePath().normalize();
    fresh = !Files.exists(this.target);
    try {
      if (!fresh && !Files.isDirectory(this.target)) {
        throw new CheckpointException(target, "a folder to write to", "a file");
      }
      if (!fresh && !force && !list(this.target).isEmpty()) {
        throw new CheckpointException(target, "a new or empty folder (or --force)", "one with files in it");
      }
      Path parent = fresh ? this.target.getParent() : this.target;
      Files.createDirectories(parent);
      path = parent.resolve("." + this.target.getFileName() + "." + ProcessHandle.current().pid() + ".partial");
      Files.createDirectory(path);
    } catch (IOException failure) {
      throw new CheckpointException(target, "a place to write to", failure);
    }
    Runtime.getRuntime().addShutdownHook(onExit);
  }

  Path path() {
    return path;
  }

  /**
   * Puts everything in place by renaming, configuration last: a folder without it is not taken for a checkpoint. Weights of
   * an earlier conversion go, other files of the target stay.
   */
  void publish() {
    try {
      if (fresh) {
        Files.move(path, target, StandardCopyOption.ATOMIC_MOVE);
        return;
      }
      List<Path> files = list(path);
      List<String> names = files.stream().map(StagingFolder::name).collect(Collectors.toList());
      for (Path old : list(target)) {
        if (isWeights(name(old)) && !names.contains(name(old))) {
          Files.delete(old);
        }
      }
      files.sort(Comparator.comparing((Path file) -> !name(file).endsWith(".safetensors")).thenComparing(file -> file));
      for (Path file : files) {
        Files.move(file, target.resolve(file.getFileName()), StandardCopyOption.ATOMIC_MOVE);
      }
    } catch (AtomicMoveNotSupportedException failure) {
      throw new CheckpointException(target, "a folder on one file system", failure.getReason());
    } catch (IOException failure) {
      throw new CheckpointException(target, "a place to write to", failure);
    }
  }

  @Override
  public void close() {
    delete();
    try {
      Runtime.getRuntime().removeShutdownHook(onExit);
    } catch (IllegalStateException shuttingDown) {
      // The hook is running, or about to: it finds nothing.
    }
  }

  private void delete() {
    if (!Files.exists(path)) {
      return;
    }
    try {
      for (Path file : list(path)) {
        Files.deleteIfExists(file);
      }
      Files.deleteIfExists(path);
    } catch (IOException failure) {
      throw new UncheckedIOException(failure);
    }
  }

  private static boolean isWeights(String name) {
    return (name.startsWith("model") || name.startsWith("adapter_model"))
        && (name.endsWith(".safetensors") || name.endsWith(".safetensors.index.json"));
  }

  private static List<Path> list(Path folder) throws IOException {
    try (Stream<Path> list = Files.list(folder)) {
      return list.collect(Collectors.toList());
    }
  }

  private static String name(Path path) {
    return path.getFileName().toString();
  }
}

package org.genarm.checkpoint.convert;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.function.LongConsumer;
import org.genarm.checkpoint.CheckpointException;

/**
 * A model folder rewritten as what GenARM loads: safetensors for .bin files, tokenizer.json for a SentencePiece model, all
 * else that belongs to the model as it is. The target appears complete or not at all.
 *
 * @param tensors converted
 * @param files of .bin converted
 * @param bytes of tensors converted
 * @param tokens of the tokenizer.json that was made; 0 where none was
 * @param copied files taken as they are
 */
public record Conversion(int tensors, int files, long bytes, int tokens, int copied) {
  private static final int CHUNK_BYTES = 8 << 20;

  /**
   * Converts {@code source} into {@code target}, a folder that is new or empty, or with {@code force} any: weights of an
   * earlier conversion are replaced, other files stay. {@link CheckpointException} names the file and what in it is wrong;
   * the target is then as it was.
   */
  public static Conversion run(Path source, Path target, boolean force, ByteProgress progress) {
    SourceFolder folder = SourceFolder.open(source);
    requireApart(source, target);
    try (WeightsWriter weights = new WeightsWriter(folder)) {
      TokenizerJson tokenizer = folder.sentencePiece() == null ? null : TokenizerJson.of(folder.sentencePiece());
      try (StagingFolder staging = new StagingFolder(target, force)) {
        long total = weights.bytes() + folder.copied().stream().mapToLong(Conversion::size).sum();
        LongConsumer advance = counting(progress, total);
        weights.write(staging.path(), advance);
        for (Path file : folder.copied()) {
          copy(file, staging.path().resolve(file.getFileName()), advance);
        }
        if (tokenizer != null) {
          tokenizer.write(staging.path().resolve(SourceFolder.TOKENIZER));
        }
        staging.publish();
      }
      return new Conversion(
          weights.count(),
          folder.pickled().size(),
          weights.bytes(),
          tokenizer == null ? 0 : tokenizer.size(),
          folder.copied().size());
    }
  }

  private static LongConsumer counting(ByteProgress progress, long total) {
    long[] done = {0};
    return bytes -> progress.written(done[0] += bytes, total);
  }

  private static void requireApart(Path source, Path target) {
    try {
      if (Files.exists(target) && Files.isSameFile(source, target)) {
        throw new CheckpointException(target, "another folder than the source", "the source itself");
      }
    } catch (IOException unreadable) {
      throw new CheckpointException(target, "a readable folder", unreadable);
    }
  }

  private static long size(Path path) {
    try {
      return Files.size(path);
    } catch (IOException unreadable) {
      throw new CheckpointException(path, "a readable file", unreadable);
    }
  }

  private static void copy(Path from, Path to, LongConsumer progress) {
    try (FileChannel in = FileChannel.open(from);
        FileChannel out = FileChannel.open(to, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      ByteBuffer chunk = ByteBuffer.allocate((int) Math.min(CHUNK_BYTES, in.size()));
      while (in.read(chunk.clear()) > 0) {
        progress.accept(chunk.flip().remaining());
        while (chunk.hasRemaining()) {
          out.write(chunk);
        }
      }
    } catch (IOException failure) {
      throw new CheckpointException(from, "a copy in " + to.getParent(), failure);
    }
  }
}

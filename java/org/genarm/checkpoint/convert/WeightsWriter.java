package org.genarm.checkpoint.convert;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.LongConsumer;
import java.util.stream.Collectors;
import org.genarm.checkpoint.CheckpointException;
import org.genarm.checkpoint.Safetensors;
import org.genarm.checkpoint.SafetensorsWriter;
import org.genarm.checkpoint.StoredTensor;
import org.genarm.checkpoint.TensorType;

/** The tensors of a source's .bin files, written as safetensors with the same split, and read back to be checked. */
final class WeightsWriter implements AutoCloseable {
  private static final String INDEX = "model.safetensors.index.json";
  private static final String HEAD = "lm_head.weight";
  private static final String EMBEDDING = "model.embed_tokens.weight";

  private final SourceFolder source;
  private final List<TorchFile> files = new ArrayList<>();
  private final Map<Path, Map<String, TorchTensor>> tensors = new LinkedHashMap<>();

  /** Opens every .bin file and reads its pickle, so that whatever is refused is refused before a byte is written. */
  WeightsWriter(SourceFolder source) {
    this.source = source;
    try {
      Map<String, Path> seen = new LinkedHashMap<>();
      for (Path path : source.pickled().keySet()) {
        TorchFile file = TorchFile.open(path);
        files.add(file);
        tensors.put(path, file.tensors());
        for (String name : file.tensors().keySet()) {
          Path twin = seen.putIfAbsent(name, path);
          if (twin != null) {
            throw new CheckpointException(path, name, "a tensor in one shard", "it in " + twin.getFileName() + " too");
          }
        }
      }
      source.requireIndexed(tensors);
      if (source.tied()) {
        tensors.replaceAll((path, all) -> withoutTiedHead(all));
      }
    } catch (RuntimeException | Error failure) {
      close();
      throw failure;
    }
  }

  int count() {
    return tensors.values().stream().mapToInt(Map::size).sum();
  }

  long bytes() {
    return tensors.values().stream().flatMap(all -> all.values().stream()).mapToLong(TorchTensor::bytes).sum();
  }

  /** Writes into {@code folder}: every file, and the index where the source has one. */
  void write(Path folder, LongConsumer progress) {
    for (TorchFile file : files) {
      Path target = folder.resolve(source.pickled().get(file.path()));
      write(file, target, progress);
      verify(target, tensors.get(file.path()));
    }
    if (!source.shards().isEmpty()) {
      writeIndex(folder.resolve(INDEX));
    }
  }

  @Override
  public void close() {
    files.forEach(TorchFile::close);
  }

  /** A tied head is its embedding's storage under a second name; a loader that ties them wants it once. */
  private static Map<String, TorchTensor> withoutTiedHead(Map<String, TorchTensor> all) {
    Map<String, TorchTensor> kept = new LinkedHashMap<>(all);
    TorchTensor head = all.get(HEAD);
    if (head != null && head.equals(all.get(EMBEDDING))) {
      kept.remove(HEAD);
    }
    return kept;
  }

  private void write(TorchFile file, Path target, LongConsumer progress) {
    Map<String, TorchTensor> all = tensors.get(file.path());
    // Wide elements first, as the reference implementation writes them: every tensor is aligned.
    List<SafetensorsWriter.Plan> plans =
        all.entrySet().stream()
            .sorted(Comparator.comparingInt(entry -> -entry.getValue().elementBytes()))
            .map(entry -> plan(entry.getKey(), entry.getValue()))
            .collect(Collectors.toList());
    // Transformers asks for this note before it reads a file.
    try (SafetensorsWriter out = SafetensorsWriter.create(target, plans, Map.of("format", "pt"))) {
      for (SafetensorsWriter.Plan plan : plans) {
        TensorBytes in = new TensorBytes(file.channel(), all.get(plan.name()));
        long at = 0;
        for (ByteBuffer chunk = in.next(); chunk.hasRemaining(); chunk = in.next()) {
          int bytes = chunk.remaining();
          out.write(plan.name(), at, chunk);
          at += bytes;
          progress.accept(bytes);
        }
      }
      out.finish();
    } catch (IOException unreadable) {
      throw new CheckpointException(file.path(), "a readable file", unreadable);
    }
  }

  private static SafetensorsWriter.Plan plan(String name, TorchTensor tensor) {
    return new SafetensorsWriter.Plan(name, tensor.type(), tensor.shape());
  }

  private static void verify(Path target, Map<String, TorchTensor> expected) {
    try (Safetensors written = Safetensors.open(target)) {
      if (written.tensors().size() != expected.size()) {
        throw new CheckpointException(target, expected.size() + " tensors", written.tensors().size() + "");
      }
      expected.forEach(
          (name, tensor) -> {
            StoredTensor stored = written.tensor(name);
            boolean same = stored.type() == tensor.type() && stored.shape().equals(tensor.shape());
            if (!same || stored.bytes() != tensor.bytes()) {
              throw new CheckpointException(target, name, tensor.type() + " " + tensor.shape(), stored.describe());
            }
          });
    }
  }

  private void writeIndex(Path path) {
    ObjectMapper json = new ObjectMapper();
    ObjectNode root = json.createObjectNode();
    long size = 0;
    Map<String, String> sorted = new TreeMap<>();
    for (Path shard : source.shards()) {
      String target = source.pickled().get(shard);
      for (Map.Entry<String, TorchTensor> tensor : tensors.get(shard).entrySet()) {
        sorted.put(tensor.getKey(), target);
        size += tensor.getValue().bytes();
      }
    }
    root.putObject("metadata").put("total_size", size);
    sorted.forEach(root.putObject("weight_map")::put);
    try {
      Files.write(path, json.writerWithDefaultPrettyPrinter().writeValueAsBytes(root));
    } catch (IOException failure) {
      throw new CheckpointException(path, "a place to write to", failure);
    }
  }
}

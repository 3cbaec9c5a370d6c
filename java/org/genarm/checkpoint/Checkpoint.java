package org.genarm.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/** A Hugging Face directory's tensors: {@code model.safetensors}, an index and its shards, or AutoGPTQ's one file. */
public final class Checkpoint implements AutoCloseable {
  private static final String SINGLE = "model.safetensors";
  private static final String INDEX = "model.safetensors.index.json";

  /** As AutoGPTQ names its file: "gptq_model-4bit-128g.safetensors". */
  private static final String GPTQ = "gptq_model-";

  private final Path directory;
  private final List<Safetensors> files = new ArrayList<>();
  private final Map<String, StoredTensor> tensors = new LinkedHashMap<>();

  private Checkpoint(Path directory) {
    this.directory = directory;
  }

  /** Opens and checks every file; {@link CheckpointException} names the first that is not as it should be. */
  public static Checkpoint open(Path directory) {
    requireModel(directory);
    Checkpoint checkpoint = new Checkpoint(directory);
    try {
      if (Files.exists(directory.resolve(SINGLE))) {
        checkpoint.add(directory.resolve(SINGLE));
      } else if (Files.exists(directory.resolve(INDEX))) {
        checkpoint.addShards(directory.resolve(INDEX));
      } else if (gptqFile(directory) != null) {
        checkpoint.add(directory.resolve(gptqFile(directory)));
      } else {
        throw new CheckpointException(directory, SINGLE + " or " + INDEX, otherFormat(directory));
      }
      return checkpoint;
    } catch (RuntimeException | Error failure) {
      checkpoint.close();
      throw failure;
    }
  }

  /** {@link CheckpointException} unless this is a directory with a configuration. */
  public static void requireModel(Path directory) {
    if (!Files.exists(directory)) {
      throw new CheckpointException(directory, "a model directory", "nothing there");
    }
    if (!Files.isDirectory(directory)) {
      throw new CheckpointException(directory, "a model directory", "a file");
    }
    if (!Files.exists(directory.resolve("config.json"))) {
      boolean adapter = Files.exists(directory.resolve("adapter_config.json"));
      String found = adapter ? "an adapter (adapter_config.json)" : otherFormat(directory);
      throw new CheckpointException(directory, "a full checkpoint with a config.json", found);
    }
  }

  public Path directory() {
    return directory;
  }

  public List<Safetensors> files() {
    return Collections.unmodifiableList(files);
  }

  /** By name, file by file, in the order in which they lie in it. */
  public Map<String, StoredTensor> tensors() {
    return Collections.unmodifiableMap(tensors);
  }

  @Override
  public void close() {
    files.forEach(Safetensors::close);
  }

  private void add(Path path) {
    Safetensors file = Safetensors.open(path);
    files.add(file);
    for (StoredTensor tensor : file.tensors().values()) {
      StoredTensor twin = tensors.putIfAbsent(tensor.name(), tensor);
      if (twin != null) {
        throw new CheckpointException(
            path, tensor.name(), "a tensor in one shard", "it in " + twin.file().path().getFileName() + " too");
      }
    }
  }

  private void addShards(Path index) {
    JsonNode map = Json.read(index).path("weight_map");
    if (!map.isObject() || map.isEmpty()) {
      throw new CheckpointException(index, "weight_map", "an object of tensor: shard", Json.kind(map));
    }
    Set<String> shards = new LinkedHashSet<>();
    map.fields().forEachRemaining(entry -> shards.add(shardName(index, entry.getKey(), entry.getValue())));
    for (String shard : shards) {
      if (!Files.exists(directory.resolve(shard))) {
        throw new CheckpointException(index, "the shard " + CheckpointException.quote(shard), "no such file");
      }
      add(directory.resolve(shard));
    }
    map.fields()
        .forEachRemaining(
            entry -> {
              Path shard = directory.resolve(entry.getValue().textValue());
              StoredTensor tensor = tensors.get(entry.getKey());
              if (tensor == null || !tensor.file().path().equals(shard)) {
                throw new CheckpointException(shard, entry.getKey(), "this tensor, as the index says", "none");
              }
            });
  }

  /** A shard lies beside its index: a name that leads anywhere else is an attack. */
  private static String shardName(Path index, String tensor, JsonNode value) {
    String name = value.isTextual() ? value.textValue() : "";
    boolean plain = name.endsWith(".safetensors") && name.chars().noneMatch(c -> c == '/' || c == '\\' || c == 0);
    if (!plain) {
      throw new CheckpointException(index, tensor, "the name of a .safetensors file beside it", Json.kind(value));
    }
    return name;
  }

  private static String otherFormat(Path directory) {
    String bin = named(directory, ".bin");
    if (bin != null) {
      return bin + ": PyTorch's pickled .bin files are not read, genarm convert makes safetensors of them";
    }
    String gguf = named(directory, ".gguf");
    if (gguf != null) {
      return gguf + ": GGUF is not read";
    }
    String other = named(directory, ".safetensors");
    return other == null ? "none" : "only " + other;
  }

  /** The only file of that name; of several no one says which belongs to the model. */
  private static String gptqFile(Path directory) {
    List<String> files = names(directory, GPTQ, ".safetensors");
    return files.size() == 1 ? files.get(0) : null;
  }

  private static String named(Path directory, String suffix) {
    return names(directory, "", suffix).stream().findFirst().orElse(null);
  }

  private static List<String> names(Path directory, String prefix, String suffix) {
    try (Stream<Path> list = Files.list(directory)) {
      return list.map(path -> path.getFileName().toString())
          .filter(name -> name.startsWith(prefix) && name.endsWith(suffix))
          .sorted()
          .toList();
    } catch (IOException unreadable) {
      throw new UncheckedIOException(unreadable);
    }
  }
}

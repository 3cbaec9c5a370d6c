package org.genarm.checkpoint.convert;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.genarm.checkpoint.CheckpointException;
import org.genarm.checkpoint.Json;

/**
 * What a folder holds that can be converted, and what goes with it as it is.
 *
 * <p>As transformers does, safetensors are preferred where both formats lie side by side, and one file to an index.
 */
final class SourceFolder {
  static final String SENTENCEPIECE = "tokenizer.model";
  static final String TOKENIZER = "tokenizer.json";
  private static final String SINGLE = "pytorch_model.bin";
  private static final String INDEX = SINGLE + ".index.json";
  private static final String ADAPTER = "adapter_model.bin";
  private static final int LONGEST_COMPANION = 64 << 20;

  private final Path folder;
  private final Map<String, String> shardOfTensor = new LinkedHashMap<>();
  private final Map<Path, String> pickled = new LinkedHashMap<>();
  private final List<Path> copied = new ArrayList<>();

  private SourceFolder(Path folder) {
    this.folder = folder;
  }

  /** {@link CheckpointException} where there is no such folder, or nothing in it to convert. */
  static SourceFolder open(Path folder) {
    if (!Files.isDirectory(folder)) {
      throw new CheckpointException(folder, "a model folder", Files.exists(folder) ? "a file" : "nothing there");
    }
    SourceFolder source = new SourceFolder(folder);
    List<Path> files = source.list();
    boolean model = source.findModel();
    source.findAdapter();
    for (Path file : files) {
      boolean weights = name(file).endsWith(".safetensors");
      if (weights ? !model : goesAlong(file)) {
        source.copied.add(file);
      }
    }
    if (source.pickled.isEmpty() && source.sentencePiece() == null) {
      boolean done = files.stream().anyMatch(file -> name(file).endsWith(".safetensors"));
      String found = done ? "safetensors, and no tokenizer.model without its tokenizer.json" : "none";
      throw new CheckpointException(
          folder, SINGLE + ", " + INDEX + ", " + ADAPTER + " or " + SENTENCEPIECE + " to convert", found);
    }
    return source;
  }

  Path path() {
    return folder;
  }

  /** The .bin files, and the name of the safetensors file that each becomes. */
  Map<Path, String> pickled() {
    return Collections.unmodifiableMap(pickled);
  }

  /** The .bin files that are shards of one checkpoint, under an index; empty where there is none. */
  Set<Path> shards() {
    return shardOfTensor.values().stream().map(folder::resolve).collect(Collectors.toCollection(LinkedHashSet::new));
  }

  /** {@link CheckpointException} where a tensor is not in the shard that the index names. */
  void requireIndexed(Map<Path, ? extends Map<String, ?>> tensors) {
    shardOfTensor.forEach(
        (tensor, shard) -> {
          if (!tensors.get(folder.resolve(shard)).containsKey(tensor)) {
            throw new CheckpointException(folder.resolve(shard), tensor, "this tensor, as the index says", "none");
          }
        });
  }

  /** Files that are the same in both formats. */
  List<Path> copied() {
    return Collections.unmodifiableList(copied);
  }

  /** The SentencePiece model where a tokenizer.json has to be made from it, else null. */
  Path sentencePiece() {
    Path model = folder.resolve(SENTENCEPIECE);
    return Files.isRegularFile(model) && !Files.exists(folder.resolve(TOKENIZER)) ? model : null;
  }

  /** Whether the checkpoint says itself that its LM head is its embedding. */
  boolean tied() {
    Path config = folder.resolve("config.json");
    return Files.exists(config) && Json.read(config).path("tie_word_embeddings").asBoolean(false);
  }

  private boolean findModel() {
    if (has("model.safetensors") || has("model.safetensors.index.json")) {
      return false;
    }
    if (has(SINGLE)) {
      pickled.put(folder.resolve(SINGLE), "model.safetensors");
    } else if (has(INDEX)) {
      readIndex(folder.resolve(INDEX));
    }
    return !pickled.isEmpty();
  }

  private void findAdapter() {
    if (has(ADAPTER) && !has("adapter_model.safetensors")) {
      pickled.put(folder.resolve(ADAPTER), "adapter_model.safetensors");
    }
  }

  private boolean has(String name) {
    return Files.exists(folder.resolve(name));
  }

  private void readIndex(Path index) {
    JsonNode map = Json.read(index).path("weight_map");
    if (!map.isObject() || map.isEmpty()) {
      throw new CheckpointException(index, "weight_map", "an object of tensor: shard", Json.kind(map));
    }
    map.properties()
        .forEach(
            entry -> {
              String shard = entry.getValue().isTextual() ? entry.getValue().textValue() : "";
              // A shard lies beside its index: a name that leads anywhere else is an attack.
              if (!shard.endsWith(".bin") || shard.chars().anyMatch(c -> c == '/' || c == '\\' || c == 0)) {
                throw new CheckpointException(
                    index, entry.getKey(), "the name of a .bin file beside it", Json.kind(entry.getValue()));
              }
              shardOfTensor.put(entry.getKey(), shard);
              pickled.put(folder.resolve(shard), safetensorsName(shard));
            });
  }

  /** pytorch_model-00001-of-00003.bin becomes model-00001-of-00003.safetensors. */
  private static String safetensorsName(String shard) {
    String stem = shard.substring(0, shard.length() - ".bin".length());
    return (stem.startsWith("pytorch_") ? stem.substring("pytorch_".length()) : stem) + ".safetensors";
  }

  /** Configuration, tokenizer, chat template, card and licence. */
  private static boolean goesAlong(Path path) {
    String name = name(path);
    boolean text =
        Stream.of(".json", ".jinja", ".model", ".txt", ".md").anyMatch(name::endsWith)
            || Stream.of("LICENSE", "NOTICE", "USE_POLICY").anyMatch(name::startsWith);
    return text && !name.equals(INDEX) && size(path) <= LONGEST_COMPANION;
  }

  private List<Path> list() {
    try (Stream<Path> list = Files.list(folder)) {
      return list.filter(Files::isRegularFile).sorted().collect(Collectors.toList());
    } catch (IOException unreadable) {
      throw new CheckpointException(folder, "a readable folder", unreadable);
    }
  }

  private static long size(Path path) {
    try {
      return Files.size(path);
    } catch (IOException unreadable) {
      throw new CheckpointException(path, "a readable file", unreadable);
    }
  }

  private static String name(Path path) {
    return path.getFileName().toString();
  }
}

package org.genarm.train;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.zip.CRC32;
import org.genarm.checkpoint.CheckpointException;
import org.genarm.checkpoint.Json;
import org.genarm.checkpoint.JsonLines;

/**
 * Reads a JSONL file of pairs: {@code prompt_ids}, {@code chosen_ids} and {@code rejected_ids} as they are, or {@code
 * prompt}, {@code chosen} and {@code rejected} as text (BOS + prompt, response + EOS). Ids win where a line has both.
 * {@code "labels": {"NAME": 1, ...}} says which of several objectives prefer the pair (1) or its reverse (-1).
 */
public final class PreferencePairs {
  private final PairLimits limits;
  private final PairEncoder encoder;
  private final Path file;
  private final List<PreferencePair> pairs = new ArrayList<>();
  private final List<Map<String, Integer>> labels = new ArrayList<>();
  private int skipped;

  private PreferencePairs(Path file, PairLimits limits, PairEncoder encoder) {
    this.file = file;
    this.limits = limits;
    this.encoder = encoder;
  }

  /**
   * Reads the whole file; {@link CheckpointException} names the first bad line by its number.
   *
   * @param encoder null where there is no tokenizer: only ids are read then
   */
  public static PreferencePairs read(Path file, PairLimits limits, PairEncoder encoder) {
    PreferencePairs read = new PreferencePairs(file, limits, encoder);
    try (JsonLines lines = JsonLines.open(file, "pairs")) {
      for (JsonNode line = lines.next(); line != null; line = lines.next()) {
        read.add(lines.place(), line);
      }
    }
    if (read.pairs.isEmpty()) {
      String found = read.skipped == 0 ? "none" : read.skipped + " that are too long and no other";
      throw new CheckpointException(file, "at least one pair", found);
    }
    return read;
  }

  public List<PreferencePair> pairs() {
    return List.copyOf(pairs);
  }

  /** What each pair's {@code labels} say, by objective: 1, -1 or 0; empty where a line has none. */
  List<Map<String, Integer>> labels() {
    return List.copyOf(labels);
  }

  /** Pairs left out for their length. */
  public int skipped() {
    return skipped;
  }

  /** Tells one set of pairs from another. */
  public static String fingerprint(List<PreferencePair> pairs) {
    CRC32 sum = new CRC32();
    for (PreferencePair pair : pairs) {
      List<int[]> parts = List.of(pair.prompt(), pair.chosen(), pair.rejected(), pair.labels());
      for (int[] ids : pair.labels().length == 0 ? parts.subList(0, 3) : parts) {
        sum.update(ids.length);
        for (int id : ids) {
          sum.update(id);
          sum.update(id >> Byte.SIZE);
          sum.update(id >> 2 * Byte.SIZE);
        }
      }
    }
    return pairs.size() + " pairs, " + Long.toHexString(sum.getValue());
  }

  private void add(String line, JsonNode node) {
    PreferencePair pair = new PreferencePair(prompt(line, node), response(line, node, "chosen"), rejected(line, node));
    if (pair.prompt().length == 0) {
      throw new CheckpointException(file, line, "a prompt of at least one token", "none");
    }
    if (pair.longest() <= limits.maxLength()) {
      pairs.add(pair);
      labels.add(labels(line, node));
    } else if (limits.skipLong()) {
      skipped++;
    } else {
      throw new CheckpointException(
          file, line, "at most " + limits.maxLength() + " tokens (--skip-long leaves longer pairs out)",
          pair.longest() + " tokens");
    }
  }

  private Map<String, Integer> labels(String line, JsonNode node) {
    Map<String, Integer> read = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> label : node.path("labels").properties()) {
      JsonNode value = label.getValue();
      if (!value.isInt() || Math.abs(value.intValue()) > 1) {
        throw new CheckpointException(
            file, line, "labels." + label.getKey() + " of 1 (the pair), -1 (its reverse) or 0", Json.kind(value));
      }
      read.put(label.getKey(), value.intValue());
    }
    return read;
  }

  private int[] rejected(String line, JsonNode node) {
    return limits.hasRejected() ? response(line, node, "rejected") : new int[0];
  }

  private int[] prompt(String line, JsonNode node) {
    return node.has("prompt_ids")
        ? ids(line, node, "prompt_ids")
        : encoded(line, node, "prompt", encoder(line)::prompt);
  }

  private int[] response(String line, JsonNode node, String name) {
    int[] ids =
        node.has(name + "_ids")
            ? ids(line, node, name + "_ids")
            : encoded(line, node, name, encoder(line)::response);
    if (ids.length == 0) {
      throw new CheckpointException(file, line, name + " of at least one token", "none");
    }
    return ids;
  }

  private PairEncoder encoder(String line) {
    if (encoder == null) {
      throw new CheckpointException(
          file, line, "prompt_ids, chosen_ids and rejected_ids, for the base has no tokenizer", "text");
    }
    return encoder;
  }

  private int[] encoded(String line, JsonNode node, String name, Function<String, int[]> encode) {
    JsonNode value = node.path(name);
    if (!value.isTextual()) {
      throw new CheckpointException(file, line, name + " as text, or " + name + "_ids", Json.kind(value));
    }
    try {
      return encode.apply(value.textValue());
    } catch (IllegalArgumentException broken) {
      throw new CheckpointException(file, line, name + " as whole characters", broken.getMessage());
    }
  }

  private int[] ids(String line, JsonNode node, String name) {
    JsonNode list = node.path(name);
    if (!list.isArray()) {
      throw new CheckpointException(file, line, name + " as an array of token ids", Json.kind(list));
    }
    int[] ids = new int[list.size()];
    for (int i = 0; i < ids.length; i++) {
      JsonNode id = list.get(i);
      if (!id.isInt() || id.intValue() < 0 || id.intValue() >= limits.vocabSize()) {
        throw new CheckpointException(
            file, line, name + "[" + i + "] in [0, " + limits.vocabSize() + ")", Json.kind(id));
      }
      ids[i] = id.intValue();
    }
    return ids;
  }
}

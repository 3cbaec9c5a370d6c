package org.genarm.checkpoint.convert;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.genarm.checkpoint.CheckpointException;
import org.genarm.checkpoint.Json;

/**
 * The tokens that are found in a text before it is encoded: the model's own, then those that files beside it add or
 * describe anew. Source: transformers 4, {@code PreTrainedTokenizerBase._from_pretrained}.
 */
final class AddedTokens {
  /** Names of the fields as in tokenizer.json. */
  record AddedToken(
      int id, String content, boolean singleWord, boolean lstrip, boolean rstrip, boolean normalized, boolean special) {}

  private static final String CONFIG = "tokenizer_config.json";
  private static final String ADDED = "added_tokens.json";
  private static final String SPECIAL = "special_tokens_map.json";

  private final Path folder;
  private final SentencePieceModel model;
  private final Map<Integer, AddedToken> tokens = new TreeMap<>();

  private AddedTokens(Path folder, SentencePieceModel model) {
    this.folder = folder;
    this.model = model;
  }

  /** By id. {@link CheckpointException} where a file gives a token an id that it cannot have. */
  static Collection<AddedToken> of(Path folder, SentencePieceModel model) {
    AddedTokens added = new AddedTokens(folder, model);
    for (int id = 0; id < model.pieces().size(); id++) {
      SentencePieceModel.Piece piece = model.pieces().get(id);
      switch (piece.kind()) {
        case UNKNOWN, CONTROL -> added.put(id, piece.text(), true);
        case USER_DEFINED -> added.put(id, piece.text(), false);
        default -> {}
      }
    }
    JsonNode described = read(folder, CONFIG).path("added_tokens_decoder");
    if (described.isObject()) {
      described.properties().forEach(entry -> added.describe(entry.getKey(), entry.getValue()));
    } else {
      added.readAddedTokens();
    }
    added.requireGapless();
    return added.tokens.values();
  }

  /** The object in a file beside the model, or an empty one. */
  static JsonNode read(Path folder, String name) {
    Path file = folder.resolve(name);
    return Files.exists(file) ? Json.read(file) : MissingNode.getInstance();
  }

  private void put(int id, String content, boolean special) {
    tokens.put(id, new AddedToken(id, content, false, false, false, false, special));
  }

  /** One entry of added_tokens_decoder. */
  private void describe(String key, JsonNode token) {
    boolean number = key.matches("[0-9]{1,9}");
    require(number && token.path("content").isTextual(), CONFIG, key, "an id with a token", Json.kind(token));
    boolean special = token.path("special").asBoolean(false);
    int id = Integer.parseInt(key);
    tokens.put(
        id,
        new AddedToken(
            id,
            token.path("content").textValue(),
            token.path("single_word").asBoolean(false),
            token.path("lstrip").asBoolean(false),
            token.path("rstrip").asBoolean(false),
            token.path("normalized").asBoolean(!special),
            special));
  }

  private void readAddedTokens() {
    Set<String> special = new HashSet<>();
    read(folder, SPECIAL).forEach(value -> addSpecial(special, value));
    read(folder, ADDED)
        .properties()
        .forEach(
            entry -> {
              JsonNode id = entry.getValue();
              require(id.isInt() && id.intValue() >= 0, ADDED, entry.getKey(), "an id", Json.kind(id));
              boolean isSpecial = special.contains(entry.getKey());
              tokens.put(
                  id.intValue(),
                  new AddedToken(id.intValue(), entry.getKey(), false, false, false, !isSpecial, isSpecial));
            });
  }

  /** A value of special_tokens_map.json: a token, its description, or a list of these. */
  private static void addSpecial(Set<String> special, JsonNode value) {
    if (value.isArray()) {
      value.forEach(item -> addSpecial(special, item));
    } else {
      special.add(value.isObject() ? value.path("content").asText() : value.asText());
    }
  }

  /** A tokenizer.json numbers the tokens that its vocabulary lacks itself, from the vocabulary's end on. */
  private void requireGapless() {
    int next = model.pieces().size();
    for (AddedToken token : tokens.values()) {
      if (token.id() < model.pieces().size()) {
        String piece = model.pieces().get(token.id()).text();
        require(piece.equals(token.content()), CONFIG, token.content(), "an id of its own", "that of " + piece);
      } else {
        require(token.id() == next, CONFIG, token.content(), "the id " + next, token.id() + "");
        next++;
      }
    }
  }

  private void require(boolean holds, String file, String token, String expected, String found) {
    if (!holds) {
      throw new CheckpointException(folder.resolve(file), token, expected, found);
    }
  }
}

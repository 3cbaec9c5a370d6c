package org.genarm.tokenizer;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/** The tokens of a {@code tokenizer.json} by id: {@code model.vocab} with {@code added_tokens} laid over it. */
public final class Vocabulary {
  private static final JsonFactory JSON = new ObjectMapper().getFactory();

  /** Beyond any vocabulary there is: keeps one absurd id from allocating gigabytes. */
  private static final int MAX_ID = 1 << 24;

  private final Map<String, Integer> ids = new HashMap<>();
  private final BitSet special = new BitSet();
  private String[] tokens = new String[1 << 12];
  private int length;
  private int modelSize;
  private long lastAdded = -1;

  private Vocabulary() {}

  /** Reads the vocabulary out of a file's bytes; the file's name is for messages. */
  static Vocabulary read(byte[] json, Path file) {
    Vocabulary vocabulary = new Vocabulary();
    try (JsonParser parser = JSON.createParser(json)) {
      vocabulary.read(parser, file);
    } catch (IOException e) {
      throw new TokenizerException(file, "not the JSON of a tokenizer: " + e.getMessage(), e);
    }
    if (vocabulary.length == 0) {
      throw new TokenizerException(file, "expected tokens in model.vocab, found none");
    }
    return vocabulary;
  }

  private void read(JsonParser parser, Path file) throws IOException {
    expect(parser.nextToken(), JsonToken.START_OBJECT, "an object", file);
    List<Added> added = new ArrayList<>();
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String field = parser.currentName();
      JsonToken value = parser.nextToken();
      if (field.equals("model")) {
        expect(value, JsonToken.START_OBJECT, "an object in model", file);
        readModel(parser, file);
      } else if (field.equals("added_tokens") && value != JsonToken.VALUE_NULL) {
        expect(value, JsonToken.START_ARRAY, "a list in added_tokens", file);
        while (parser.nextToken() != JsonToken.END_ARRAY) {
          added.add(readAdded(parser, file));
        }
      } else if (value == JsonToken.START_OBJECT) {
        TokenizerCheck.section(parser.readValueAsTree(), file);
      } else {
        parser.skipChildren();
      }
    }
    if (parser.nextToken() != null) {
      throw new TokenizerException(file, "expected the end of the file after its object");
    }
    added.forEach(token -> add(token, file));
  }

  /**
   * An added token keeps the id that the model's vocabulary gives its text; any other gets the next id after all before it.
   * The library goes by this and ignores the id in the file, so the file must say the same.
   */
  private void add(Added token, Path file) {
    if (token.content.isEmpty()) {
      return;
    }
    Integer known = ids.get(token.content);
    long id = known != null ? known : Math.max(modelSize, lastAdded + 1);
    if (id != token.id) {
      throw new TokenizerException(file,
          "the added token '" + token.content + "' has id " + token.id + ", by its place it is " + id);
    }
    put(token.content, id, file);
    lastAdded = Math.max(lastAdded, id);
    if (token.special) {
      special.set((int) id);
    }
  }

  private void readModel(JsonParser parser, Path file) throws IOException {
    String type = null;
    String prefix = null;
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String field = parser.currentName();
      JsonToken value = parser.nextToken();
      if (field.equals("type")) {
        type = parser.getText();
      } else if (field.equals("continuing_subword_prefix") && value == JsonToken.VALUE_STRING) {
        prefix = parser.getText();
      } else if (!field.equals("vocab")) {
        parser.skipChildren();
      } else if (value == JsonToken.START_OBJECT) {
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
          String token = parser.currentName();
          expect(parser.nextToken(), JsonToken.VALUE_NUMBER_INT, "an id for the token '" + token + "'", file);
          if (ids.containsKey(token)) {
            throw new TokenizerException(file, "the token '" + token + "' is in model.vocab twice");
          }
          put(token, parser.getLongValue(), file);
        }
      } else {
        expect(value, JsonToken.START_ARRAY, "an object or a list in model.vocab", file);
        for (long id = 0; parser.nextToken() != JsonToken.END_ARRAY; id++) {
          expect(parser.currentToken(), JsonToken.START_ARRAY, "[token, score] at model.vocab[" + id + "]", file);
          expect(parser.nextToken(), JsonToken.VALUE_STRING, "a token at model.vocab[" + id + "]", file);
          put(parser.getText(), id, file);
          while (parser.nextToken() != JsonToken.END_ARRAY) {
            parser.skipChildren();
          }
        }
      }
    }
    modelSize = ids.size();
    if (!"WordPiece".equals(type)) {
      TokenizerCheck.subwordPrefix(prefix, file);
    }
  }

  private record Added(String content, long id, boolean special) {}

  private static Added readAdded(JsonParser parser, Path file) throws IOException {
    expect(parser.currentToken(), JsonToken.START_OBJECT, "an object in added_tokens", file);
    String content = null;
    long id = -1;
    boolean special = false;
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String field = parser.currentName();
      JsonToken value = parser.nextToken();
      if (field.equals("id")) {
        expect(value, JsonToken.VALUE_NUMBER_INT, "a number as id in added_tokens", file);
        id = parser.getLongValue();
      } else if (field.equals("content")) {
        expect(value, JsonToken.VALUE_STRING, "text as content in added_tokens", file);
        content = parser.getText();
      } else if (field.equals("special")) {
        special = value == JsonToken.VALUE_TRUE;
      } else {
        parser.skipChildren();
      }
    }
    if (content == null || id < 0) {
      throw new TokenizerException(file, "expected id and content in each of added_tokens, found id " + id
          + " and content " + content);
    }
    return new Added(content, id, special);
  }

  private static void expect(JsonToken found, JsonToken expected, String what, Path file) {
    if (found != expected) {
      throw new TokenizerException(file, "expected " + what + ", found " + found);
    }
  }

  private void put(String token, long id, Path file) {
    if (id < 0 || id >= MAX_ID) {
      throw new TokenizerException(file, "the token '" + token + "' has id " + id + ", expected 0 to " + (MAX_ID - 1));
    }
    int at = (int) id;
    if (at >= tokens.length) {
      tokens = Arrays.copyOf(tokens, Math.max(at + 1, tokens.length * 2));
    }
    tokens[at] = token;
    ids.put(token, at);
    length = Math.max(length, at + 1);
  }

  /** The highest id + 1: the number of tokens, as {@code len(tokenizer)} in transformers where no id is left out. */
  public int length() {
    return length;
  }

  /** The token as the file writes it (pieces of bytes in its own alphabet), or null where an id is left out. */
  public String token(int id) {
    return id >= 0 && id < length ? tokens[id] : null;
  }

  public OptionalInt id(String token) {
    Integer id = ids.get(token);
    return id == null ? OptionalInt.empty() : OptionalInt.of(id);
  }

  /** Whether the id is an added token marked as special: BOS, EOS and their like. */
  public boolean isSpecial(int id) {
    return id >= 0 && special.get(id);
  }

  /** SHA-256 of the tokens in the order of their ids. */
  public String fingerprint() {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      for (int id = 0; id < length; id++) {
        byte[] token = String.valueOf(tokens[id]).getBytes(StandardCharsets.UTF_8);
        digest.update((token.length + ":").getBytes(StandardCharsets.US_ASCII));
        digest.update(token);
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * Why ids of this vocabulary cannot be ids of the other, or empty if they can: every id both have must be the same
   * token. One may go on at the end (padding, added tokens).
   */
  public Optional<String> difference(Vocabulary other) {
    for (int id = 0; id < Math.min(length, other.length); id++) {
      if (tokens[id] == null ? other.tokens[id] != null : !tokens[id].equals(other.tokens[id])) {
        return Optional.of(String.format("id %d is %s here and %s there (%d and %d tokens)",
            id, name(id), other.name(id), length, other.length));
      }
    }
    return Optional.empty();
  }

  private String name(int id) {
    return tokens[id] == null ? "no token" : "'" + tokens[id] + "'";
  }
}

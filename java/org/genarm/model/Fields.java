package org.genarm.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.genarm.checkpoint.CheckpointException;
import org.genarm.checkpoint.Json;

/** Typed reading of one JSON object: a field that is not what it should be is named with its file. */
final class Fields {
  private final Path file;
  private final String prefix;
  private final JsonNode object;

  Fields(Path file, JsonNode object) {
    this(file, "", object);
  }

  private Fields(Path file, String prefix, JsonNode object) {
    this.file = file;
    this.prefix = prefix;
    this.object = object;
  }

  /** Neither absent nor null. */
  boolean has(String name) {
    return object.hasNonNull(name);
  }

  /** In the file, if only as null. */
  boolean mentions(String name) {
    return object.has(name);
  }

  JsonNode node(String name) {
    return object.path(name);
  }

  /** The object under a name; an empty one where there is none. */
  Fields object(String name) {
    JsonNode node = node(name);
    if (has(name) && !node.isObject()) {
      throw refuse(name, "an object", Json.kind(node));
    }
    return new Fields(file, prefix + name + ".", node);
  }

  boolean isEmpty() {
    return object.isEmpty();
  }

  int integer(String name, int least, int most) {
    JsonNode node = node(name);
    if (!node.isIntegralNumber() || !node.canConvertToInt() || node.intValue() < least || node.intValue() > most) {
      throw refuse(name, "a whole number from " + least + " to " + most, Json.kind(node));
    }
    return node.intValue();
  }

  int integer(String name, int least, int most, int otherwise) {
    return has(name) ? integer(name, least, most) : otherwise;
  }

  /** A finite number of at least {@code least}. */
  double number(String name, double least) {
    JsonNode node = node(name);
    if (!node.isNumber() || !Double.isFinite(node.doubleValue()) || node.doubleValue() < least) {
      throw refuse(name, "a number of at least " + shortest(least), Json.kind(node));
    }
    return node.doubleValue();
  }

  double number(String name, double least, double otherwise) {
    return has(name) ? number(name, least) : otherwise;
  }

  boolean flag(String name, boolean otherwise) {
    if (!has(name)) {
      return otherwise;
    }
    if (!node(name).isBoolean()) {
      throw refuse(name, "true or false", Json.kind(node(name)));
    }
    return node(name).booleanValue();
  }

  String text(String name, String otherwise) {
    if (!has(name)) {
      return otherwise;
    }
    if (!node(name).isTextual()) {
      throw refuse(name, "a string", Json.kind(node(name)));
    }
    return node(name).textValue();
  }

  /** The strings of an array; empty where there is none. */
  List<String> texts(String name) {
    List<String> texts = new ArrayList<>();
    for (JsonNode node : elements(name, "an array of strings")) {
      if (!node.isTextual()) {
        throw refuse(name, "an array of strings", Json.kind(node) + " in it");
      }
      texts.add(node.textValue());
    }
    return texts;
  }

  /**
   * Token ids given as a number, an array or null.
   *
   * @param otherwise where the file does not mention any; null for none
   */
  List<Integer> tokenIds(String name, Integer otherwise) {
    if (!mentions(name)) {
      return otherwise == null ? List.of() : List.of(otherwise);
    }
    String expected = "a token id or an array of them";
    List<Integer> ids = new ArrayList<>();
    for (JsonNode node : node(name).isNumber() ? List.of(node(name)) : elements(name, expected)) {
      if (!node.isIntegralNumber() || !node.canConvertToInt() || node.intValue() < 0) {
        throw refuse(name, expected, Json.kind(node));
      }
      ids.add(node.intValue());
    }
    return ids;
  }

  CheckpointException refuse(String name, String expected, String found) {
    return new CheckpointException(file, prefix + name, expected, found);
  }

  private Iterable<JsonNode> elements(String name, String expected) {
    if (!has(name)) {
      return List.of();
    }
    if (!node(name).isArray()) {
      throw refuse(name, expected, Json.kind(node(name)));
    }
    return node(name);
  }

  private static String shortest(double value) {
    return value == Math.rint(value) ? Long.toString((long) value) : Double.toString(value);
  }
}

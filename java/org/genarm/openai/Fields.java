package org.genarm.openai;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Set;

/**
 * The fields of one JSON object, each read with its type and range; null stands for a field that is not there. A value
 * that does not fit is a 400 that names the field by its path.
 */
public final class Fields {
  private final ObjectNode object;
  private final String path;
  private final Set<String> read = new HashSet<>();

  public Fields(ObjectNode object) {
    this(object, "");
  }

  private Fields(ObjectNode object, String path) {
    this.object = object;
    this.path = path;
  }

  /** A field's name as messages tell it. */
  String path(String name) {
    return path + name;
  }

  /** The value as it is, or null. */
  JsonNode node(String name) {
    read.add(name);
    JsonNode value = object.get(name);
    return value == null || value.isNull() ? null : value;
  }

  boolean has(String name) {
    return node(name) != null;
  }

  Integer integer(String name, int min, int max) {
    Long value = number(name, min, max);
    return value == null ? null : (Integer) Math.toIntExact(value);
  }

  Long number(String name, long min, long max) {
    JsonNode value = node(name);
    if (value == null) {
      return null;
    }
    if (!value.isIntegralNumber() || !value.canConvertToLong() || value.longValue() < min || value.longValue() > max) {
      throw refused(name, max == Integer.MAX_VALUE || max == Long.MAX_VALUE
          ? min == Long.MIN_VALUE ? "a 64-bit integer" : "an integer of at least " + min
          : "an integer between " + min + " and " + max, value);
    }
    return value.longValue();
  }

  /** A number that is finite in 32-bit floating point, which is what the law is computed in. */
  Double real(String name, double min, double max) {
    JsonNode value = node(name);
    if (value == null) {
      return null;
    }
    double real = value.isNumber() ? value.doubleValue() : Double.NaN;
    if (!Float.isFinite((float) real) || real < min || real > max) {
      String range = min == -Double.MAX_VALUE ? "" : max == Double.MAX_VALUE ? " of at least " + (float) min
          : " between " + (float) min + " and " + (float) max;
      throw refused(name, "a number" + range + ", finite in 32-bit floating point", value);
    }
    return real;
  }

  /** So many numbers, each finite in 32-bit floating point. */
  List<Float> reals(String name, int count) {
    JsonNode value = node(name);
    if (value == null) {
      return null;
    }
    List<Float> reals = new ArrayList<>();
    for (JsonNode element : value) {
      reals.add(element.isNumber() ? element.floatValue() : Float.NaN);
    }
    if (!value.isArray() || reals.size() != count || !reals.stream().allMatch(Float::isFinite)) {
      throw refused(name, "a list of " + count + " numbers, finite in 32-bit floating point", value);
    }
    return reals;
  }

  boolean flag(String name) {
    JsonNode value = node(name);
    if (value != null && !value.isBoolean()) {
      throw refused(name, "true or false", value);
    }
    return value != null && value.booleanValue();
  }

  public String text(String name) {
    JsonNode value = node(name);
    if (value != null && !value.isTextual()) {
      throw refused(name, "a string", value);
    }
    return value == null ? null : value.textValue();
  }

  /** A string, or a list of them. */
  List<String> texts(String name) {
    JsonNode value = node(name);
    List<String> texts = new ArrayList<>();
    if (value == null) {
      return texts;
    }
    for (JsonNode element : value.isArray() ? value : List.of(value)) {
      if (!element.isTextual()) {
        throw refused(name, "a string or a list of strings", value);
      }
      texts.add(element.textValue());
    }
    return texts;
  }

  /** The fields of an object in a field, or null. */
  Fields object(String name) {
    JsonNode value = node(name);
    if (value != null && !value.isObject()) {
      throw refused(name, "an object", value);
    }
    return value == null ? null : new Fields((ObjectNode) value, path + name + ".");
  }

  /** The names of all fields. */
  List<String> names() {
    List<String> names = new ArrayList<>();
    for (Iterator<String> all = object.fieldNames(); all.hasNext();) {
      names.add(all.next());
    }
    return names;
  }

  /** Fields that nothing has asked for. */
  public List<String> unread() {
    return names().stream().filter(name -> !read.contains(name)).toList();
  }

  OpenAiError refused(String name, String expected, JsonNode found) {
    String shown = found == null ? "nothing" : found.toString();
    return OpenAiError.field(path(name), path(name) + " must be " + expected + ", got "
        + (shown.length() > 60 ? shown.substring(0, 60) + "…" : shown));
  }
}

package org.genarm.tokenizer.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** {@code tojson} as transformers has it: {@code json.dumps} without HTML escapes. */
final class Json {
  private final StringBuilder out = new StringBuilder();
  private final Budget budget;
  private final boolean ascii;
  private final int indent;
  private final String comma;
  private final String colon;
  private final boolean sorted;

  private Json(Arguments a, Budget budget) {
    this.budget = budget;
    this.ascii = Values.truth(a.get(0, "ensure_ascii", false));
    this.indent = a.get(1, "indent", null) == null ? -1 : a.number(1, "indent", 0);
    List<Object> separators =
        a.get(2, "separators", null) == null
            ? List.of(indent >= 0 ? "," : ", ", ": ")
            : Values.asList(a.get(2, "separators"), "separators must be two strings");
    if (separators.size() != 2 || indent > 64 || a.get(1, "indent", null) != null && indent < 0
        || !(separators.get(0) instanceof String item) || !(separators.get(1) instanceof String key)) {
      throw new TemplateException("tojson: expected two separators and an indent from 0 to 64");
    }
    this.comma = item;
    this.colon = key;
    this.sorted = Values.truth(a.get(3, "sort_keys", false));
  }

  static String of(Object value, Arguments a, Budget budget) {
    Json json = new Json(a.only("tojson", "ensure_ascii", "indent", "separators", "sort_keys"), budget);
    json.write(value, 0);
    return json.out.toString();
  }

  private void write(Object value, int depth) {
    budget.step();
    if (depth > 64) {
      throw new TemplateException("tojson: nested deeper than 64");
    }
    if (value == null || value instanceof Boolean || value instanceof Long) {
      out.append(value);
    } else if (value instanceof Double number) {
      out.append(number.isNaN() ? "NaN" : number.isInfinite() ? number > 0 ? "Infinity" : "-Infinity" : Strings.of(number));
    } else if (value instanceof String text) {
      quote(text);
    } else if (value instanceof List<?> list) {
      out.append('[');
      for (int i = 0; i < list.size(); i++) {
        next(i, depth + 1);
        write(list.get(i), depth + 1);
      }
      close(list.isEmpty(), depth, ']');
    } else if (value instanceof Map<?, ?>) {
      object(Values.asMap(value), depth);
    } else {
      throw new TemplateException("Object of type %s is not JSON serializable", Values.type(value));
    }
  }

  private void object(Map<String, Object> map, int depth) {
    List<String> keys = new ArrayList<>(map.keySet());
    if (sorted) {
      keys.sort(Strings::compare);
    }
    out.append('{');
    for (int i = 0; i < keys.size(); i++) {
      next(i, depth + 1);
      quote(keys.get(i));
      out.append(colon);
      write(map.get(keys.get(i)), depth + 1);
    }
    close(keys.isEmpty(), depth, '}');
  }

  private void next(int i, int depth) {
    out.append(i == 0 ? "" : comma);
    line(depth);
  }

  private void close(boolean empty, int depth, char bracket) {
    if (!empty) {
      line(depth);
    }
    out.append(bracket);
  }

  private void line(int depth) {
    if (indent >= 0) {
      out.append('\n').append(" ".repeat(indent * depth));
      budget.make((long) indent * depth);
    }
  }

  private void quote(String text) {
    budget.make(text.length());
    out.append('"');
    for (char c : text.toCharArray()) {
      int known = "\"\\\n\r\t\b\f".indexOf(c);
      if (known >= 0) {
        out.append('\\').append("\"\\nrtbf".charAt(known));
      } else if (c < ' ' || ascii && c > 0x7e) {
        out.append(ascii && c == 0x7f ? "\u007f" : String.format("\\u%04x", (int) c));
      } else {
        out.append(c);
      }
    }
    out.append('"');
  }
}

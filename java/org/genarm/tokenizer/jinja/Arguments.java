package org.genarm.tokenizer.jinja;

import java.util.List;
import java.util.Map;

/** The values a call was given, by position and by name. */
record Arguments(List<Object> positional, Map<String, Object> named) {
  static final Arguments NONE = new Arguments(List.of(), Map.of());

  /** Refuses arguments beyond the given names, and one given twice. */
  Arguments only(String callee, String... names) {
    if (positional.size() > names.length) {
      throw new TemplateException("%s takes at most %d arguments, got %d", callee, names.length, positional.size());
    }
    for (String name : named.keySet()) {
      int at = List.of(names).indexOf(name);
      if (at < 0 || at < positional.size()) {
        throw new TemplateException("%s got an unexpected argument '%s'", callee, name);
      }
    }
    return this;
  }

  boolean has(int index, String name) {
    return index < positional.size() || named.containsKey(name);
  }

  Object get(int index, String name, Object otherwise) {
    if (index < positional.size()) {
      return positional.get(index);
    }
    return named.containsKey(name) ? named.get(name) : otherwise;
  }

  Object get(int index, String name) {
    if (!has(index, name)) {
      throw new TemplateException("missing argument '%s'", name);
    }
    return get(index, name, null);
  }

  String text(int index, String name) {
    if (get(index, name) instanceof String text) {
      return text;
    }
    throw new TemplateException("argument '%s' must be a string", name);
  }

  int number(int index, String name, int otherwise) {
    Object value = get(index, name, (long) otherwise);
    if (value instanceof Long number && number == number.intValue()) {
      return number.intValue();
    }
    throw new TemplateException("argument '%s' must be an integer", name);
  }
}

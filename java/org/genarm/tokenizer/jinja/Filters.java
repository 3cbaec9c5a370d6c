package org.genarm.tokenizer.jinja;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/** The filters chat templates use, as jinja2 defines them, and {@code tojson} as transformers does. */
final class Filters {
  private Filters() {}

  /** An unknown filter is refused where it is used, as a template may name one on a path that it never takes. */
  static Object apply(String name, Object value, Arguments a, Scope scope) {
    Budget budget = scope.budget();
    Object result = filter(name, value, a, scope);
    budget.make(result instanceof String text ? text.length() : result instanceof List<?> list ? list.size() : 1);
    return result;
  }

  private static Object filter(String name, Object value, Arguments a, Scope scope) {
    Budget budget = scope.budget();
    switch (name) {
      case "trim":
        Object chars = a.only(name, "chars").get(0, "chars", null);
        return Strings.strip(Values.text(value, budget), chars == null ? null : a.text(0, "chars"), true, true);
      case "upper":
      case "lower":
      case "capitalize":
        a.only(name);
        return Methods.cased(Values.text(value, budget), name);
      case "replace":
        a.only(name, "old", "new", "count");
        int most = a.get(2, "count", null) == null ? -1 : a.number(2, "count", -1);
        return Methods.replace(Values.text(value, budget), a.text(0, "old"), a.text(1, "new"), most, budget);
      case "string":
        a.only(name);
        return Values.text(value, budget);
      case "length":
      case "count":
        a.only(name);
        return Values.length(value);
      case "tojson":
        return Json.of(value, a, budget);
      case "default":
      case "d":
        a.only(name, "default_value", "boolean");
        boolean missing = value instanceof Undefined
            || Values.truth(a.get(1, "boolean", false)) && !Values.truth(value);
        return missing ? a.get(0, "default_value", "") : value;
      case "join":
        return join(value, a.only(name, "d", "attribute"), budget);
      case "indent":
        return indent(Values.text(value, budget), a.only(name, "width", "first", "blank"));
      case "int":
        return integer(value, a.only(name, "default"));
      case "abs":
        a.only(name);
        return Values.compare(value, 0L) < 0 ? Operators.arithmetic("-", 0L, value) : Values.number(value);
      case "items":
        a.only(name);
        return generator(value instanceof Undefined ? List.of() : Methods.pairs(map(value)));
      case "safe":
        a.only(name);
        return Values.text(value, budget);
      default:
        return sequence(name, value, a, scope);
    }
  }

  private static Object sequence(String name, Object value, Arguments a, Scope scope) {
    switch (name) {
      case "list":
        a.only(name);
        return new ArrayList<>(Values.items(value));
      case "first":
      case "last":
        a.only(name);
        List<Object> items = Values.items(value);
        return items.isEmpty() ? new Undefined("the sequence has no " + name + " item")
            : items.get(name.equals("first") ? 0 : items.size() - 1);
      case "reverse":
        a.only(name);
        if (value instanceof String text) {
          return new StringBuilder(text).reverse().toString();
        }
        List<Object> reversed = new ArrayList<>(Values.items(value));
        Collections.reverse(reversed);
        return generator(reversed);
      case "map":
        return map(value, a, scope);
      case "select":
      case "reject":
        return select(value, name.equals("select"), item -> a.positional().isEmpty() ? Values.truth(item)
            : Tests.holds(a.text(0, "test"), item, rest(a, 1), scope.budget()));
      case "selectattr":
      case "rejectattr":
        String attribute = a.text(0, "attribute");
        return select(value, name.equals("selectattr"), item -> {
          Object field = path(item, attribute);
          return a.positional().size() == 1 ? Values.truth(field)
              : Tests.holds(a.text(1, "test"), field, rest(a, 2), scope.budget());
        });
      default:
        throw new TemplateException("the filter '%s' is not supported", name);
    }
  }

  private static View select(Object value, boolean keep, Predicate<Object> test) {
    List<Object> kept = new ArrayList<>();
    for (Object item : Values.items(value)) {
      if (test.test(item) == keep) {
        kept.add(item);
      }
    }
    return generator(kept);
  }

  private static View map(Object value, Arguments a, Scope scope) {
    List<Object> mapped = new ArrayList<>();
    boolean byName = a.positional().isEmpty();
    if (byName) {
      for (String name : a.named().keySet()) {
        if (!name.equals("attribute") && !name.equals("default")) {
          throw new TemplateException("map got an unexpected argument '%s'", name);
        }
      }
    }
    for (Object item : Values.items(value)) {
      if (byName) {
        Object field = path(item, a.text(0, "attribute"));
        mapped.add(field instanceof Undefined && a.named().containsKey("default") ? a.named().get("default") : field);
      } else {
        mapped.add(apply(a.text(0, "filter"), item, rest(a, 1), scope));
      }
    }
    return generator(mapped);
  }

  private static Arguments rest(Arguments a, int from) {
    return new Arguments(a.positional().subList(from, a.positional().size()), a.named());
  }

  /** A dotted attribute, each part an item first. */
  private static Object path(Object value, String attribute) {
    for (String part : attribute.split("\\.", -1)) {
      boolean index = !part.isEmpty() && part.length() < 10 && part.chars().allMatch(c -> c >= '0' && c <= '9');
      value = Operators.item(value, index ? (Object) Long.parseLong(part) : part);
    }
    return value;
  }

  private static String join(Object value, Arguments a, Budget budget) {
    String separator = a.has(0, "d") ? a.text(0, "d") : "";
    StringBuilder joined = new StringBuilder();
    int i = 0;
    for (Object item : Values.items(value)) {
      Object part = a.get(1, "attribute", null) == null ? item : path(item, a.text(1, "attribute"));
      String text = Values.text(part, budget);
      budget.make(text.length() + separator.length());
      joined.append(i++ == 0 ? "" : separator).append(text);
    }
    return joined.toString();
  }

  private static String indent(String text, Arguments a) {
    int width = a.get(0, "width", 4L) instanceof String ? 0 : a.number(0, "width", 4);
    if (width > 1000) {
      throw new TemplateException("indent: at most 1000, got %d", width);
    }
    String indent = a.get(0, "width", 4L) instanceof String given ? given : " ".repeat(Math.max(0, width));
    boolean blank = Values.truth(a.get(2, "blank", false));
    StringBuilder out = new StringBuilder();
    List<Object> lines = Strings.splitLines(text + "\n", false);
    for (int i = 0; i < lines.size(); i++) {
      String line = (String) lines.get(i);
      boolean indented = i == 0 ? Values.truth(a.get(1, "first", false)) : blank || !line.isEmpty();
      out.append(i == 0 ? "" : "\n").append(indented ? indent : "").append(line);
    }
    return out.toString();
  }

  private static Object integer(Object value, Arguments a) {
    Object otherwise = a.get(0, "default", 0L);
    if (value instanceof Double number) {
      return Double.isNaN(number) || Math.abs(number) > 9e15 ? otherwise : (Object) number.longValue();
    }
    if (value instanceof String text) {
      String digits = Strings.strip(text, null, true, true);
      if (digits.matches("[+-]?[0-9]{1,18}")) {
        return Long.parseLong(digits);
      }
      if (digits.matches("[\\p{Alpha}\\s]*")) {
        return otherwise;
      }
      throw new TemplateException("int: reading '%s' is not supported", text);
    }
    return Values.isNumber(value) ? Values.number(value) : otherwise;
  }

  private static Map<String, Object> map(Object value) {
    if (value instanceof Map) {
      return Values.asMap(value);
    }
    throw new TemplateException("Can only get item pairs from a mapping, got '%s'", Values.type(value));
  }

  private static View generator(List<?> items) {
    return new View(View.Kind.GENERATOR, new ArrayList<>(items));
  }

}

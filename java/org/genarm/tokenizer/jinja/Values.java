package org.genarm.tokenizer.jinja;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Python's values and what holds of all of them. None is {@code null}, int {@code Long}, float {@code Double}, list {@code
 * List}, dict {@code Map} with string keys in the order they came.
 */
final class Values {
  private static final int MAX_DEPTH = 64;

  private Values() {}

  /** A Java value as a template sees it. */
  static Object of(Object value) {
    return of(value, 0);
  }

  private static Object of(Object value, int depth) {
    if (depth > MAX_DEPTH) {
      throw new TemplateException("a variable is nested deeper than " + MAX_DEPTH);
    }
    if (value == null || value instanceof String || value instanceof Boolean || value instanceof Long
        || value instanceof Double || value instanceof Callable) {
      return value;
    }
    if (value instanceof Integer || value instanceof Short || value instanceof Byte) {
      return ((Number) value).longValue();
    }
    if (value instanceof Float || value instanceof BigDecimal) {
      return ((Number) value).doubleValue();
    }
    if (value instanceof Map<?, ?> map) {
      Map<String, Object> copy = new LinkedHashMap<>();
      map.forEach((key, item) -> {
        if (!(key instanceof String name)) {
          throw new TemplateException("a dict's keys must be strings, got '%s'", type(key));
        }
        copy.put(name, of(item, depth + 1));
      });
      return copy;
    }
    if (value instanceof Collection<?> list) {
      List<Object> copy = new ArrayList<>(list.size());
      list.forEach(item -> copy.add(of(item, depth + 1)));
      return copy;
    }
    throw new TemplateException("a template cannot use a %s", value.getClass().getSimpleName());
  }

  static String type(Object value) {
    if (value == null) {
      return "None";
    }
    return value instanceof String ? "str"
        : value instanceof Boolean ? "bool"
        : value instanceof Long ? "int"
        : value instanceof Double ? "float"
        : value instanceof Tuple ? "tuple"
        : value instanceof List ? "list"
        : value instanceof Map ? "dict"
        : value.getClass().getSimpleName();
  }

  static boolean truth(Object value) {
    if (value == null || value instanceof Undefined) {
      return false;
    }
    if (value instanceof View view) {
      return view.kind() == View.Kind.GENERATOR || view.size() > 0;
    }
    return value instanceof Boolean flag ? flag
        : value instanceof String text ? !text.isEmpty()
        : value instanceof Long number ? number != 0
        : value instanceof Double number ? number != 0
        : value instanceof List<?> list ? !list.isEmpty()
        : !(value instanceof Map<?, ?> map) || !map.isEmpty();
  }

  static long length(Object value) {
    if (value instanceof String text) {
      return Strings.length(text);
    }
    if (value instanceof View view) {
      return view.size();
    }
    if (value instanceof Undefined) {
      return 0;
    }
    if (value instanceof Map<?, ?> map) {
      return map.size();
    }
    return asList(value, "object of type '" + type(value) + "' has no len()").size();
  }

  /** What a for loop walks. */
  static List<Object> items(Object value) {
    if (value instanceof Undefined) {
      return List.of();
    }
    if (value instanceof String text) {
      return Strings.characters(text);
    }
    if (value instanceof View view) {
      return view.items();
    }
    if (value instanceof Map<?, ?> map) {
      return new ArrayList<>(map.keySet());
    }
    return asList(value, "'" + type(value) + "' object is not iterable");
  }

  static boolean iterable(Object value) {
    return value instanceof String || value instanceof List || value instanceof Map || value instanceof View
        || value instanceof Undefined;
  }

  @SuppressWarnings("unchecked")
  static List<Object> asList(Object value, String refusal) {
    if (value instanceof List) {
      return (List<Object>) value;
    }
    throw new TemplateException(refusal);
  }

  @SuppressWarnings("unchecked")
  static Map<String, Object> asMap(Object value) {
    return (Map<String, Object>) value;
  }

  static boolean isNumber(Object value) {
    return value instanceof Long || value instanceof Double || value instanceof Boolean;
  }

  /** The value as an int where it is one; Python's True is 1. */
  static Object number(Object value) {
    return value instanceof Boolean flag ? (Object) (flag ? 1L : 0L) : value;
  }

  static boolean equal(Object a, Object b, Budget budget) {
    budget.step();
    if (a == b) {
      return !(a instanceof Double number) || !number.isNaN();
    }
    if (isNumber(a) && isNumber(b)) {
      return compare(a, b) == 0 && !Double.isNaN(((Number) number(a)).doubleValue());
    }
    if (a instanceof Map<?, ?> x && b instanceof Map<?, ?> y) {
      return x.size() == y.size()
          && x.keySet().stream().allMatch(key -> y.containsKey(key) && equal(x.get(key), y.get(key), budget));
    }
    if (a instanceof List<?> x && b instanceof List<?> y) {
      if (x.size() != y.size() || a instanceof Tuple != b instanceof Tuple) {
        return false;
      }
      for (int i = 0; i < x.size(); i++) {
        if (!equal(x.get(i), y.get(i), budget)) {
          return false;
        }
      }
      return true;
    }
    if (a instanceof Undefined || b instanceof Undefined) {
      return a instanceof Undefined && b instanceof Undefined;
    }
    if (a instanceof View || b instanceof View) {
      throw new TemplateException("comparing a view or a generator is not supported");
    }
    return a instanceof String && a.equals(b);
  }

  /** Order of two numbers or two strings. NaN compares above everything here; {@link #equal} and Operators know better. */
  static int compare(Object a, Object b) {
    if (isNumber(a) && isNumber(b)) {
      Object x = number(a);
      Object y = number(b);
      if (x instanceof Long i && y instanceof Long j) {
        return Long.compare(i, j);
      }
      double u = ((Number) x).doubleValue();
      double v = ((Number) y).doubleValue();
      return u == v ? 0 : Double.compare(u, v);
    }
    if (a instanceof String x && b instanceof String y) {
      return Strings.compare(x, y);
    }
    if (a instanceof Undefined || b instanceof Undefined) {
      throw (a instanceof Undefined missing ? missing : (Undefined) b).used();
    }
    throw new TemplateException("cannot order '%s' and '%s'", type(a), type(b));
  }

  /** {@code str(value)}: what printing writes. */
  static String text(Object value, Budget budget) {
    if (value instanceof String text) {
      return text;
    }
    if (value instanceof Undefined) {
      return "";
    }
    StringBuilder out = new StringBuilder();
    represent(value, out, budget);
    return out.toString();
  }

  /** {@code repr(value)}. */
  private static void represent(Object value, StringBuilder out, Budget budget) {
    budget.step();
    int before = out.length();
    if (value == null) {
      out.append("None");
    } else if (value instanceof Boolean flag) {
      out.append(flag ? "True" : "False");
    } else if (value instanceof Long) {
      out.append(value);
    } else if (value instanceof Double number) {
      out.append(Strings.of(number));
    } else if (value instanceof String text) {
      quote(text, out);
    } else if (value instanceof List<?> list) {
      boolean tuple = value instanceof Tuple;
      out.append(tuple ? '(' : '[');
      for (int i = 0; i < list.size(); i++) {
        out.append(i == 0 ? "" : ", ");
        represent(list.get(i), out, budget);
      }
      out.append(tuple ? list.size() == 1 ? ",)" : ")" : "]");
    } else if (value instanceof Map<?, ?> map) {
      out.append('{');
      int i = 0;
      for (Map.Entry<?, ?> entry : map.entrySet()) {
        out.append(i++ == 0 ? "" : ", ");
        represent(entry.getKey(), out, budget);
        out.append(": ");
        represent(entry.getValue(), out, budget);
      }
      out.append('}');
    } else {
      throw new TemplateException("printing a %s is not supported", type(value));
    }
    budget.make(out.length() - before);
  }

  private static void quote(String text, StringBuilder out) {
    char mark = text.indexOf('\'') >= 0 && text.indexOf('"') < 0 ? '"' : '\'';
    out.append(mark);
    text.codePoints().forEach(c -> {
      if (c == mark || c == '\\') {
        out.append('\\').appendCodePoint(c);
      } else if (c == '\n' || c == '\r' || c == '\t') {
        out.append(c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
      } else if (c < ' ' || c == 0x7f) {
        out.append(String.format("\\x%02x", c));
      } else if (c > 0x7f && !Character.isLetterOrDigit(c)) {
        // Which of these Python writes as they are depends on its Unicode tables.
        throw new TemplateException("printing a list with the character U+%04X is not supported", c);
      } else {
        out.appendCodePoint(c);
      }
    });
    out.append(mark);
  }
}

package org.genarm.tokenizer.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Python's operators, subscripts and attributes on {@link Values}. */
final class Operators {
  private Operators() {}

  static Object add(Object a, Object b, Budget budget) {
    if (a instanceof String x && b instanceof String y) {
      budget.make((long) x.length() + y.length());
      return x + y;
    }
    if (a instanceof List<?> x && b instanceof List<?> y && a instanceof Tuple == b instanceof Tuple) {
      budget.make((long) x.size() + y.size());
      List<Object> sum = new ArrayList<>(x);
      sum.addAll(y);
      return a instanceof Tuple ? new Tuple(sum) : sum;
    }
    if (a instanceof String && !(b instanceof Undefined)) {
      throw new TemplateException("can only concatenate str (not \"%s\") to str", Values.type(b));
    }
    return arithmetic("+", a, b);
  }

  static Object multiply(Object a, Object b, Budget budget) {
    if (a instanceof Long && b instanceof String) {
      return multiply(b, a, budget);
    }
    if (a instanceof String text && b instanceof Long times) {
      budget.make(Math.multiplyHigh(times, text.length()) != 0 ? Integer.MAX_VALUE : Math.max(0, times * text.length()));
      return text.isEmpty() ? "" : text.repeat((int) Math.max(0, times));
    }
    return arithmetic("*", a, b);
  }

  static Object arithmetic(String operator, Object a, Object b) {
    if (a instanceof Undefined || b instanceof Undefined) {
      throw (a instanceof Undefined missing ? missing : (Undefined) b).used();
    }
    if (!Values.isNumber(a) || !Values.isNumber(b)) {
      throw new TemplateException("unsupported operands for %s: '%s' and '%s'", operator, Values.type(a), Values.type(b));
    }
    Object x = Values.number(a);
    Object y = Values.number(b);
    try {
      return x instanceof Long i && y instanceof Long j && !operator.equals("/")
          ? integers(operator, i, j)
          : floats(operator, ((Number) x).doubleValue(), ((Number) y).doubleValue());
    } catch (ArithmeticException e) {
      throw new TemplateException("%s %s %s: %s", x, operator, y, e.getMessage());
    }
  }

  static Object sign(boolean minus, Object value) {
    Object number = arithmetic("+", 0L, value);
    return !minus ? number : value instanceof Double real ? (Object) (-real) : arithmetic("-", 0L, number);
  }

  private static Object integers(String operator, long a, long b) {
    return switch (operator) {
      case "+" -> Math.addExact(a, b);
      case "-" -> Math.subtractExact(a, b);
      case "*" -> Math.multiplyExact(a, b);
      case "//" -> Math.floorDiv(a, b);
      case "%" -> Math.floorMod(a, b);
      default -> throw new ArithmeticException("not supported");
    };
  }

  private static Object floats(String operator, double a, double b) {
    if (b == 0 && (operator.equals("/") || operator.equals("//") || operator.equals("%"))) {
      throw new ArithmeticException("division by zero");
    }
    return switch (operator) {
      case "+" -> a + b;
      case "-" -> a - b;
      case "*" -> a * b;
      case "/" -> a / b;
      default -> throw new ArithmeticException("not supported for floats");
    };
  }

  static boolean compare(String operator, Object a, Object b, Budget budget) {
    switch (operator) {
      case "==":
        return Values.equal(a, b, budget);
      case "!=":
        return !Values.equal(a, b, budget);
      default:
    }
    int order = Values.compare(a, b);
    if (a instanceof Double x && x.isNaN() || b instanceof Double y && y.isNaN()) {
      return false;
    }
    return switch (operator) {
      case "<" -> order < 0;
      case "<=" -> order <= 0;
      case ">" -> order > 0;
      default -> order >= 0;
    };
  }

  static boolean contains(Object container, Object item, Budget budget) {
    if (container instanceof String text) {
      if (item instanceof String part) {
        return text.contains(part);
      }
      throw new TemplateException("'in <string>' requires string as left operand, not %s", Values.type(item));
    }
    if (container instanceof Map<?, ?> map) {
      if (item instanceof List || item instanceof Map) {
        throw new TemplateException("unhashable type: '%s'", Values.type(item));
      }
      return item instanceof String && map.containsKey(item);
    }
    if (!Values.iterable(container)) {
      throw new TemplateException("argument of type '%s' is not iterable", Values.type(container));
    }
    return Values.items(container).stream().anyMatch(other -> Values.equal(other, item, budget));
  }

  /** {@code object[key]}: the item, else the attribute of that name, else undefined. */
  static Object item(Object object, Object key) {
    if (object instanceof Undefined missing) {
      throw missing.used();
    }
    if (object instanceof Namespace namespace && namespace.fields().containsKey(key)) {
      return namespace.fields().get(key);
    }
    if (object instanceof Map<?, ?> map && key instanceof String && map.containsKey(key)) {
      return map.get(key);
    }
    if (key instanceof Long index) {
      boolean characters = object instanceof String;
      if (characters || object instanceof List || object instanceof View view && view.kind() == View.Kind.RANGE) {
        List<Object> items = Values.items(object);
        long at = index < 0 ? index + items.size() : index;
        if (at >= 0 && at < items.size()) {
          return items.get((int) at);
        }
      }
    }
    if (key instanceof String name) {
      Object method = Methods.find(object, name);
      if (method != null) {
        return method;
      }
    }
    return missing(object, key);
  }

  /** {@code object.name}: the attribute, else the item of that name, else undefined. */
  static Object attribute(Object object, String name) {
    if (object instanceof Undefined missing) {
      throw missing.used();
    }
    Object method = Methods.find(object, name);
    return method != null ? method : item(object, name);
  }

  private static Undefined missing(Object object, Object key) {
    return new Undefined("'" + Values.type(object) + "' has no attribute or item '" + key + "'");
  }

  static Object slice(Object object, Object from, Object to, Object by, Budget budget) {
    if (object instanceof Undefined missing) {
      throw missing.used();
    }
    if (!(object instanceof String) && !(object instanceof List)) {
      throw new TemplateException("a '%s' cannot be sliced", Values.type(object));
    }
    List<Object> items = Values.items(object);
    budget.make(items.size());
    long step = bound(by, 1);
    if (step == 0) {
      throw new TemplateException("slice step cannot be zero");
    }
    int size = items.size();
    long begin = step > 0 ? clamp(bound(from, 0), 0, size) : clamp(bound(from, Integer.MAX_VALUE), -1, size);
    long end = step > 0 ? clamp(bound(to, Integer.MAX_VALUE), 0, size)
        : to == null ? -1 : clamp(bound(to, 0), -1, size);
    begin = step < 0 ? Math.min(begin, size - 1) : begin;
    List<Object> part = new ArrayList<>();
    for (long i = begin; step > 0 ? i < end : i > end; i += step) {
      part.add(items.get((int) i));
    }
    if (object instanceof String) {
      return String.join("", part.stream().map(String.class::cast).toList());
    }
    return object instanceof Tuple ? new Tuple(part) : part;
  }

  private static long bound(Object value, long otherwise) {
    if (value == null) {
      return otherwise;
    }
    if (value instanceof Long bound) {
      return Math.max(-Integer.MAX_VALUE, Math.min(Integer.MAX_VALUE, bound));
    }
    throw new TemplateException("slice indices must be integers, got '%s'", Values.type(value));
  }

  private static long clamp(long index, long low, long size) {
    return Math.max(low, Math.min(size, index < 0 ? index + size : index));
  }
}

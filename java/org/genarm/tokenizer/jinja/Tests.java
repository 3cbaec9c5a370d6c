package org.genarm.tokenizer.jinja;

import java.util.List;
import java.util.Map;

/** What may stand after {@code is}. */
final class Tests {
  private Tests() {}

  static boolean holds(String name, Object value, Arguments a, Budget budget) {
    switch (name) {
      case "defined":
        a.only(name);
        return !(value instanceof Undefined);
      case "undefined":
        a.only(name);
        return value instanceof Undefined;
      case "none":
        a.only(name);
        return value == null;
      case "string":
        a.only(name);
        return value instanceof String;
      case "mapping":
        a.only(name);
        return value instanceof Map;
      case "iterable":
        a.only(name);
        return Values.iterable(value);
      case "sequence":
        a.only(name);
        return value instanceof String || value instanceof List || value instanceof Map || value instanceof Undefined
            || value instanceof View view && view.kind() == View.Kind.RANGE;
      case "boolean":
        a.only(name);
        return value instanceof Boolean;
      case "true":
      case "false":
        a.only(name);
        return value instanceof Boolean flag && flag == name.equals("true");
      case "number":
        a.only(name);
        return Values.isNumber(value);
      case "integer":
        a.only(name);
        return value instanceof Long;
      case "float":
        a.only(name);
        return value instanceof Double;
      case "callable":
        a.only(name);
        return value instanceof Callable;
      case "odd":
      case "even":
      case "divisibleby":
        long by = name.equals("divisibleby") ? a.only(name, "num").number(0, "num", 0) : 2;
        boolean zero = Values.equal(Operators.arithmetic("%", value, by), 0L, budget);
        return zero != name.equals("odd");
      case "in":
        return Operators.contains(a.only(name, "seq").get(0, "seq"), value, budget);
      default:
        return compare(name, value, a, budget);
    }
  }

  private static boolean compare(String name, Object value, Arguments a, Budget budget) {
    String operator =
        switch (name) {
          case "eq", "equalto", "==" -> "==";
          case "ne", "!=" -> "!=";
          case "lt", "lessthan", "<" -> "<";
          case "le", "<=" -> "<=";
          case "gt", "greaterthan", ">" -> ">";
          case "ge", ">=" -> ">=";
          default -> throw new TemplateException("the test '%s' is not supported", name);
        };
    return Operators.compare(operator, value, a.only(name, "other").get(0, "other"), budget);
  }
}

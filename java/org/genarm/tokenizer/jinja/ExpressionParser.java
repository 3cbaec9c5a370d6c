package org.genarm.tokenizer.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Expressions, with the precedence of jinja2's parser; each level is named as there. */
final class ExpressionParser {
  private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", "<=", ">", ">=");

  private final Tokens tokens;
  private final SuffixParser suffixes;

  ExpressionParser(Tokens tokens) {
    this.tokens = tokens;
    this.suffixes = new SuffixParser(tokens, this);
  }

  /** One expression, or a tuple of several without brackets around it. */
  Expression tuple(boolean conditional) {
    Expression first = conditional ? expression() : or();
    if (!tokens.current().is(Token.Kind.OPERATOR, ",")) {
      return first;
    }
    List<Expression> items = new ArrayList<>(List.of(first));
    while (tokens.skip(",") && startsExpression()) {
      items.add(conditional ? expression() : or());
    }
    return scope -> new Tuple(values(items, scope));
  }

  private boolean startsExpression() {
    return !tokens.at(Token.Kind.PRINT_END) && !tokens.at(Token.Kind.BLOCK_END) && !tokens.atName("in")
        && !tokens.current().is(Token.Kind.OPERATOR, ")");
  }

  Expression expression() {
    tokens.enter();
    Expression value = or();
    while (tokens.skipName("if")) {
      Expression then = value;
      Expression condition = or();
      Expression otherwise =
          tokens.skipName("else") ? expression() : scope -> new Undefined("the inline if is false and has no else");
      value = scope -> (Values.truth(condition.value(scope)) ? then : otherwise).value(scope);
    }
    tokens.leave();
    return value;
  }

  private Expression or() {
    Expression left = and();
    while (tokens.skipName("or")) {
      Expression first = left;
      Expression second = and();
      left = scope -> {
        Object value = first.value(scope);
        return Values.truth(value) ? value : second.value(scope);
      };
    }
    return left;
  }

  private Expression and() {
    Expression left = not();
    while (tokens.skipName("and")) {
      Expression first = left;
      Expression second = not();
      left = scope -> {
        Object value = first.value(scope);
        return Values.truth(value) ? second.value(scope) : value;
      };
    }
    return left;
  }

  private Expression not() {
    if (!tokens.skipName("not")) {
      return compare();
    }
    tokens.enter();
    Expression value = not();
    tokens.leave();
    return scope -> !Values.truth(value.value(scope));
  }

  private Expression compare() {
    Expression first = sum();
    List<String> operators = new ArrayList<>();
    List<Expression> operands = new ArrayList<>();
    while (true) {
      if (tokens.at(Token.Kind.OPERATOR) && COMPARISONS.contains(tokens.current().text())) {
        operators.add(tokens.next().text());
      } else if (tokens.skipName("in")) {
        operators.add("in");
      } else if (tokens.atName("not") && tokens.ahead(Token.Kind.NAME, "in")) {
        tokens.next();
        tokens.next();
        operators.add("not in");
      } else {
        break;
      }
      operands.add(sum());
    }
    return operators.isEmpty() ? first : scope -> compare(scope, first, operators, operands);
  }

  /** {@code a < b < c} is {@code a < b and b < c}. */
  private static boolean compare(Scope scope, Expression first, List<String> operators, List<Expression> operands) {
    Object left = first.value(scope);
    for (int i = 0; i < operators.size(); i++) {
      Object right = operands.get(i).value(scope);
      boolean holds =
          switch (operators.get(i)) {
            case "in" -> Operators.contains(right, left, scope.budget());
            case "not in" -> !Operators.contains(right, left, scope.budget());
            default -> Operators.compare(operators.get(i), left, right, scope.budget());
          };
      if (!holds) {
        return false;
      }
      left = right;
    }
    return true;
  }

  private Expression sum() {
    Expression left = concatenation();
    while (tokens.at(Token.Kind.OPERATOR)) {
      Expression first = left;
      if (tokens.skip("+")) {
        Expression second = concatenation();
        left = scope -> Operators.add(first.value(scope), second.value(scope), scope.budget());
      } else if (tokens.skip("-")) {
        Expression second = concatenation();
        left = scope -> Operators.arithmetic("-", first.value(scope), second.value(scope));
      } else {
        break;
      }
    }
    return left;
  }

  private Expression concatenation() {
    Expression first = product();
    if (!tokens.current().is(Token.Kind.OPERATOR, "~")) {
      return first;
    }
    List<Expression> parts = new ArrayList<>(List.of(first));
    while (tokens.skip("~")) {
      parts.add(product());
    }
    return scope -> {
      StringBuilder text = new StringBuilder();
      for (Expression part : parts) {
        text.append(scope.budget().made(Values.text(part.value(scope), scope.budget())));
      }
      return text.toString();
    };
  }

  private Expression product() {
    Expression left = unary(true);
    while (tokens.at(Token.Kind.OPERATOR) && Set.of("*", "/", "//", "%", "**").contains(tokens.current().text())) {
      String operator = tokens.next().text();
      if (operator.equals("**")) {
        throw new TemplateException("line %d: '**' is not supported", tokens.current().line());
      }
      Expression first = left;
      Expression second = unary(true);
      left = operator.equals("*")
          ? scope -> Operators.multiply(first.value(scope), second.value(scope), scope.budget())
          : scope -> Operators.arithmetic(operator, first.value(scope), second.value(scope));
    }
    return left;
  }

  private Expression unary(boolean filtered) {
    Expression value;
    boolean minus = tokens.skip("-");
    if (minus || tokens.skip("+")) {
      tokens.enter();
      Expression operand = unary(false);
      tokens.leave();
      value = scope -> Operators.sign(minus, operand.value(scope));
    } else {
      value = primary();
    }
    value = suffixes.postfix(value);
    return filtered ? suffixes.filters(value) : value;
  }

  private Expression primary() {
    Token token = tokens.next();
    switch (token.kind()) {
      case NAME:
        return name(token.text());
      case STRING:
        StringBuilder text = new StringBuilder(token.text());
        while (tokens.at(Token.Kind.STRING)) {
          text.append(tokens.next().text());
        }
        return constant(text.toString());
      case INTEGER:
        if (token.text().length() > 18) {
          throw new TemplateException("line %d: the number %s is too large", token.line(), token.text());
        }
        return constant(Long.parseLong(token.text()));
      case FLOAT:
        return constant(Double.parseDouble(token.text()));
      case OPERATOR:
        return bracketed(token);
      default:
        throw new TemplateException("line %d: expected an expression", token.line());
    }
  }

  private static Expression name(String name) {
    return switch (name) {
      case "true", "True" -> constant(true);
      case "false", "False" -> constant(false);
      case "none", "None" -> constant(null);
      case "varargs", "kwargs", "caller", "self", "super" ->
          throw new TemplateException("the name '%s' is not supported", name);
      default -> scope -> {
        scope.budget().step();
        return scope.get(name);
      };
    };
  }

  private static Expression constant(Object value) {
    return scope -> value;
  }

  private Expression bracketed(Token open) {
    tokens.enter();
    Expression value;
    if (open.text().equals("(")) {
      value = tokens.current().is(Token.Kind.OPERATOR, ")") ? scope -> Tuple.of() : tuple(true);
      tokens.expect(")");
    } else if (open.text().equals("[")) {
      List<Expression> items = new ArrayList<>();
      while (!tokens.skip("]")) {
        items.add(expression());
        if (!tokens.current().is(Token.Kind.OPERATOR, "]")) {
          tokens.expect(",");
        }
      }
      value = scope -> values(items, scope);
    } else if (open.text().equals("{")) {
      value = dict();
    } else {
      throw new TemplateException("line %d: unexpected '%s'", open.line(), open.text());
    }
    tokens.leave();
    return value;
  }

  private Expression dict() {
    List<Expression> keys = new ArrayList<>();
    List<Expression> items = new ArrayList<>();
    while (!tokens.skip("}")) {
      keys.add(expression());
      tokens.expect(":");
      items.add(expression());
      if (!tokens.current().is(Token.Kind.OPERATOR, "}")) {
        tokens.expect(",");
      }
    }
    return scope -> {
      Map<String, Object> map = new LinkedHashMap<>();
      for (int i = 0; i < keys.size(); i++) {
        if (!(keys.get(i).value(scope) instanceof String key)) {
          throw new TemplateException("a dict's keys must be strings");
        }
        map.put(key, items.get(i).value(scope));
      }
      return map;
    };
  }

  static List<Object> values(List<Expression> expressions, Scope scope) {
    scope.budget().make(expressions.size());
    List<Object> values = new ArrayList<>(expressions.size());
    for (Expression expression : expressions) {
      values.add(expression.value(scope));
    }
    return values;
  }

  Expression operand() {
    return suffixes.postfix(primary());
  }
}

package org.genarm.tokenizer.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What follows an operand: attributes, subscripts and calls; then filters and tests. */
final class SuffixParser {
  private final Tokens tokens;
  private final ExpressionParser expressions;

  SuffixParser(Tokens tokens, ExpressionParser expressions) {
    this.tokens = tokens;
    this.expressions = expressions;
  }

  Expression postfix(Expression value) {
    while (true) {
      if (tokens.skip(".")) {
        value = attribute(value);
      } else if (tokens.skip("[")) {
        value = subscript(value);
      } else if (tokens.skip("(")) {
        value = call(value);
      } else {
        return value;
      }
    }
  }

  Expression filters(Expression value) {
    while (true) {
      if (tokens.skip("|")) {
        value = filter(value);
      } else if (tokens.skipName("is")) {
        value = test(value);
      } else if (tokens.skip("(")) {
        value = call(value);
      } else {
        return value;
      }
    }
  }

  private Expression attribute(Expression object) {
    if (tokens.at(Token.Kind.INTEGER)) {
      long index = Long.parseLong(tokens.next().text());
      return scope -> Operators.item(object.value(scope), index);
    }
    String name = tokens.name();
    return scope -> Operators.attribute(object.value(scope), name);
  }

  private Expression subscript(Expression object) {
    tokens.enter();
    Expression from = at(":") ? null : expressions.expression();
    if (from != null && tokens.skip("]")) {
      tokens.leave();
      return scope -> Operators.item(object.value(scope), from.value(scope));
    }
    tokens.expect(":");
    Expression to = at(":") || at("]") ? null : expressions.expression();
    Expression by = tokens.skip(":") && !at("]") ? expressions.expression() : null;
    tokens.expect("]");
    tokens.leave();
    return scope -> Operators.slice(object.value(scope), value(from, scope), value(to, scope), value(by, scope),
        scope.budget());
  }

  private boolean at(String operator) {
    return tokens.current().is(Token.Kind.OPERATOR, operator);
  }

  private static Object value(Expression expression, Scope scope) {
    return expression == null ? null : expression.value(scope);
  }

  private Expression call(Expression callee) {
    Call arguments = arguments();
    return scope -> {
      scope.budget().step();
      Object function = callee.value(scope);
      if (function instanceof Callable callable) {
        return callable.call(arguments.values(scope), scope);
      }
      if (function instanceof Undefined missing) {
        throw missing.used();
      }
      throw new TemplateException("'%s' object is not callable", Values.type(function));
    };
  }

  /** The arguments of a call as written; the opening bracket is read. */
  private record Call(List<Expression> positional, Map<String, Expression> named) {
    Arguments values(Scope scope) {
      List<Object> values = ExpressionParser.values(positional, scope);
      Map<String, Object> byName = new LinkedHashMap<>();
      named.forEach((name, expression) -> byName.put(name, expression.value(scope)));
      return new Arguments(values, byName);
    }
  }

  private Call arguments() {
    tokens.enter();
    Call call = new Call(new ArrayList<>(), new LinkedHashMap<>());
    while (!tokens.skip(")")) {
      if (tokens.at(Token.Kind.NAME) && tokens.ahead(Token.Kind.OPERATOR, "=")) {
        String name = tokens.name();
        tokens.expect("=");
        if (call.named().put(name, expressions.expression()) != null) {
          throw tokens.unexpected("the argument '" + name + "' once");
        }
      } else if (call.named().isEmpty()) {
        call.positional().add(expressions.expression());
      } else {
        throw tokens.unexpected("a named argument");
      }
      if (!at(")")) {
        tokens.expect(",");
      }
    }
    tokens.leave();
    return call;
  }

  private Expression filter(Expression value) {
    String name = dotted();
    Call arguments = tokens.skip("(") ? arguments() : new Call(List.of(), Map.of());
    return scope -> {
      scope.budget().step();
      return Filters.apply(name, value.value(scope), arguments.values(scope), scope);
    };
  }

  private String dotted() {
    StringBuilder name = new StringBuilder(tokens.name());
    while (tokens.skip(".")) {
      name.append('.').append(tokens.name());
    }
    return name.toString();
  }

  private Expression test(Expression value) {
    boolean negated = tokens.skipName("not");
    String name = dotted();
    Call arguments;
    if (tokens.skip("(")) {
      arguments = arguments();
    } else if (startsOperand()) {
      if (tokens.atName("is")) {
        throw tokens.unexpected("one test");
      }
      arguments = new Call(List.of(expressions.operand()), Map.of());
    } else {
      arguments = new Call(List.of(), Map.of());
    }
    return scope ->
        Tests.holds(name, value.value(scope), arguments.values(scope), scope.budget()) != negated;
  }

  private boolean startsOperand() {
    Token.Kind kind = tokens.current().kind();
    return kind == Token.Kind.STRING || kind == Token.Kind.INTEGER || kind == Token.Kind.FLOAT || at("[") || at("{")
        || kind == Token.Kind.NAME && !tokens.atName("else", "or", "and");
  }
}

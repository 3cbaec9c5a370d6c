package org.genarm.tokenizer.jinja;

import java.util.ArrayList;
import java.util.List;

/** Statements: the tags chat templates use. Any other is refused when the template is parsed. */
final class Parser {
  private final Tokens tokens;
  private final ExpressionParser expressions;
  private int loops;

  private Parser(Tokens tokens) {
    this.tokens = tokens;
    this.expressions = new ExpressionParser(tokens);
  }

  static Statement parse(String source) {
    Tokens tokens = new Tokens(Lexer.tokens(source));
    Statement body = new Parser(tokens).body();
    tokens.expect(Token.Kind.END);
    return body;
  }

  /** Statements up to the tag that ends them, whose name is left to be read, or up to the end. */
  private Statement body(String... ends) {
    tokens.enter();
    List<Statement> statements = new ArrayList<>();
    while (!tokens.at(Token.Kind.END)) {
      if (tokens.at(Token.Kind.DATA)) {
        String text = tokens.next().text();
        statements.add((scope, out) -> print(text, scope, out));
      } else if (tokens.at(Token.Kind.PRINT_BEGIN)) {
        tokens.next();
        Expression value = expressions.tuple(true);
        tokens.expect(Token.Kind.PRINT_END);
        statements.add((scope, out) -> print(value.value(scope), scope, out));
      } else {
        tokens.expect(Token.Kind.BLOCK_BEGIN);
        if (tokens.atName(ends)) {
          tokens.leave();
          return Statement.sequence(statements);
        }
        statements.add(tag());
      }
    }
    if (ends.length > 0) {
      throw tokens.unexpected("'" + ends[ends.length - 1] + "'");
    }
    tokens.leave();
    return Statement.sequence(statements);
  }

  private static Statement.Flow print(Object value, Scope scope, StringBuilder out) {
    out.append(scope.budget().made(Values.text(value, scope.budget())));
    return Statement.Flow.NEXT;
  }

  private Statement tag() {
    String name = tokens.name();
    switch (name) {
      case "if":
        return condition();
      case "for":
        return loop();
      case "set":
        return assignment();
      case "macro":
        return macro();
      case "generation":
        return generation();
      case "break":
      case "continue":
        if (loops == 0) {
          throw tokens.unexpected("'" + name + "' inside a loop, not outside it,");
        }
        tokens.expect(Token.Kind.BLOCK_END);
        return (scope, out) -> name.equals("break") ? Statement.Flow.BREAK : Statement.Flow.CONTINUE;
      default:
        throw new TemplateException("line %d: the tag '%s' is not supported", tokens.current().line(), name);
    }
  }

  private void end(String name) {
    tokens.expectName(name);
    tokens.expect(Token.Kind.BLOCK_END);
  }

  private Statement condition() {
    Expression condition = expressions.tuple(false);
    tokens.expect(Token.Kind.BLOCK_END);
    Statement then = body("elif", "else", "endif");
    Statement otherwise = Statement.sequence(List.of());
    if (tokens.skipName("elif")) {
      tokens.enter();
      otherwise = condition();
      tokens.leave();
    } else {
      if (tokens.skipName("else")) {
        tokens.expect(Token.Kind.BLOCK_END);
        otherwise = body("endif");
      }
      end("endif");
    }
    Statement other = otherwise;
    return (scope, out) -> (Values.truth(condition.value(scope)) ? then : other).run(scope, out);
  }

  private Statement loop() {
    Target target = targets();
    tokens.expectName("in");
    Expression items = expressions.tuple(false);
    Expression filter = tokens.skipName("if") ? expressions.expression() : null;
    tokens.expect(Token.Kind.BLOCK_END);
    loops++;
    Statement body = body("else", "endfor");
    loops--;
    Statement otherwise = Statement.sequence(List.of());
    if (tokens.skipName("else")) {
      tokens.expect(Token.Kind.BLOCK_END);
      otherwise = body("endfor");
    }
    end("endfor");
    return new Loop(target, items, filter, body, otherwise);
  }

  private Target targets() {
    List<Target> targets = new ArrayList<>();
    boolean bracket = tokens.skip("(");
    do {
      targets.add(target());
    } while (tokens.skip(",") && tokens.at(Token.Kind.NAME) && !tokens.atName("in"));
    if (bracket) {
      tokens.expect(")");
    }
    return targets.size() == 1 ? targets.get(0) : Target.each(targets);
  }

  private Target target() {
    String name = tokens.name();
    if (List.of("true", "True", "false", "False", "none", "None", "loop").contains(name)) {
      throw new TemplateException("line %d: cannot assign to '%s'", tokens.current().line(), name);
    }
    return tokens.skip(".") ? Target.field(name, tokens.name()) : Target.name(name);
  }

  private Statement assignment() {
    Target target = targets();
    if (tokens.skip("=")) {
      Expression value = expressions.tuple(true);
      tokens.expect(Token.Kind.BLOCK_END);
      return (scope, out) -> {
        target.assign(scope, value.value(scope));
        return Statement.Flow.NEXT;
      };
    }
    tokens.expect(Token.Kind.BLOCK_END);
    int outer = loops;
    loops = 0; // a break may not leave the block halfway
    Statement body = body("endset");
    loops = outer;
    end("endset");
    return (scope, out) -> {
      StringBuilder text = new StringBuilder();
      body.run(scope.inner(), text);
      target.assign(scope, text.toString());
      return Statement.Flow.NEXT;
    };
  }

  private Statement macro() {
    String name = tokens.name();
    List<String> parameters = new ArrayList<>();
    List<Expression> defaults = new ArrayList<>();
    tokens.expect("(");
    while (!tokens.skip(")")) {
      parameters.add(tokens.name());
      if (tokens.skip("=")) {
        defaults.add(expressions.expression());
      } else if (!defaults.isEmpty()) {
        throw tokens.unexpected("a default for '" + parameters.get(parameters.size() - 1) + "'");
      }
      if (!tokens.current().is(Token.Kind.OPERATOR, ")")) {
        tokens.expect(",");
      }
    }
    tokens.expect(Token.Kind.BLOCK_END);
    int outer = loops;
    loops = 0;
    Statement body = body("endmacro");
    loops = outer;
    end("endmacro");
    return (scope, out) -> {
      scope.set(name, new Macro(name, parameters, defaults, body, scope));
      return Statement.Flow.NEXT;
    };
  }

  /** {@code {% generation %}} marks what the model is to be trained on; when rendering it is only its body. */
  private Statement generation() {
    tokens.expect(Token.Kind.BLOCK_END);
    int outer = loops;
    loops = 0;
    Statement body = body("endgeneration");
    loops = outer;
    end("endgeneration");
    return (scope, out) -> body.run(scope.inner(), out);
  }
}

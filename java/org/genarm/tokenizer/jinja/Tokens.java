package org.genarm.tokenizer.jinja;

import java.util.List;

/** The tokens of a template, read one after the other. */
final class Tokens {
  /** How deep brackets, tags and prefix operators may be nested, together. */
  private static final int MAX_DEPTH = 100;

  private final List<Token> tokens;
  private int at;
  private int depth;

  Tokens(List<Token> tokens) {
    this.tokens = tokens;
  }

  Token current() {
    return tokens.get(at);
  }

  Token next() {
    return at + 1 < tokens.size() ? tokens.get(at++) : tokens.get(at);
  }

  boolean ahead(Token.Kind kind, String word) {
    return at + 1 < tokens.size() && tokens.get(at + 1).is(kind, word);
  }

  boolean at(Token.Kind kind) {
    return current().kind() == kind;
  }

  boolean atName(String... names) {
    return at(Token.Kind.NAME) && List.of(names).contains(current().text());
  }

  boolean skip(String operator) {
    return skip(Token.Kind.OPERATOR, operator);
  }

  boolean skipName(String name) {
    return skip(Token.Kind.NAME, name);
  }

  private boolean skip(Token.Kind kind, String text) {
    if (current().is(kind, text)) {
      at++;
      return true;
    }
    return false;
  }

  void expect(String operator) {
    if (!skip(operator)) {
      throw unexpected("'" + operator + "'");
    }
  }

  void expectName(String name) {
    if (!skipName(name)) {
      throw unexpected("'" + name + "'");
    }
  }

  String name() {
    if (!at(Token.Kind.NAME)) {
      throw unexpected("a name");
    }
    return next().text();
  }

  void expect(Token.Kind kind) {
    if (!at(kind)) {
      throw unexpected(kind == Token.Kind.END ? "the end" : "the end of the tag");
    }
    next();
  }

  void enter() {
    if (++depth > MAX_DEPTH) {
      throw new TemplateException("line %d: nested deeper than %d", current().line(), MAX_DEPTH);
    }
  }

  void leave() {
    depth--;
  }

  TemplateException unexpected(String expected) {
    Token found = current();
    String text = found.text().isEmpty() ? found.kind().name().toLowerCase(java.util.Locale.ROOT).replace('_', ' ')
        : "'" + found.text() + "'";
    return new TemplateException("line %d: expected %s, found %s", found.line(), expected, text);
  }
}

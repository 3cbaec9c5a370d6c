package org.genarm.tokenizer.jinja;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Cuts a template into tokens, whitespace control included: {@code trim_blocks} takes the newline after a block or a
 * comment, {@code lstrip_blocks} the blanks before one at the start of its line, a minus all whitespace on its side, and a
 * plus forbids either.
 */
final class Lexer {
  private static final Pattern TAG = Pattern.compile("\\{[{%#]");
  private static final Pattern RAW_BEGIN = Pattern.compile("\\{%([-+]?)\\s*raw\\s*(-?)%\\}");
  private static final Pattern RAW_END = Pattern.compile("\\{%([-+]?)\\s*endraw\\s*([-+]?)%\\}");
  private static final Pattern WORD =
      Pattern.compile(
          "(?<name>[A-Za-z_][A-Za-z0-9_]*)"
              + "|(?<float>(?<!\\.)\\d+(?:\\.\\d+)?[eE][+-]?\\d+|(?<!\\.)\\d+\\.\\d+)"
              + "|(?<integer>0+(?![0-9A-Za-z_])|[1-9]\\d*(?![0-9A-Za-z_]))"
              + "|(?<string>'(?:[^'\\\\]|\\\\.)*+'|\"(?:[^\"\\\\]|\\\\.)*+\")"
              + "|(?<operator>//|\\*\\*|==|!=|>=|<=|[-+/*%~\\[\\](){}<>=.:|,;])",
          Pattern.DOTALL);

  private final String source;
  private final List<Token> tokens = new ArrayList<>();
  private int at;
  private int line = 1;
  private int counted;
  private boolean lineStarts = true;

  private Lexer(String source) {
    this.source = source;
  }

  static List<Token> tokens(String template) {
    String source = template.replace("\r\n", "\n").replace('\r', '\n');
    // jinja2 drops one newline at the end of a template (keep_trailing_newline is off).
    Lexer lexer = new Lexer(source.endsWith("\n") ? source.substring(0, source.length() - 1) : source);
    lexer.run();
    return lexer.tokens;
  }

  private void run() {
    Matcher tag = TAG.matcher(source);
    Matcher raw = RAW_BEGIN.matcher(source);
    while (tag.find(at)) {
      int begin = tag.start();
      char kind = source.charAt(begin + 1);
      char sign = begin + 2 < source.length() ? source.charAt(begin + 2) : ' ';
      data(source.substring(at, begin), sign, kind != '{');
      if (kind == '%' && raw.region(begin, source.length()).lookingAt()) {
        raw(raw);
        continue;
      }
      at = begin + 2 + (sign == '-' || sign == '+' ? 1 : 0);
      if (kind == '#') {
        comment();
      } else {
        words(kind == '{');
      }
      lineStarts = source.charAt(at - 1) == '\n';
    }
    emit(Token.Kind.DATA, source.substring(at));
    at = source.length();
    emit(Token.Kind.END, "");
  }

  private void data(String text, char sign, boolean block) {
    if (sign == '-') {
      text = Strings.strip(text, null, false, true);
    } else if (sign != '+' && block) {
      int start = text.lastIndexOf('\n') + 1;
      if ((start > 0 || lineStarts) && Strings.strip(text.substring(start), null, true, false).isEmpty()) {
        text = text.substring(0, start);
      }
    }
    emit(Token.Kind.DATA, text);
  }

  private void comment() {
    int end = source.indexOf("#}", at);
    if (end < 0) {
      throw new TemplateException("line %d: a comment is not closed", line());
    }
    char sign = end > at ? source.charAt(end - 1) : ' ';
    at = end + 2;
    trim(sign, true);
  }

  private void raw(Matcher begin) {
    at = begin.end();
    if (begin.group(2).equals("-")) {
      skipSpace();
    }
    Matcher end = RAW_END.matcher(source);
    if (!end.find(at)) {
      throw new TemplateException("line %d: raw is not closed", line());
    }
    lineStarts = source.charAt(at - 1) == '\n';
    data(source.substring(at, end.start()), end.group(1).isEmpty() ? ' ' : end.group(1).charAt(0), true);
    at = end.end();
    trim(end.group(2).isEmpty() ? ' ' : end.group(2).charAt(0), true);
    lineStarts = source.charAt(at - 1) == '\n';
  }

  /** The whitespace after a tag whose closing sign was {@code sign}. */
  private void trim(char sign, boolean block) {
    if (sign == '-') {
      skipSpace();
    } else if (sign != '+' && block && at < source.length() && source.charAt(at) == '\n') {
      at++;
    }
  }

  private void skipSpace() {
    while (at < source.length() && Strings.isSpace(source.charAt(at))) {
      at++;
    }
  }

  private void words(boolean print) {
    emit(print ? Token.Kind.PRINT_BEGIN : Token.Kind.BLOCK_BEGIN, "");
    String close = print ? "}}" : "%}";
    Deque<Character> open = new ArrayDeque<>();
    Matcher word = WORD.matcher(source).useTransparentBounds(true);
    while (true) {
      skipSpace();
      if (open.isEmpty()) {
        char sign = at < source.length() ? source.charAt(at) : ' ';
        boolean signed = (sign == '-' || (sign == '+' && !print)) && source.startsWith(close, at + 1);
        if (signed || source.startsWith(close, at)) {
          emit(print ? Token.Kind.PRINT_END : Token.Kind.BLOCK_END, "");
          at += signed ? 3 : 2;
          trim(signed ? sign : ' ', !print);
          return;
        }
      }
      if (!word.region(at, source.length()).lookingAt()) {
        throw new TemplateException("line %d: unexpected %s", line(), excerpt());
      }
      word(word, open);
      at = word.end();
    }
  }

  private void word(Matcher word, Deque<Character> open) {
    if (word.group("name") != null) {
      emit(Token.Kind.NAME, word.group());
    } else if (word.group("float") != null) {
      emit(Token.Kind.FLOAT, word.group());
    } else if (word.group("integer") != null) {
      emit(Token.Kind.INTEGER, word.group());
    } else if (word.group("string") != null) {
      emit(Token.Kind.STRING, Strings.unescape(word.group().substring(1, word.group().length() - 1)));
    } else {
      char first = word.group().charAt(0);
      if ("([{".indexOf(first) >= 0) {
        open.push(first);
      } else if (")]}".indexOf(first) >= 0 && (open.isEmpty() || open.pop() != "([{".charAt(")]}".indexOf(first)))) {
        throw new TemplateException("line %d: unexpected '%s'", line(), first);
      }
      emit(Token.Kind.OPERATOR, word.group());
    }
  }

  private void emit(Token.Kind kind, String text) {
    if (kind != Token.Kind.DATA || !text.isEmpty()) {
      tokens.add(new Token(kind, text, line()));
    }
  }

  private int line() {
    for (; counted < at && counted < source.length(); counted++) {
      if (source.charAt(counted) == '\n') {
        line++;
      }
    }
    return line;
  }

  private String excerpt() {
    return at >= source.length() ? "end of template" : "'" + source.substring(at, Math.min(source.length(), at + 12)) + "'";
  }
}

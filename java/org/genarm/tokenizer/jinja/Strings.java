package org.genarm.tokenizer.jinja;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.List;

/** Text as Python sees it: code points, its whitespace, its line ends, its way to write a number. */
final class Strings {
  private Strings() {}

  static boolean isSpace(int c) {
    return c == ' ' || c >= '\t' && c <= '\r' || c >= 0x1c && c <= 0x1f || c == 0x85 || c == 0xa0 || c == 0x1680
        || c >= 0x2000 && c <= 0x200a || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
  }

  /** Strips whitespace, or the code points of {@code chars} where it is given. */
  static String strip(String text, String chars, boolean left, boolean right) {
    int begin = 0;
    int end = text.length();
    while (left && begin < end && strips(text.codePointAt(begin), chars)) {
      begin += Character.charCount(text.codePointAt(begin));
    }
    while (right && end > begin && strips(text.codePointBefore(end), chars)) {
      end -= Character.charCount(text.codePointBefore(end));
    }
    return text.substring(begin, end);
  }

  private static boolean strips(int c, String chars) {
    return chars == null ? isSpace(c) : chars.indexOf(c) >= 0;
  }

  static int length(String text) {
    return text.codePointCount(0, text.length());
  }

  static List<Object> characters(String text) {
    List<Object> characters = new ArrayList<>();
    text.codePoints().forEach(c -> characters.add(Character.toString(c)));
    return characters;
  }

  /** Python compares strings by code point; Java by UTF-16 unit. */
  static int compare(String a, String b) {
    int i = 0;
    while (i < a.length() && i < b.length()) {
      int x = a.codePointAt(i);
      int y = b.codePointAt(i);
      if (x != y) {
        return Integer.compare(x, y);
      }
      i += Character.charCount(x);
    }
    return Integer.compare(a.length(), b.length());
  }

  /** {@code str.split}: at runs of whitespace if {@code separator} is null; at most {@code most} cuts, or all if below 0. */
  static List<Object> split(String text, String separator, int most) {
    List<Object> parts = new ArrayList<>();
    if (separator == null) {
      String rest = strip(text, null, true, false);
      while (!rest.isEmpty()) {
        int end = 0;
        while (end < rest.length() && !isSpace(rest.charAt(end))) {
          end++;
        }
        if (most >= 0 && parts.size() == most) {
          parts.add(rest);
          return parts;
        }
        parts.add(rest.substring(0, end));
        rest = strip(rest.substring(end), null, true, false);
      }
      return parts;
    }
    if (separator.isEmpty()) {
      throw new TemplateException("empty separator");
    }
    int from = 0;
    for (int cut = text.indexOf(separator); cut >= 0 && (most < 0 || parts.size() < most); ) {
      parts.add(text.substring(from, cut));
      from = cut + separator.length();
      cut = text.indexOf(separator, from);
    }
    parts.add(text.substring(from));
    return parts;
  }

  static List<Object> splitLines(String text, boolean keepEnds) {
    List<Object> lines = new ArrayList<>();
    int from = 0;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c >= '\n' && c <= '\r' || c >= 0x1c && c <= 0x1e || c == 0x85 || c == 0x2028 || c == 0x2029) {
        int end = c == '\r' && i + 1 < text.length() && text.charAt(i + 1) == '\n' ? i + 2 : i + 1;
        lines.add(text.substring(from, keepEnds ? end : i));
        from = end;
        i = end - 1;
      }
    }
    if (from < text.length()) {
      lines.add(text.substring(from));
    }
    return lines;
  }

  /** {@code repr} of a float: the shortest digits that read back as the same number. */
  static String of(double value) {
    if (Double.isNaN(value) || Double.isInfinite(value)) {
      return Double.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
    }
    if (value == 0) {
      return 1 / value < 0 ? "-0.0" : "0.0";
    }
    BigDecimal digits = new BigDecimal(value);
    for (int precision = 1; precision <= 17; precision++) {
      BigDecimal rounded = digits.round(new MathContext(precision));
      if (rounded.doubleValue() == value) {
        digits = rounded.stripTrailingZeros();
        break;
      }
    }
    int exponent = digits.precision() - digits.scale() - 1;
    if (exponent >= -4 && exponent < 16) {
      String plain = digits.toPlainString();
      return plain.contains(".") ? plain : plain + ".0";
    }
    String unscaled = digits.unscaledValue().abs().toString();
    String mantissa = unscaled.length() == 1 ? unscaled : unscaled.charAt(0) + "." + unscaled.substring(1);
    return (value < 0 ? "-" : "") + mantissa + "e" + (exponent < 0 ? "-" : "+")
        + (Math.abs(exponent) < 10 ? "0" : "") + Math.abs(exponent);
  }

  /** A string literal's content with Python's escapes read. */
  static String unescape(String literal) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < literal.length(); i++) {
      char c = literal.charAt(i);
      if (c != '\\') {
        text.append(c);
        continue;
      }
      char escape = literal.charAt(++i);
      int known = "abfnrtv\\'\"".indexOf(escape);
      if (known >= 0) {
        text.append("\u0007\b\f\n\r\t\u000b\\'\"".charAt(known));
      } else if (escape == 'x' || escape == 'u' || escape == 'U') {
        int digits = escape == 'x' ? 2 : escape == 'u' ? 4 : 8;
        text.appendCodePoint(codePoint(literal, i + 1, digits));
        i += digits;
      } else if (escape == 'N' || escape >= '0' && escape <= '7') {
        throw new TemplateException("the escape '\\%s' is not supported", escape);
      } else if (escape != '\n') {
        text.append('\\').append(escape);
      }
    }
    return text.toString();
  }

  private static int codePoint(String literal, int from, int digits) {
    try {
      int value = Integer.parseUnsignedInt(literal.substring(from, from + digits), 16);
      if (Character.isValidCodePoint(value) && (value < 0xd800 || value > 0xdfff)) {
        return value;
      }
    } catch (NumberFormatException | IndexOutOfBoundsException e) {
      // Falls through to the one message for every malformed escape.
    }
    throw new TemplateException("malformed escape in the string '%s'", literal);
  }
}

package org.genarm.tokenizer.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** The methods of str, dict and list that templates call. One that Python has and this has not is refused by name. */
final class Methods {
  private static final Set<String> STRING =
      words("capitalize casefold center count encode endswith expandtabs find format format_map index isalnum isalpha"
          + " isascii isdecimal isdigit isidentifier islower isnumeric isprintable isspace istitle isupper join ljust lower"
          + " lstrip maketrans partition removeprefix removesuffix replace rfind rindex rjust rpartition rsplit rstrip split"
          + " splitlines startswith strip swapcase title translate upper zfill");
  private static final Set<String> DICT = words("clear copy fromkeys get items keys pop popitem setdefault update values");
  private static final Set<String> LIST = words("append clear copy count extend index insert pop remove reverse sort");
  private static final Set<String> NUMBER =
      words("as_integer_ratio bit_count bit_length conjugate denominator from_bytes fromhex hex imag is_integer numerator"
          + " real to_bytes");

  private Methods() {}

  private static Set<String> words(String text) {
    return Set.of(text.split(" "));
  }

  /** The method bound to the object, or null if Python's type has none of that name. */
  static Callable find(Object object, String name) {
    Set<String> known = object instanceof String ? STRING
        : object instanceof Map ? DICT
        : object instanceof List ? LIST
        : Values.isNumber(object) ? NUMBER
        : Set.of();
    if (name.startsWith("__") && !(object instanceof Map<?, ?> map && map.containsKey(name))) {
      throw new TemplateException("access to attribute '%s' of a '%s' is unsafe", name, Values.type(object));
    }
    if (!known.contains(name)) {
      return null;
    }
    if (object instanceof String text) {
      return (arguments, scope) -> made(string(text, name, arguments, scope.budget()), scope.budget());
    }
    if (object instanceof Map) {
      return (arguments, scope) -> dict(Values.asMap(object), name, arguments);
    }
    return (arguments, scope) -> {
      throw unsupported(object, name);
    };
  }

  private static Object made(Object value, Budget budget) {
    budget.make(value instanceof String text ? text.length() : value instanceof List<?> list ? list.size() : 1);
    return value;
  }

  private static TemplateException unsupported(Object object, String name) {
    return new TemplateException("the method '%s' of '%s' is not supported", name, Values.type(object));
  }

  private static Object string(String text, String name, Arguments a, Budget budget) {
    switch (name) {
      case "strip":
      case "lstrip":
      case "rstrip":
        Object chars = a.only(name, "chars").get(0, "chars", null);
        return Strings.strip(
            text, chars == null ? null : a.text(0, "chars"), !name.equals("rstrip"), !name.equals("lstrip"));
      case "startswith":
      case "endswith":
        return affix(text, name.equals("startswith"), a.only(name, "affix").get(0, "affix"));
      case "removeprefix":
      case "removesuffix":
        String affix = a.only(name, "affix").text(0, "affix");
        boolean front = name.equals("removeprefix");
        return !affix(text, front, affix) ? text
            : front ? text.substring(affix.length()) : text.substring(0, text.length() - affix.length());
      case "split":
        a.only(name, "sep", "maxsplit");
        String separator = a.get(0, "sep", null) == null ? null : a.text(0, "sep");
        return Strings.split(text, separator, a.number(1, "maxsplit", -1));
      case "splitlines":
        return Strings.splitLines(text, Values.truth(a.only(name, "keepends").get(0, "keepends", false)));
      case "replace":
        a.only(name, "old", "new", "count");
        return replace(text, a.text(0, "old"), a.text(1, "new"), a.number(2, "count", -1), budget);
      case "join":
        return join(text, a.only(name, "items").get(0, "items"), budget);
      case "find":
        int found = text.indexOf(a.only(name, "part").text(0, "part"));
        return found < 0 ? -1L : (long) text.codePointCount(0, found);
      case "count":
        String part = a.only(name, "part").text(0, "part");
        return (long) Strings.split(text, part, -1).size() - 1;
      case "upper":
      case "lower":
      case "title":
      case "capitalize":
        a.only(name);
        return cased(text, name);
      case "isdigit":
        a.only(name);
        return !text.isEmpty() && ascii(text).chars().allMatch(c -> c >= '0' && c <= '9');
      case "isspace":
        a.only(name);
        return !text.isEmpty() && text.chars().allMatch(Strings::isSpace);
      default:
        throw unsupported(text, name);
    }
  }

  private static boolean affix(String text, boolean front, Object affix) {
    if (affix instanceof Tuple several) {
      return several.stream().anyMatch(one -> affix(text, front, one));
    }
    if (affix instanceof String one) {
      return front ? text.startsWith(one) : text.endsWith(one);
    }
    throw new TemplateException("startswith and endswith take a string or a tuple of strings, got '%s'", Values.type(affix));
  }

  static String replace(String text, String old, String replacement, int most, Budget budget) {
    if (old.isEmpty()) {
      throw new TemplateException("replacing the empty string is not supported");
    }
    List<Object> parts = Strings.split(text, old, most);
    budget.make((long) parts.size() * replacement.length() + text.length());
    StringBuilder joined = new StringBuilder();
    for (int i = 0; i < parts.size(); i++) {
      joined.append(i == 0 ? "" : replacement).append(parts.get(i));
    }
    return joined.toString();
  }

  private static String join(String separator, Object items, Budget budget) {
    StringBuilder joined = new StringBuilder();
    int i = 0;
    for (Object item : Values.items(items)) {
      if (!(item instanceof String text)) {
        throw new TemplateException("join: expected a string, found '%s'", Values.type(item));
      }
      budget.make(text.length() + separator.length());
      joined.append(i++ == 0 ? "" : separator).append(text);
    }
    return joined.toString();
  }

  /** Case changes; Python's title and capitalize follow its own tables beyond ASCII, so those are refused there. */
  static String cased(String text, String how) {
    switch (how) {
      case "upper":
        return text.toUpperCase(Locale.ROOT);
      case "lower":
        return text.toLowerCase(Locale.ROOT);
      case "capitalize":
        return text.isEmpty() ? "" : ascii(text).substring(0, 1).toUpperCase(Locale.ROOT)
            + text.substring(1).toLowerCase(Locale.ROOT);
      default:
        StringBuilder title = new StringBuilder();
        boolean inside = false;
        for (char c : ascii(text).toCharArray()) {
          title.append(inside ? Character.toLowerCase(c) : Character.toUpperCase(c));
          inside = Character.isLetter(c);
        }
        return title.toString();
    }
  }

  private static String ascii(String text) {
    if (text.chars().anyMatch(c -> c > 0x7f)) {
      throw new TemplateException("title, capitalize and isdigit are supported for ASCII only");
    }
    return text;
  }

  private static Object dict(Map<String, Object> map, String name, Arguments a) {
    switch (name) {
      case "get":
        Object key = a.only(name, "key", "default").get(0, "key");
        return key instanceof String && map.containsKey(key) ? map.get(key) : a.get(1, "default", null);
      case "items":
        a.only(name);
        return new View(View.Kind.DICT, pairs(map));
      case "keys":
        a.only(name);
        return new View(View.Kind.DICT, new ArrayList<>(map.keySet()));
      case "values":
        a.only(name);
        return new View(View.Kind.DICT, new ArrayList<>(map.values()));
      case "copy":
        a.only(name);
        return map;
      default:
        throw unsupported(map, name);
    }
  }

  static List<Object> pairs(Map<String, Object> map) {
    List<Object> pairs = new ArrayList<>();
    map.forEach((key, value) -> pairs.add(Tuple.of(key, value)));
    return pairs;
  }
}

package org.genarm.tokenizer.jinja;

import java.time.Clock;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The functions every template sees: jinja2's and the two of transformers. */
final class Functions {
  /** The sandbox of jinja2 refuses longer ranges too. */
  private static final long MAX_RANGE = 100_000;

  private static final Map<Character, String> DATE =
      Map.ofEntries(
          Map.entry('d', "dd"), Map.entry('m', "MM"), Map.entry('Y', "uuuu"), Map.entry('y', "uu"),
          Map.entry('b', "MMM"), Map.entry('B', "MMMM"), Map.entry('a', "EEE"), Map.entry('A', "EEEE"),
          Map.entry('H', "HH"), Map.entry('I', "hh"), Map.entry('M', "mm"), Map.entry('S', "ss"),
          Map.entry('p', "a"), Map.entry('j', "DDD"));

  private Functions() {}

  static Map<String, Object> all(Clock clock) {
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("range", (Callable) (a, scope) -> range(a));
    all.put("namespace", (Callable) (a, scope) -> new Namespace(fields(a)));
    all.put("dict", (Callable) (a, scope) -> fields(a));
    all.put("raise_exception", (Callable) (a, scope) -> {
      throw new TemplateException(Values.text(a.only("raise_exception", "message").get(0, "message"), scope.budget()));
    });
    all.put("strftime_now", (Callable) (a, scope) -> date(a.only("strftime_now", "format").text(0, "format"), clock));
    for (String name : List.of("cycler", "joiner", "lipsum")) {
      all.put(name, (Callable) (a, scope) -> {
        throw new TemplateException("the function '%s' is not supported", name);
      });
    }
    return all;
  }

  private static Map<String, Object> fields(Arguments a) {
    Map<String, Object> fields = new LinkedHashMap<>();
    if (!a.positional().isEmpty()) {
      if (a.positional().size() > 1 || !(a.positional().get(0) instanceof Map)) {
        throw new TemplateException("dict and namespace take a mapping or named values");
      }
      fields.putAll(Values.asMap(a.positional().get(0)));
    }
    fields.putAll(a.named());
    return fields;
  }

  private static View range(Arguments a) {
    a.only("range", "start", "stop", "step");
    if (!a.named().isEmpty() || a.positional().isEmpty()) {
      throw new TemplateException("range takes one to three numbers");
    }
    boolean one = a.positional().size() == 1;
    long from = one ? 0 : a.number(0, "start", 0);
    long to = one ? a.number(0, "stop", 0) : a.number(1, "stop", 0);
    long step = a.number(2, "step", 1);
    if (step == 0) {
      throw new TemplateException("range() arg 3 must not be zero");
    }
    long size = Math.max(0, (to - from + step - Long.signum(step)) / step);
    if (size > MAX_RANGE) {
      throw new TemplateException("range too big: %d, at most %d", size, MAX_RANGE);
    }
    List<Object> items = new ArrayList<>();
    for (long i = 0; i < size; i++) {
      items.add(from + i * step);
    }
    return new View(View.Kind.RANGE, items);
  }

  private static String date(String format, Clock clock) {
    ZonedDateTime now = ZonedDateTime.now(clock);
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < format.length(); i++) {
      if (format.charAt(i) != '%') {
        out.append(format.charAt(i));
        continue;
      }
      char directive = ++i < format.length() ? format.charAt(i) : ' ';
      if (directive == '%') {
        out.append('%');
      } else if (DATE.containsKey(directive)) {
        out.append(DateTimeFormatter.ofPattern(DATE.get(directive), Locale.US).format(now));
      } else {
        throw new TemplateException("strftime_now: '%%%s' is not supported", directive);
      }
    }
    return out.toString();
  }
}

package org.genarm.tokenizer.jinja;

import java.time.Clock;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;

/**
 * A parsed Jinja template. Renders what Python's jinja2 3.1 would, set up as transformers does, or throws {@link
 * TemplateException}.
 *
 * <p>Values come as null, Boolean, a number, String, Collection and Map with String keys. A rendering is bounded: 5
 * million steps, 64 Mi characters made, 64 nested calls and the given time.
 */
public final class Template {
  private static final int MAX_SOURCE = 1 << 20;

  private final Statement body;

  private Template(Statement body) {
    this.body = body;
  }

  /** Parses a template; refuses one beyond 1 Mi characters, nested deeper than 100, or with a tag that is not known. */
  public static Template parse(String source) {
    if (source.length() > MAX_SOURCE) {
      throw new TemplateException("the template has %d characters, at most %d are read", source.length(), MAX_SOURCE);
    }
    try {
      return new Template(Parser.parse(source));
    } catch (StackOverflowError e) {
      throw new TemplateException("the template is nested too deeply");
    }
  }

  /**
   * Renders with these variables; {@code clock} is what {@code strftime_now} reads.
   *
   * @throws TemplateException if the template refuses its input, uses what is not supported, or exceeds a bound
   */
  public String render(Map<String, ?> variables, Clock clock, Duration time) {
    try {
      Map<String, Object> names = new HashMap<>(Functions.all(clock));
      variables.forEach((name, value) -> names.put(name, Values.of(value)));
      StringBuilder out = new StringBuilder();
      // The template's own names go in a scope of their own, as a macro's do.
      body.run(new Scope(names, new Budget(time)).inner(), out);
      return out.toString();
    } catch (StackOverflowError e) {
      throw new TemplateException("the template's expressions are nested too deeply");
    }
  }
}

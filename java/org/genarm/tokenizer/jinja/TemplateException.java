package org.genarm.tokenizer.jinja;

/** A template that cannot be parsed or rendered, or that refused its input by {@code raise_exception}. */
public final class TemplateException extends RuntimeException {
  private static final long serialVersionUID = 1;

  public TemplateException(String message) {
    super(message);
  }

  TemplateException(String message, Object... arguments) {
    super(String.format(message, arguments));
  }
}

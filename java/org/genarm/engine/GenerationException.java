package org.genarm.engine;

/** A generation that ended with an error: its law was not finite, or the step that it was in failed. */
public final class GenerationException extends RuntimeException {
  private static final long serialVersionUID = 1;

  public GenerationException(String message) {
    super(message);
  }

  public GenerationException(String message, Throwable cause) {
    super(message, cause);
  }
}

package org.genarm.cli.console;

import java.io.UncheckedIOException;
import org.genarm.binding.NativeException;
import org.genarm.checkpoint.CheckpointException;
import org.genarm.engine.GenerationException;
import org.genarm.score.ScorerException;
import org.genarm.tokenizer.TokenizerException;
import org.genarm.tokenizer.jinja.TemplateException;
import org.genarm.train.DivergedException;
import picocli.CommandLine.ParameterException;

/** What an exception means to the shell, and the one line that says it. */
public final class ExitCode {
  public static final int OK = 0;
  public static final int INTERNAL = 1;
  public static final int USAGE = 2;
  public static final int FILES = 3;
  public static final int DEVICE = 4;

  private ExitCode() {}

  public static int of(Throwable failure) {
    if (failure instanceof GenerationException) {
      // Without a cause, a law that overflowed: weights or temperature are too far out.
      return failure.getCause() == null ? USAGE : of(failure.getCause());
    }
    if (failure instanceof IllegalStateException && failure.getCause() instanceof NativeException) {
      return DEVICE; // the engine has stopped
    }
    if (failure instanceof ParameterException
        || failure instanceof IllegalArgumentException
        || failure instanceof DivergedException) {
      return USAGE;
    }
    if (failure instanceof CheckpointException
        || failure instanceof TokenizerException
        || failure instanceof TemplateException
        || failure instanceof ScorerException
        || failure instanceof UncheckedIOException) {
      return FILES;
    }
    if (failure instanceof NativeException || failure instanceof UnsupportedOperationException) {
      return DEVICE;
    }
    return INTERNAL;
  }

  public static String line(Throwable failure) {
    String message = failure.getMessage() == null ? failure.toString() : failure.getMessage();
    String line = String.join(" ", message.split("\\R\\s*"));
    return of(failure) == INTERNAL
        ? "internal error: " + failure.getClass().getSimpleName() + ": " + line + " (GENARM_DEBUG=1 shows where)"
        : line;
  }
}

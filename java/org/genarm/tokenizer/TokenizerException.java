package org.genarm.tokenizer;

import java.nio.file.Path;

/** A tokenizer's files are missing, malformed or contradict each other; the message starts with the file. */
public final class TokenizerException extends RuntimeException {
  private static final long serialVersionUID = 1;

  TokenizerException(Path file, String message) {
    super(file + ": " + message);
  }

  TokenizerException(Path file, String message, Throwable cause) {
    super(file + ": " + message, cause);
  }
}

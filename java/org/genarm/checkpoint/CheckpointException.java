package org.genarm.checkpoint;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** A model or data file is not what it should be: which file, which tensor, what was expected and what was found. */
public final class CheckpointException extends RuntimeException {
  private static final long serialVersionUID = 1;
  private static final int LONGEST_QUOTE = 200;

  private final transient Path file;
  private final String tensor;
  private final String expected;
  private final String found;

  public CheckpointException(Path file, String expected, String found) {
    this(file, null, expected, found);
  }

  /**
   * @param tensor the tensor, or the field of a JSON file; null where the file as a whole is meant
   */
  public CheckpointException(Path file, String tensor, String expected, String found) {
    super(
        line(file.toString(), Integer.MAX_VALUE)
            + (tensor == null ? "" : ": " + quote(tensor))
            + (": expected " + expected + ", found " + line(found, Integer.MAX_VALUE)));
    this.file = file;
    this.tensor = tensor;
    this.expected = expected;
    this.found = found;
  }

  /** What the system says of a file: the reason without the exception's class, nor the file's name once more. */
  public CheckpointException(Path file, String expected, IOException failure) {
    this(file, expected, reason(file, failure));
  }

  private static String reason(Path file, IOException failure) {
    if (failure instanceof NoSuchFileException missing) {
      return Path.of(missing.getFile()).equals(file) ? "nothing there" : "nothing at " + missing.getFile();
    }
    if (failure instanceof AccessDeniedException) {
      return "no permission";
    }
    if (failure instanceof CharacterCodingException) {
      return "bytes that are no text in UTF-8";
    }
    String said = failure instanceof FileSystemException refused ? refused.getReason() : failure.getMessage();
    return said == null ? failure.toString() : said;
  }

  public Path file() {
    return file;
  }

  /** The tensor or field; null where the file as a whole is meant. */
  public String tensor() {
    return tensor;
  }

  public String expected() {
    return expected;
  }

  public String found() {
    return found;
  }

  /** Text out of a file as it may stand in a message: one line, not endless. */
  public static String quote(String text) {
    return line(text, LONGEST_QUOTE);
  }

  private static String line(String text, int longest) {
    StringBuilder line = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      if (i == longest) {
        return line.append("...").toString();
      }
      char c = text.charAt(i);
      if (Character.isISOControl(c) || c == '\u2028' || c == '\u2029') {
        line.append(String.format("\\u%04x", (int) c));
      } else {
        line.append(c);
      }
    }
    return line.toString();
  }
}

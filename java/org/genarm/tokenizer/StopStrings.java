package org.genarm.tokenizer;

import java.util.List;

/**
 * Finds stop strings in a text that arrives in pieces, wherever the pieces are cut. For one thread.
 *
 * <p>The text ends before the stop string that is complete first; of several complete at the same character, the longest.
 * Text that may yet become a stop string is held back.
 */
public final class StopStrings {
  private final String[] stops;
  private final int longest;
  private final StringBuilder held = new StringBuilder();
  private String found;

  /** @throws IllegalArgumentException if a stop string is empty */
  public StopStrings(List<String> stops) {
    this.stops = stops.toArray(String[]::new);
    int longest = 0;
    for (String stop : stops) {
      if (stop.isEmpty()) {
        throw new IllegalArgumentException("a stop string must not be empty");
      }
      longest = Math.max(longest, stop.length());
    }
    this.longest = longest;
  }

  /** Whether there are none to find. */
  public boolean isEmpty() {
    return stops.length == 0;
  }

  /** Takes the next piece and returns what may be shown; after a stop string was found, nothing. */
  public String accept(String piece) {
    if (found != null) {
      return "";
    }
    if (stops.length == 0) {
      return piece;
    }
    int seen = held.length();
    held.append(piece);
    for (int end = seen + 1; end <= held.length(); end++) {
      String stop = endingAt(end);
      if (stop != null) {
        found = stop;
        return take(end - stop.length());
      }
    }
    return take(held.length() - open());
  }

  /** The longest stop string that ends there, or null. */
  private String endingAt(int end) {
    String match = null;
    for (String stop : stops) {
      int start = end - stop.length();
      if (start >= 0 && (match == null || stop.length() > match.length()) && startsAt(start, stop, stop.length())) {
        match = stop;
      }
    }
    return match;
  }

  /** How many characters at the end are the beginning of a stop string. */
  private int open() {
    for (int length = Math.min(longest - 1, held.length()); length > 0; length--) {
      for (String stop : stops) {
        if (length < stop.length() && startsAt(held.length() - length, stop, length)) {
          return length;
        }
      }
    }
    return 0;
  }

  /** Whether the first {@code length} characters of a stop string stand there. */
  private boolean startsAt(int start, String stop, int length) {
    for (int i = 0; i < length; i++) {
      if (held.charAt(start + i) != stop.charAt(i)) {
        return false;
      }
    }
    return true;
  }

  private String take(int length) {
    if (length == 0) {
      return "";
    }
    String text = held.substring(0, length);
    held.delete(0, length);
    return text;
  }

  /** What is held back at the end of the text; nothing if a stop string was found. */
  public String flush() {
    return found != null ? "" : take(held.length());
  }

  public boolean stopped() {
    return found != null;
  }

  /** The stop string that ended the text, or null. */
  public String found() {
    return found;
  }
}

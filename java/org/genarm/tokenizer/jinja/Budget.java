package org.genarm.tokenizer.jinja;

import java.time.Duration;

/** What one rendering may still use: steps, characters and list items made, depth of calls, and time. */
final class Budget {
  /** Everything a rendering makes, intermediate strings included: 64 Mi characters. */
  private static final long MAX_MADE = 1L << 26;

  private static final long MAX_STEPS = 5_000_000;
  private static final int MAX_DEPTH = 64;

  private final long deadline;
  private long steps;
  private long made;
  private int depth;

  Budget(Duration time) {
    this.deadline = System.nanoTime() + time.toNanos();
  }

  void step() {
    steps++;
    if (steps > MAX_STEPS) {
      throw new TemplateException("the template ran more than " + MAX_STEPS + " steps");
    }
    if ((steps & 1023) == 0 && System.nanoTime() - deadline > 0) {
      throw new TemplateException("the template ran out of time");
    }
  }

  /** Counts characters or items before they are made. */
  void make(long count) {
    made += count;
    if (made > MAX_MADE) {
      throw new TemplateException("the template made more than " + MAX_MADE + " characters");
    }
  }

  String made(String text) {
    make(text.length());
    return text;
  }

  void enter() {
    if (++depth > MAX_DEPTH) {
      throw new TemplateException("calls are nested deeper than " + MAX_DEPTH);
    }
  }

  void leave() {
    depth--;
  }
}

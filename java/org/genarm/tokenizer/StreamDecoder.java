package org.genarm.tokenizer;

import java.util.Arrays;

/**
 * The text of one sequence as its tokens arrive, in whole characters; special tokens are left out. For one thread.
 *
 * <p>Decoding token by token would lose spaces and break characters of several tokens. So the last tokens are decoded twice,
 * without and with the new one, and the difference is the new text; it is held back while it ends inside a character. What
 * is returned adds up to the text of all tokens at once.
 */
public final class StreamDecoder {
  /** A prompt's last tokens decide how the first new token is written (its leading space). */
  private static final int CONTEXT = 6;

  /** So many tokens without a whole character are no character: their replacement characters go out. */
  private static final int MAX_HELD = 32;

  /** The bytes of a character, thus the most tokens at the end whose text may still change. */
  private static final int OPEN = 4;

  private final Tokenizer tokenizer;
  private int[] ids = new int[64];
  private int prefix;
  private int read;
  private int end;

  /** Decodes a text of its own. */
  public StreamDecoder(Tokenizer tokenizer) {
    this(tokenizer, new int[0]);
  }

  /** Decodes the continuation of a prompt. */
  public StreamDecoder(Tokenizer tokenizer, int[] prompt) {
    this.tokenizer = tokenizer;
    this.end = Math.min(CONTEXT, prompt.length);
    this.read = end;
    System.arraycopy(prompt, prompt.length - end, ids, 0, end);
  }

  /** Takes the next token and returns the text that is now certain, often one word, sometimes nothing. */
  public String accept(int id) {
    if (tokenizer.vocabulary().isSpecial(id)) {
      return "";
    }
    push(id);
    String before = tokenizer.decode(ids, prefix, read, false);
    String after = tokenizer.decode(ids, prefix, end, false);
    if (after.length() > before.length() && !after.endsWith("\uFFFD")) {
      return advance(before, after, end);
    }
    if (end - read >= MAX_HELD) {
      String settled = tokenizer.decode(ids, prefix, end - OPEN, false);
      if (after.startsWith(settled) && settled.length() >= before.length()) {
        return advance(before, settled, end - OPEN);
      }
    }
    return "";
  }

  /** What is still held back, the replacement character of an unfinished character too; nothing may follow. */
  public String flush() {
    String before = tokenizer.decode(ids, prefix, read, false);
    String after = tokenizer.decode(ids, prefix, end, false);
    return after.length() > before.length() ? advance(before, after, end) : "";
  }

  private String advance(String before, String after, int to) {
    prefix = read;
    read = to;
    return after.substring(before.length());
  }

  private void push(int id) {
    if (end == ids.length) {
      int kept = end - prefix;
      ids = prefix >= kept ? ids : Arrays.copyOf(ids, 2 * ids.length);
      System.arraycopy(ids, prefix, ids, 0, kept);
      read -= prefix;
      end = kept;
      prefix = 0;
    }
    ids[end++] = id;
  }
}

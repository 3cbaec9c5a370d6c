package org.genarm.tokenizer;

import java.util.Objects;

/**
 * A prompt as text, ready to be encoded.
 *
 * @param addBos whether the tokenizer's own BOS goes in front; a chat template's text is encoded as it is
 */
public record Prompt(String text, boolean addBos) {
  public Prompt {
    Objects.requireNonNull(text);
  }
}

package org.genarm.train;

/**
 * A prompt and two responses as token ids; language modelling has no rejected one.
 *
 * @param prompt at least one token
 * @param rejected empty where there is none
 */
public record PreferencePair(int[] prompt, int[] chosen, int[] rejected) {
  /** Tokens of its longer sequence. */
  public int longest() {
    return prompt.length + Math.max(chosen.length, rejected.length);
  }

  /** Tokens of its sequences, the prompt counted with each response. */
  public long tokens() {
    long second = rejected.length == 0 ? 0 : prompt.length + rejected.length;
    return (long) prompt.length + chosen.length + second;
  }

  /** Without the rejected response. */
  PreferencePair chosenOnly() {
    return new PreferencePair(prompt, chosen, new int[0]);
  }
}

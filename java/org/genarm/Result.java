package org.genarm;

import java.util.List;
import org.genarm.engine.FinishReason;
import org.genarm.engine.Timings;

/**
 * What a request came to.
 *
 * @param choices one completion for each of the n that were asked for
 * @param seed the one that gives the same tokens again
 * @param promptTokens length of the base's prompt
 */
public record Result(List<Choice> choices, long seed, int promptTokens) {
  public Result {
    choices = List.copyOf(choices);
  }

  /** The first completion's text. */
  public String text() {
    return choices.get(0).text();
  }

  /**
   * One completion.
   *
   * @param text without special tokens, cut before a stop string; empty where the checkpoint has no tokenizer
   * @param tokenIds the completion alone, up to the token that ended it; an end-of-sequence token among them
   */
  public record Choice(String text, List<Integer> tokenIds, FinishReason finishReason, Timings timings) {
    public Choice {
      tokenIds = List.copyOf(tokenIds);
    }
  }
}

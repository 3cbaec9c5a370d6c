package org.genarm;

import java.util.List;
import org.genarm.engine.FinishReason;
import org.genarm.engine.TokenLaw;

/**
 * What has come of a running generation.
 *
 * @param choice which of the request's completions it belongs to, from 0
 * @param text whole characters, and no part of a stop string; may be empty
 * @param tokenIds what was drawn
 * @param laws one for each of the tokens where the request asked for log-probabilities, else none
 * @param finishReason null while the completion goes on
 */
public record Piece(int choice, String text, List<Integer> tokenIds, List<TokenLaw> laws, FinishReason finishReason) {
  public Piece {
    tokenIds = List.copyOf(tokenIds);
    laws = List.copyOf(laws);
  }
}

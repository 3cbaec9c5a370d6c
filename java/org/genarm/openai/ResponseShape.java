package org.genarm.openai;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import org.genarm.engine.FinishReason;
import org.genarm.engine.TokenLaw;

/** How an endpoint writes what was generated. A choice's pieces come in order. */
public interface ResponseShape {
  /** What the response's id begins with. */
  String idPrefix();

  /** The {@code object} of a whole response. */
  String wholeObject();

  /** The {@code object} of a chunk. */
  String chunkObject();

  /** One choice from its beginning to its end. */
  ObjectNode choice(int index, Text text);

  /** What has come of a choice, or null where there is nothing to tell. first: it is the choice's first chunk. */
  ObjectNode delta(int index, Text text, boolean first);

  /**
   * Text of a choice.
   *
   * @param laws one for each token where they were asked for, else none
   * @param echo the prompt where this is the beginning of a choice that tells it, else null
   * @param reason null while the choice goes on
   */
  record Text(String text, List<Integer> tokenIds, List<TokenLaw> laws, Echo echo, FinishReason reason) {
    boolean isEmpty() {
      return text.isEmpty() && laws.isEmpty() && reason == null && echo == null;
    }

    String reasonLabel() {
      return reason == null ? null : reason.label();
    }
  }
}

package org.genarm.train;

import java.util.Arrays;
import org.genarm.tokenizer.PromptTemplate;
import org.genarm.tokenizer.Tokenizer;

/** Text of pairs to ids: the template's prompt with BOS, a response with EOS. */
public final class PairEncoder {
  private final Tokenizer tokenizer;
  private final PromptTemplate template;
  private final int eosId;

  /**
   * @param template put around every prompt
   * @param eosId ends every response
   */
  public PairEncoder(Tokenizer tokenizer, PromptTemplate template, int eosId) {
    this.tokenizer = tokenizer;
    this.template = template;
    this.eosId = eosId;
  }

  int[] prompt(String text) {
    return tokenizer.encode(template.apply(text));
  }

  int[] response(String text) {
    int[] ids = tokenizer.encode(text, false);
    int[] ended = Arrays.copyOf(ids, ids.length + 1);
    ended[ids.length] = eosId;
    return ended;
  }
}

package org.genarm.openai;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.genarm.GenArm;
import org.genarm.Request;
import org.genarm.engine.LawSink;
import org.genarm.engine.TokenLaw;
import org.genarm.guidance.LikeliestTokens;
import org.genarm.guidance.SamplingParams;

/**
 * A prompt that is told again before its completions.
 *
 * @param laws one for each of its tokens but the first; null where none are asked for
 */
public record Echo(int[] ids, String text, List<TokenLaw> laws) {
  /**
   * The prompt of a request; its laws are read by an analysis, which waits until nothing else runs.
   *
   * @throws OpenAiError where the models read different prompts, which have no law in common
   */
  static Echo of(GenArm genArm, Request request, boolean laws) throws InterruptedException {
    List<int[]> ids = genArm.promptIds(request);
    String text = request.prompt() != null ? request.prompt() : genArm.text(ids.get(0));
    if (!laws) {
      return new Echo(ids.get(0), text, null);
    }
    if (!ids.stream().allMatch(own -> Arrays.equals(own, ids.get(0)))) {
      throw OpenAiError.field("echo", "echo with logprobs needs the same template for every model");
    }
    Reader reader = new Reader(ids.get(0), request);
    genArm.logprobs(List.of(ids.get(0)), request.weights(), request.preferences(), SamplingParams.of(0),
        request.components(), reader);
    return new Echo(ids.get(0), text, reader.laws);
  }

  /** Collects the law of each position: the guided one comes first, then each model's own. */
  private static final class Reader implements LawSink {
    private final int[] ids;
    private final Request request;
    private final List<TokenLaw> laws = new ArrayList<>();
    private TokenLaw law;

    Reader(int[] ids, Request request) {
      this.ids = ids;
      this.request = request;
    }

    @Override
    public void accept(int row, int position, int model, float[] values) {
      if (position == ids.length - 1) {
        return;
      }
      if (model == GUIDED) {
        List<TokenLaw.Candidate> likeliest = new ArrayList<>();
        for (int id : LikeliestTokens.of(values, request.topLogprobs())) {
          likeliest.add(candidate(id, values));
        }
        law = new TokenLaw(candidate(ids[position + 1], values), likeliest, Float.NaN);
        laws.add(law);
      } else {
        law.drawn().models().add(values[law.drawn().token()]);
        law.likeliest().forEach(one -> one.models().add(values[one.token()]));
      }
    }

    private static TokenLaw.Candidate candidate(int id, float[] values) {
      // An id of the prompt may lie beyond the tokens that are drawn.
      return new TokenLaw.Candidate(id, id < values.length ? values[id] : Float.NaN, new ArrayList<>());
    }
  }
}

package org.genarm.openai;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import org.genarm.Piece;
import org.genarm.engine.FinishReason;
import org.genarm.engine.TokenLaw;

/** Collects a job's choices piece by piece, for an answer that is told as a whole. */
public final class WholeChoices {
  private static final class Choice {
    private final StringBuilder text = new StringBuilder();
    private final List<Integer> tokenIds = new ArrayList<>();
    private final List<TokenLaw> laws = new ArrayList<>();
    private FinishReason reason = FinishReason.LENGTH;
  }

  private final Job job;
  private final Envelope envelope;
  private final List<Choice> choices = new ArrayList<>();

  public WholeChoices(Job job, Envelope envelope) {
    this.job = job;
    this.envelope = envelope;
    for (int index = 0; index < job.choices(); index++) {
      choices.add(new Choice());
    }
  }

  /** index: numbered over all prompts. */
  public void add(int index, Piece piece) {
    Choice choice = choices.get(index);
    choice.text.append(piece.text());
    choice.tokenIds.addAll(piece.tokenIds());
    choice.laws.addAll(piece.laws());
    choice.reason = piece.finishReason();
  }

  public ObjectNode json(Job.Usage usage) {
    return envelope.whole(index -> {
      Choice choice = choices.get(index);
      return job.shape().choice(index, new ResponseShape.Text(choice.text.toString(), choice.tokenIds, choice.laws,
          job.prompts().get(index / job.n()).echo(), choice.reason));
    }, choices.size(), usage);
  }
}

package org.genarm.server;

import java.util.ArrayList;
import java.util.List;
import org.genarm.Piece;
import org.genarm.engine.FinishReason;
import org.genarm.engine.TokenLaw;

/** A response as one JSON object, once every choice has ended. */
final class WholeResponse implements RunWriter {
  private static final class Choice {
    private final StringBuilder text = new StringBuilder();
    private final List<Integer> tokenIds = new ArrayList<>();
    private final List<TokenLaw> laws = new ArrayList<>();
    private FinishReason reason = FinishReason.LENGTH;
  }

  private final Exchange exchange;
  private final Job job;
  private final Envelope envelope;
  private final List<Choice> choices = new ArrayList<>();

  WholeResponse(Exchange exchange, Job job, Envelope envelope) {
    this.exchange = exchange;
    this.job = job;
    this.envelope = envelope;
    for (int index = 0; index < job.prompts().size() * job.n(); index++) {
      choices.add(new Choice());
    }
  }

  @Override
  public void add(int index, Piece piece) {
    Choice choice = choices.get(index);
    choice.text.append(piece.text());
    choice.tokenIds.addAll(piece.tokenIds());
    choice.laws.addAll(piece.laws());
    choice.reason = piece.finishReason();
  }

  @Override
  public boolean isFull() {
    return false;
  }

  @Override
  public void flush(Runnable ready) {
    ready.run();
  }

  @Override
  public void finish(Job.Usage usage) {
    exchange.respond(200, envelope.whole(index -> {
      Choice choice = choices.get(index);
      return job.shape().choice(index, new ResponseShape.Text(choice.text.toString(), choice.tokenIds, choice.laws,
          job.prompts().get(index / job.n()).echo(), choice.reason));
    }, choices.size(), usage));
  }
}

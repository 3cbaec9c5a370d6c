package org.genarm.server;

import org.genarm.Piece;
import org.genarm.openai.Envelope;
import org.genarm.openai.Job;
import org.genarm.openai.WholeChoices;

/** A response as one JSON object, once every choice has ended. */
final class WholeResponse implements RunWriter {
  private final Exchange exchange;
  private final WholeChoices choices;

  WholeResponse(Exchange exchange, Job job, Envelope envelope) {
    this.exchange = exchange;
    choices = new WholeChoices(job, envelope);
  }

  @Override
  public void add(int index, Piece piece) {
    choices.add(index, piece);
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
    exchange.respond(200, choices.json(usage));
  }
}

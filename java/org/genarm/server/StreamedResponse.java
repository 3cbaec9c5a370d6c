package org.genarm.server;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vertx.core.buffer.Buffer;
import java.util.BitSet;
import java.util.List;
import org.genarm.Piece;
import org.genarm.engine.FinishReason;
import org.genarm.openai.Echo;
import org.genarm.openai.Envelope;
import org.genarm.openai.Job;
import org.genarm.openai.ResponseShape;

/** A response as server-sent events: a chunk for each piece, the usage where it was asked for, {@code [DONE]}. */
final class StreamedResponse implements RunWriter {
  private static final int FULL_BYTES = 32 << 10;

  private final Exchange exchange;
  private final Job job;
  private final Envelope envelope;
  private final BitSet begun = new BitSet();
  private Buffer events = Buffer.buffer();

  StreamedResponse(Exchange exchange, Job job, Envelope envelope) {
    this.exchange = exchange;
    this.job = job;
    this.envelope = envelope;
  }

  @Override
  public void add(int index, Piece piece) {
    if (!begun.get(index) && echo(index) != null) {
      add(index, new ResponseShape.Text("", List.of(), List.of(), echo(index), null));
    }
    add(index, new ResponseShape.Text(piece.text(), piece.tokenIds(), piece.laws(), null, piece.finishReason()));
  }

  private Echo echo(int index) {
    return job.prompts().get(index / job.n()).echo();
  }

  private void add(int index, ResponseShape.Text text) {
    ObjectNode choice = job.shape().delta(index, text, !begun.get(index));
    if (choice != null) {
      begun.set(index);
      events.appendBuffer(Exchange.event(envelope.chunk(choice, job.includeUsage())));
    }
  }

  @Override
  public boolean isFull() {
    return events.length() >= FULL_BYTES;
  }

  @Override
  public void flush(Runnable ready) {
    if (events.length() == 0) {
      ready.run();
      return;
    }
    Buffer batch = events;
    events = Buffer.buffer();
    exchange.stream(batch, ready);
  }

  @Override
  public void finish(Job.Usage usage) {
    for (int index = 0; index < job.prompts().size() * job.n(); index++) {
      if (job.prompts().get(index / job.n()).request() == null) {
        add(index, new ResponseShape.Text("", List.of(), List.of(), echo(index), FinishReason.LENGTH));
      }
    }
    if (job.includeUsage()) {
      events.appendBuffer(Exchange.event(envelope.usageChunk(usage)));
    }
    exchange.endStream(events.appendString("data: [DONE]\n\n"));
  }
}

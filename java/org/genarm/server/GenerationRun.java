package org.genarm.server;

import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import org.genarm.Generation;
import org.genarm.Piece;
import org.genarm.engine.FinishReason;
import org.genarm.openai.Job;
import org.genarm.openai.OpenAiError;

/**
 * The generations of one HTTP request, from their submission to the end of its response. The engine's thread wakes it,
 * a writer's thread reads what has come and writes it, and no more is read until the connection has taken that: what a
 * slow reader has not read stays in the engine as token ids.
 */
final class GenerationRun {
  private final String id;
  private final Service service;
  private final Exchange exchange;
  private final Job job;
  private final List<Generation> generations;
  private final RunWriter writer;
  private final RunTimes times;
  private final long timer;
  /** Held from waking a writer until its write has been taken. */
  private final AtomicBoolean writing = new AtomicBoolean();
  private final AtomicBoolean over = new AtomicBoolean();
  private volatile boolean more;

  GenerationRun(String id, Service service, Exchange exchange, Job job, List<Generation> generations,
      RunWriter writer) {
    this.id = id;
    this.service = service;
    this.exchange = exchange;
    this.job = job;
    this.generations = List.copyOf(generations);
    this.writer = writer;
    times = new RunTimes(service.metrics(), generations.size() * job.n());
    long milliseconds = service.config().requestTimeout().toMillis();
    timer = service.vertx().setTimer(milliseconds, late -> fail(OpenAiError.unavailable("timeout",
        "the generation did not end within " + service.config().requestTimeout().toSeconds() + " s")));
  }

  void start() {
    service.generations().add(this);
    exchange.onClose(this::abandon);
    for (Generation generation : generations) {
      service.metrics().promptTokens(generation.promptIds().length);
      generation.onProgress(this::wake);
    }
    wake();
  }

  String id() {
    return id;
  }

  /** On any thread: there may be more to read. */
  private void wake() {
    times.progressed();
    more = true;
    if (!over.get() && writing.compareAndSet(false, true)) {
      service.workers().writers().execute(this::write);
    }
  }

  private void write() {
    try {
      more = false;
      for (int prompt = 0; prompt < generations.size() && !writer.isFull(); prompt++) {
        read(prompt);
      }
      if (over.get()) {
        return;
      }
      if (!writer.isFull() && generations.stream().allMatch(Generation::hasEnded)) {
        finish();
      } else {
        more |= writer.isFull();
        writer.flush(this::written);
      }
    } catch (RuntimeException e) {
      fail(e);
    }
  }

  private void read(int prompt) {
    Generation generation = generations.get(prompt);
    while (!writer.isFull()) {
      Piece piece = generation.poll();
      if (piece == null) {
        return;
      }
      int index = prompt * job.n() + piece.choice();
      times.read(index, piece);
      if (piece.finishReason() == FinishReason.ERROR) {
        fail(generation.failure());
        return;
      }
      if (piece.finishReason() == FinishReason.CANCELLED) {
        fail(OpenAiError.unavailable("shutting_down", "the server shuts down"));
        return;
      }
      writer.add(index, piece);
      if (piece.finishReason() != null) {
        times.ended(index, piece.finishReason(), generation.timings(piece.choice()));
      }
    }
  }

  private void written() {
    writing.set(false);
    if (more) {
      wake();
    }
  }

  private void finish() {
    if (end()) {
      writer.finish(job.usage(generations, times.tokens()));
    }
  }

  /** Answers with an error, and cancels what still runs. */
  void fail(Throwable failure) {
    if (end()) {
      times.failed(FinishReason.ERROR);
      exchange.fail(failure);
    }
  }

  /** The client is gone. */
  private void abandon() {
    if (end()) {
      times.failed(FinishReason.CANCELLED);
    }
  }

  private boolean end() {
    if (!over.compareAndSet(false, true)) {
      return false;
    }
    service.vertx().cancelTimer(timer);
    generations.forEach(Generation::cancel);
    service.generations().remove(this);
    return true;
  }

  /** Changes weights from the next token on; those that are not named stay. */
  void guidance(Map<String, Double> weights) {
    generations.forEach(generation -> generation.guidance(weights));
  }
}

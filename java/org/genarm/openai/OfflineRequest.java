package org.genarm.openai;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.OptionalLong;
import org.genarm.GenArm;
import org.genarm.Generation;
import org.genarm.Piece;
import org.genarm.engine.FinishReason;

/** One of {@link OfflineRequests}: prepared, then submitted, then read to its end, by one thread. */
public final class OfflineRequest {
  private final GenArm genArm;
  private final Job job;
  private final String modelName;
  private final String id;
  private final boolean stops;
  private List<Generation> generations;
  private WholeChoices choices;
  private int completionTokens;
  private RuntimeException failure;

  OfflineRequest(GenArm genArm, Job job, String modelName, String id) {
    this.genArm = genArm;
    this.job = job;
    this.modelName = modelName;
    this.id = id;
    stops = job.prompts().stream().anyMatch(one -> one.request() != null && !one.request().stop().isEmpty());
  }

  /**
   * What it came to.
   *
   * @param body what the server would have answered
   */
  public record Answer(ObjectNode body, int promptTokens, int completionTokens) {}

  /** Completions that it takes in the engine. */
  public int choices() {
    return job.choices();
  }

  /**
   * Hands it to the engine.
   *
   * @throws java.util.concurrent.RejectedExecutionException where too many wait already: it may be submitted again
   * @throws OpenAiError where the engine refuses it
   */
  public void submit() {
    generations = job.submit(genArm);
    OptionalLong seed = generations.size() == 1 ? OptionalLong.of(generations.get(0).seed()) : OptionalLong.empty();
    choices = new WholeChoices(job, new Envelope(job.shape().idPrefix() + id, modelName, job.shape(), seed, 0));
  }

  /** Whether stop strings end it, which are found as it is read: it is then worth reading before it is finished. */
  public boolean hasStops() {
    return stops;
  }

  /** Calls back on the engine's thread whenever there may be more to read. */
  public void onProgress(Runnable callback) {
    generations.forEach(generation -> generation.onProgress(callback));
  }

  /** Whether the engine is done with it. */
  public boolean isFinished() {
    for (Generation generation : generations) {
      if (!generation.isComplete()) {
        return false;
      }
    }
    return true;
  }

  /** Takes what has come. */
  public void read() {
    for (int prompt = 0; prompt < generations.size(); prompt++) {
      Generation generation = generations.get(prompt);
      for (Piece piece = generation.poll(); piece != null; piece = generation.poll()) {
        completionTokens += piece.tokenIds().size();
        choices.add(prompt * job.n() + piece.choice(), piece);
        if (piece.finishReason() == FinishReason.ERROR) {
          failure = generation.failure();
        } else if (piece.finishReason() == FinishReason.CANCELLED) {
          failure = new IllegalStateException("the engine was closed");
        }
      }
    }
  }

  /**
   * The answer, once it is finished.
   *
   * @throws OpenAiError where the request is to blame
   * @throws RuntimeException where the engine is, as it came from there
   */
  public Answer answer() {
    read();
    if (failure != null) {
      OpenAiError error = OpenAiError.of(failure);
      throw error.status() == 400 ? error : failure;
    }
    Job.Usage usage = job.usage(generations, completionTokens);
    return new Answer(choices.json(usage), usage.promptTokens(), usage.completionTokens());
  }

  /** Ends what still runs of it. */
  public void cancel() {
    generations.forEach(Generation::cancel);
  }
}

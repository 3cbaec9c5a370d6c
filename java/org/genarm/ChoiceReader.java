package org.genarm;

import java.util.ArrayList;
import java.util.List;
import org.genarm.engine.Completion;
import org.genarm.engine.FinishReason;
import org.genarm.engine.GenerationException;
import org.genarm.engine.Submission;
import org.genarm.engine.Timings;
import org.genarm.engine.TokenLaw;
import org.genarm.tokenizer.StopStrings;
import org.genarm.tokenizer.StreamDecoder;

/** Turns one completion's tokens into text as they come, up to a stop string. */
final class ChoiceReader {
  private final Submission submission;
  private final Completion completion;
  private final StreamDecoder decoder;
  private final StopStrings stops;
  private final List<Integer> tokenIds = new ArrayList<>();
  private final StringBuilder text = new StringBuilder();
  private FinishReason finishReason;

  /** decoder: null where the checkpoint has no tokenizer. */
  ChoiceReader(Submission submission, Completion completion, StreamDecoder decoder, StopStrings stops) {
    this.submission = submission;
    this.completion = completion;
    this.decoder = decoder;
    this.stops = stops;
  }

  /** Whether what is read may end it. */
  boolean mayStop() {
    return !stops.isEmpty();
  }

  boolean hasEnded() {
    return finishReason != null;
  }

  /** What has come since the last call, or null where nothing has. */
  Piece poll() {
    if (hasEnded()) {
      return null;
    }
    // Before the size: once there is a reason, every token is there.
    FinishReason reason = completion.finishReason();
    int from = tokenIds.size();
    int size = completion.size();
    int textFrom = text.length();
    List<TokenLaw> laws = new ArrayList<>();
    while (tokenIds.size() < size && !stops.stopped()) {
      TokenLaw law = completion.law(tokenIds.size());
      if (law != null) {
        laws.add(law);
      }
      int token = completion.token(tokenIds.size());
      tokenIds.add(token);
      text.append(stops.accept(decoder == null ? "" : decoder.accept(token)));
    }
    if (reason != null && !stops.stopped()) {
      text.append(stops.accept(decoder == null ? "" : decoder.flush())).append(stops.flush());
      finishReason = reason;
    }
    if (stops.stopped()) {
      submission.cancel(completion);
      finishReason = FinishReason.STOP;
    }
    if (tokenIds.size() == from && !hasEnded()) {
      return null;
    }
    return new Piece(completion.choice(), text.substring(textFrom),
        tokenIds.subList(from, tokenIds.size()), laws, finishReason);
  }

  /** The whole, once it has ended. */
  Result.Choice choice() {
    if (finishReason == FinishReason.ERROR) {
      throw failure();
    }
    return new Result.Choice(text.toString(), tokenIds, finishReason, completion.timings());
  }

  Timings timings() {
    return completion.timings();
  }

  /** Why it ended with an error, or null. */
  RuntimeException failure() {
    Throwable cause = completion.failure();
    if (cause == null) {
      return null;
    }
    return cause instanceof GenerationException known
        ? known
        : new GenerationException("the step failed: " + cause.getMessage(), cause);
  }
}

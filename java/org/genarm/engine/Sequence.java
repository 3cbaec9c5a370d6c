package org.genarm.engine;

import java.util.List;
import org.genarm.guidance.Preferences;
import org.genarm.guidance.SamplingParams;

/**
 * One completion as the engine thread runs it: a lane for each view, the continuation that they share, and the
 * weight of each. A view whose weight is 0 does not run; its lane stays as far as it was computed and catches up
 * when the weight changes.
 */
final class Sequence {
  final Submission submission;
  final Completion completion;
  final SamplingParams sampling;
  final TokenBiases biases;
  final Lane[] lanes;
  private final int[] eosIds;
  private final int minNewTokens;
  float[] weights;
  /** Whether it draws a token in the step being planned. */
  boolean draws;
  /** Rows that the plan keeps for it: of each lane the one that draws, or 0 while it reads its prompts. */
  int rowsToDecode;
  /** Whether it was part of a step that did not run. */
  boolean failed;
  /** Whether it has given its slot back for good. */
  boolean ended;
  /** Tokens that steps in flight draw. */
  private int inFlight;
  /** The step that draws the last of them, and that token's place among those that it draws. */
  private long drawnIn;
  private int place;
  /** What the law said at each position where the last step drew; empty unless it is to be told. */
  final TokenLaw[] laws;
  /** What it is guessed to go on with; null where it does not speculate. */
  final Draft draft;
  final int topLogprobs;
  final boolean components;

  Sequence(Submission submission, Completion completion, TokenRequest request, Preferences preferences,
      EngineConfig config, Speculation speculation) {
    this.submission = submission;
    this.completion = completion;
    this.sampling = request.sampling();
    this.biases = new TokenBiases(sampling, TokenBiases.room(sampling, completion.maxNewTokens(), config.vocabSize()));
    this.minNewTokens = request.minNewTokens();
    this.eosIds = request.eosIds().stream().mapToInt(Integer::intValue).toArray();
    this.weights = submission.weights();
    this.topLogprobs = request.topLogprobs();
    this.components = request.components();
    int numGuided = request.prompts().size();
    this.lanes = new Lane[numGuided + (speculation.draft() == null ? 0 : 1)];
    for (int view = 0; view < lanes.length; view++) {
      int[] prompt = request.prompts().get(view < numGuided ? view : 0);
      int numPages = pages(prompt.length, completion.maxNewTokens(), config.pageSize());
      lanes[view] = new Lane(prompt, view < numGuided ? preferences.of(view) : List.of(), numPages, view);
    }
    this.draft = speculation.isOn() ? speculation.draftOf(lanes[0].prompt, completion.maxNewTokens()) : null;
    this.laws = new TokenLaw[keepsLaw() ? 1 + speculation.longest() : 0];
  }

  /** Pages of a lane that runs to its end: the last token is drawn and never computed. */
  static int pages(int promptLength, int maxNewTokens, int pageSize) {
    return EngineConfig.pages(promptLength + maxNewTokens - 1, pageSize);
  }

  /** A draft model's lane is the last and not among those that run. */
  boolean runs(int view) {
    // A told law is told beside the base's.
    return view < weights.length && (weights[view] != 0 || components || view == 0 && keepsLaw());
  }

  /** Views that count in its law. */
  int numTerms() {
    int terms = 0;
    for (int view = 0; view < weights.length; view++) {
      terms += runs(view) ? 1 : 0;
    }
    return terms;
  }

  /** Whether its next step cannot be planned without its last token: what it is to be told, or biased by, depends on it. */
  boolean needsTokens() {
    return keepsLaw() || sampling.penalises() || draft != null;
  }

  /**
   * Whether the step after lastStep can compute what the sequence lacks: the host has all its tokens, or lastStep draws the
   * only one that it lacks.
   */
  boolean canGoOn(long lastStep) {
    return inFlight == 0 || drawnIn == lastStep && inFlight < completion.room() && isDecoding();
  }

  /** A step that was submitted draws a token for it. */
  void submitted(long step, int placeInStep) {
    inFlight++;
    drawnIn = step;
    place = placeInStep;
  }

  /** The oldest token in flight is there, or nobody wants it. */
  void collected() {
    inFlight--;
  }

  /** Whether no view lacks more than its last token. */
  boolean isDecoding() {
    for (int view = 0; view < weights.length; view++) {
      if (runs(view) && pending(view) > 1) {
        return false;
      }
    }
    return true;
  }

  void dropDraft() {
    if (draft != null) {
      draft.clear();
    }
  }

  /** Positions at which the step being planned draws from its law. */
  int numDraws() {
    return draft == null ? 1 : 1 + draft.size();
  }

  /** Single models' laws that the step being planned keeps for it. */
  int keptLaws() {
    return keepsLaw() ? numTerms() * numDraws() : 0;
  }

  /** Biases that the step being planned needs room for, at most. */
  int writtenBiases() {
    int draws = numDraws();
    int counted = sampling.penalises() ? draws - 1 : 0;
    return biases.size() + counted == 0 ? 0 : draws * (biases.size() + counted);
  }

  /** Counts tokens of its draft as generated, for its biases. */
  void assume(int from, int to) {
    for (int i = from; i < to; i++) {
      biases.generated(draft.token(i));
    }
  }

  /** Undoes {@link #assume} of the first tokens of its draft. */
  void forget(int count) {
    for (int i = 0; i < count; i++) {
      biases.forget(draft.token(i));
    }
  }

  /** The step with the rows that were planned has run, or will have before any other. */
  void advance() {
    for (Lane lane : lanes) {
      lane.computed += lane.rows;
      lane.rows = 0;
    }
  }

  /** Forgets in its first lanes what was computed from drafts, and each lane's last token, whose row draws the next. */
  void rollBack(int numLanes) {
    for (int view = 0; view < numLanes; view++) {
      Lane lane = lanes[view];
      lane.computed = Math.min(lane.computed, length(view) - 1);
    }
  }

  /** Whether somebody wants something else of it than when the step was planned. */
  boolean isSteered(long now) {
    return completion.endedFromOutside(now) != null || submission.weights() != weights;
  }

  /** Whether what the law says of each drawn token is to be told. */
  boolean keepsLaw() {
    return topLogprobs >= 0;
  }

  /** Tokens that the view is to have read before the next one can be drawn. */
  int length(int view) {
    return knownLength(view) + inFlight;
  }

  /** Those of them that are on the host. */
  int knownLength(int view) {
    return lanes[view].prompt.length + completion.size();
  }

  /** Those of them that its lane lacks. */
  int pending(int view) {
    return length(view) - lanes[view].computed;
  }

  /** Of its prompt, its completion, then its draft, or the one that the step submitted last draws, as the door names it. */
  int token(int view, int position) {
    int[] prompt = lanes[view].prompt;
    if (position < prompt.length) {
      return prompt[position];
    }
    int drawn = position - prompt.length;
    if (drawn < completion.size()) {
      return completion.token(drawn);
    }
    return inFlight > 0 ? -1 - place : draft.token(drawn - completion.size());
  }

  /** Position in the base's lane of the token to be drawn. */
  int nextPosition() {
    return length(0);
  }

  String describeWeights() {
    StringBuilder text = new StringBuilder("weights");
    for (int view = 1; view < weights.length; view++) {
      text.append(' ').append(weights[view]);
    }
    return text.append(", temperature ").append(sampling.temperature()).toString();
  }

  /** Why the sequence ends with the token just added, or null where it goes on. */
  FinishReason finishAfter(int token) {
    if (completion.size() >= minNewTokens) {
      for (int eos : eosIds) {
        if (eos == token) {
          return FinishReason.STOP;
        }
      }
    }
    return completion.isFull() ? FinishReason.LENGTH : null;
  }
}

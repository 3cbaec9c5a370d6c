package org.genarm;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.Flow;
import java.util.concurrent.ForkJoinPool;
import java.util.function.Consumer;
import org.genarm.engine.Completion;
import org.genarm.engine.Engine;
import org.genarm.engine.EngineConfig;
import org.genarm.engine.EngineLoad;
import org.genarm.engine.LawRequest;
import org.genarm.engine.LawSink;
import org.genarm.engine.SpeculationCounts;
import org.genarm.engine.StepProfile;
import org.genarm.engine.Submission;
import org.genarm.engine.TokenRequest;
import org.genarm.guidance.Guidance;
import org.genarm.guidance.Preferences;
import org.genarm.guidance.SamplingParams;
import org.genarm.guidance.View;
import org.genarm.tokenizer.StopStrings;

/**
 * Guided generation from a base language model and autoregressive reward models (arXiv 2410.08193): opened once with
 * its models, then asked by any number of threads at the same time.
 *
 * <pre>{@code
 * try (GenArm genArm = GenArm.builder().base(base).arm("positive", positive).build()) {
 *   Result result = genArm.generate(Request.of("Fellow citizens,").weight("positive", 1.5).build());
 *   System.out.println(result.text());
 * }
 * }</pre>
 */
public final class GenArm implements AutoCloseable {
  /** Seeds that are drawn stay below this, so that every JSON reader keeps them exact. */
  private static final long RANDOM_SEEDS = 1L << 53;

  private final Engine engine;
  private final Prompts prompts;
  private final List<Runnable> resources;

  /** resources: what closes them, run in reverse after the engine is closed. */
  GenArm(Engine engine, Prompts prompts, List<Runnable> resources) {
    this.engine = engine;
    this.prompts = prompts;
    this.resources = List.copyOf(resources);
  }

  public static GenArmBuilder builder() {
    return new GenArmBuilder();
  }

  /**
   * Generates and waits for the end.
   *
   * @throws IllegalArgumentException for a request that cannot be served; the message names what is wrong with it
   * @throws java.util.concurrent.RejectedExecutionException where too many requests wait already
   * @throws org.genarm.engine.GenerationException where it ended with an error
   */
  public Result generate(Request request) throws InterruptedException {
    return submit(request).result();
  }

  /** As {@link #generate}, and hands each piece to the listener as it comes, on the calling thread. */
  public Result stream(Request request, Consumer<Piece> listener) throws InterruptedException {
    Generation generation = submit(request);
    for (Piece piece = generation.next(); piece != null; piece = generation.next()) {
      listener.accept(piece);
    }
    return generation.result();
  }

  /** As {@link #generateAsync(Request, Executor)}, on the common pool. */
  public CompletableFuture<Result> generateAsync(Request request) {
    return generateAsync(request, ForkJoinPool.commonPool());
  }

  /**
   * Starts generating and returns at once; throws as {@link #generate} does for what it cannot start. Cancelling the
   * future cancels the generation.
   *
   * @param executor where text is decoded and the future completes
   */
  public CompletableFuture<Result> generateAsync(Request request, Executor executor) {
    ResultFuture future = new ResultFuture(submit(request), executor);
    future.start();
    return future;
  }

  /** As {@link #publisher(Request, Executor)}, on the common pool. */
  public Flow.Publisher<Piece> publisher(Request request) {
    return publisher(request, ForkJoinPool.commonPool());
  }

  /**
   * Starts a generation for each subscriber when it subscribes. What cannot be started, and a generation that fails, is
   * an error; cancelling the subscription cancels the generation. A subscriber that requests slowly gets larger pieces.
   *
   * @param executor where subscribers are called
   */
  public Flow.Publisher<Piece> publisher(Request request, Executor executor) {
    return new PiecePublisher(this, request, executor);
  }

  /** Starts generating and returns at once; throws as {@link #generate} does for what it cannot start. */
  public Generation submit(Request request) {
    if (!request.stop().isEmpty() && !prompts.hasTokenizer()) {
      throw new IllegalArgumentException("stop strings need a tokenizer, the base has none");
    }
    Map<String, Double> weights = new LinkedHashMap<>(request.weights());
    Guidance guidance = guidance(weights, request.baseWeight());
    long seed = request.seed().orElseGet(() -> new SplittableRandom().nextLong(RANDOM_SEEDS));
    SamplingParams sampling = request.sampling().withSeed(seed);
    List<int[]> ids = prompts.ids(request);
    List<Integer> eosIds = request.ignoreEos() ? List.of() : eosTokenIds();
    Preferences preferences = Preferences.of(engine.views(), request.preferences());
    Submission submission = engine.submit(new TokenRequest(
        ids, guidance, preferences, sampling, request.n(), request.maxNewTokens(), request.minNewTokens(),
        eosIds, request.topLogprobs(), request.components()), request.lifetime());

    List<ChoiceReader> readers = new ArrayList<>();
    for (Completion completion : submission.completions()) {
      readers.add(new ChoiceReader(
          submission, completion, prompts.decoder(ids.get(0)), new StopStrings(request.stop())));
    }
    return new Generation(submission, readers, change -> {
      Map<String, Double> changed = new LinkedHashMap<>(weights);
      changed.putAll(change);
      Guidance result = guidance(changed, request.baseWeight());
      weights.putAll(change);
      return result;
    }, seed, ids.get(0));
  }

  /**
   * Log-probabilities of the guided law after each position of rows of token ids, for analysis. Blocks until the sink
   * has had everything, on the engine's thread; generations wait meanwhile.
   *
   * @param weights by reward model; absent: the weight that it was opened with
   * @param components whether each model's own law is wanted too; needs {@link GenArmBuilder#components}
   */
  public void logprobs(List<int[]> rows, Map<String, Double> weights, SamplingParams sampling, boolean components,
      LawSink sink) throws InterruptedException {
    logprobs(rows, weights, Map.of(), sampling, components, sink);
  }

  /** As above; preferences: vectors of preference-conditioned reward models, absent: the one that it was opened with. */
  public void logprobs(List<int[]> rows, Map<String, Double> weights, Map<String, List<Float>> preferences,
      SamplingParams sampling, boolean components, LawSink sink) throws InterruptedException {
    Preferences vectors = Preferences.of(engine.views(), preferences);
    engine.laws(new LawRequest(rows, guidance(weights, 1), vectors, sampling, components), sink);
  }

  private Guidance guidance(Map<String, Double> weights, float base) {
    List<View> arms = engine.views().subList(1, engine.views().size());
    List<String> names = arms.stream().map(View::name).toList();
    for (String name : weights.keySet()) {
      if (!names.contains(name)) {
        throw new IllegalArgumentException("no reward model is called " + name + ", there are " + names);
      }
    }
    List<Float> values = new ArrayList<>();
    for (View arm : arms) {
      Double weight = weights.get(arm.name());
      values.add(weight == null ? arm.weight() : Guidance.weight(arm.name(), weight));
    }
    return new Guidance(values, base);
  }

  /**
   * Generates until it gets no faster, or for as long as the budget says, so that the first request is as fast as the
   * thousandth. Each round fills the batch: call it before the first request.
   */
  public void warmUp(Duration budget) throws InterruptedException {
    new WarmUp(this).run(budget);
  }

  /**
   * Tells where the time of each step went, on the thread that runs it: hand the work on and return. A listener of null
   * ends it. While it is on, each operation is waited for.
   */
  public void profile(Consumer<StepProfile> listener) {
    engine.profile(listener);
  }

  /**
   * Runs one step on the calling thread where it was built {@link GenArmBuilder#callerDriven}: for a host with a loop of
   * its own. False where there was nothing left to do.
   *
   * @throws IllegalStateException where it has a thread, or within a listener
   */
  public boolean turn() {
    return engine.turn();
  }

  /** The weight of each reward model where a request does not say, in the order in which they were opened. */
  public Map<String, Double> weights() {
    Map<String, Double> weights = new LinkedHashMap<>();
    engine.views().stream().skip(1).forEach(view -> weights.put(view.name(), (double) view.weight()));
    return weights;
  }

  /** The vector of each preference-conditioned reward model where a request does not say; no others are in it. */
  public Map<String, List<Float>> preferences() {
    Map<String, List<Float>> preferences = new LinkedHashMap<>();
    engine.views().stream().filter(view -> !view.preference().isEmpty())
        .forEach(view -> preferences.put(view.name(), view.preference()));
    return preferences;
  }

  /** The reward models' names, in the order in which they were opened. */
  public List<String> arms() {
    return engine.views().stream().skip(1).map(View::name).toList();
  }

  /** Tokens that end a text unless a request ignores them. */
  public List<Integer> eosTokenIds() {
    return engine.views().get(0).model().eosTokenIds();
  }

  /** Tokens that every model can read: prompt ids are below this. */
  public int inputVocabSize() {
    return engine.views().stream().mapToInt(View::vocabSize).min().orElseThrow();
  }

  /** The limits that it was opened with. */
  public EngineConfig config() {
    return engine.config();
  }

  /** The prompt of a request as each view reads it, the base's first; throws as {@link #generate} does. */
  public List<int[]> promptIds(Request request) {
    return prompts.ids(request);
  }

  /** The text of token ids, special tokens left out; empty where there is no tokenizer. */
  public String text(int[] ids) {
    return prompts.text(ids);
  }

  /** The text that a token adds in the middle of a text, a special token's own name; empty without a tokenizer. */
  public String tokenText(int id) {
    return prompts.tokenText(id);
  }

  /** As {@link #tokenText}, but a special token adds nothing. */
  public String writtenText(int id) {
    return prompts.writtenText(id);
  }

  /** How busy it is. */
  public EngineLoad load() {
    return engine.load();
  }

  /** How many tokens were guessed, and how many of them were right. */
  public SpeculationCounts speculation() {
    return engine.speculation();
  }

  /** Whether it takes requests: false once it is closed, or stopped because its device failed. */
  public boolean isOpen() {
    return engine.isOpen();
  }

  /** Whether text goes in and comes out; without, a request has token ids and so has its result. */
  public boolean hasTokenizer() {
    return prompts.hasTokenizer();
  }

  /** Ends what is still running and frees every model. A second call does nothing. */
  @Override
  public void close() {
    engine.close();
    closeAll(resources);
  }

  static void closeAll(List<Runnable> resources) {
    for (int i = resources.size() - 1; i >= 0; i--) {
      resources.get(i).run();
    }
  }
}

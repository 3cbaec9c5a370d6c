package org.genarm.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.function.Consumer;
import org.genarm.binding.Device;
import org.genarm.binding.NativeEngine;
import org.genarm.guidance.Preferences;
import org.genarm.guidance.View;

/**
 * Generates for many requests at a time over one base and its reward models: one thread plans a step, runs it behind
 * the door, and hands out its tokens.
 *
 * <p>The device and the views' models are the caller's and stay open until the engine is closed.
 */
public final class Engine implements AutoCloseable {
  private static final int FIRST_POOL = 4; // of `load`, behind what counts for all views

  /** Makes a daemon thread, so that an engine that nobody closed does not keep the JVM. */
  public static final ThreadFactory DAEMON_THREAD = body -> {
    Thread thread = new Thread(body, "genarm-engine");
    thread.setDaemon(true);
    return thread;
  };

  private final List<View> views;
  private final EngineConfig config;
  private final Inbox inbox;
  private final Scheduler scheduler;
  private final EngineLoop loop;
  final KvPages pages;
  final NativeEngine door;
  final StepWriter writer;
  final int[] viewOrder;
  private final StepWatch watch;
  private final StepRunner steps;
  private final Runnable drain;
  private final int stepsInFlight;
  private final AtomicLongArray load;
  private final Speculation speculation;
  private final Speculator speculator;
  private volatile Consumer<Scheduler> afterStep;

  private Engine(Device device, List<View> views, EngineConfig config, Speculation speculation, ViewOrder order,
      NativeEngine door, ThreadFactory threads) {
    int numGuided = views.size() - (speculation.draft() == null ? 0 : 1);
    this.views = views.subList(0, numGuided);
    this.config = config;
    this.speculation = speculation;
    this.door = door;
    viewOrder = order.views();
    inbox = new Inbox(config.maxQueue());
    pages = new KvPages(config, order.setOf());
    DraftModels models = new DraftModels(views, order.setOf(), speculation);
    speculator = new Speculator(speculation, models, config, pages);
    scheduler = new Scheduler(config, inbox, pages, speculator);
    writer = new StepWriter(door.buffer(), viewOrder, config.pageSize(), models);
    LawReader laws = config.maxComponents() == 0 ? null : new LawReader(door, numGuided, config.vocabSize());
    steps = new StepRunner(door, scheduler, writer, speculator, laws);
    drain = steps::drain;
    stepsInFlight = speculation.isOn() ? 1 : config.stepsInFlight(); // what is guessed follows what is known
    watch = new StepWatch(door, operationsOfAStep(views));
    load = new AtomicLongArray(FIRST_POOL + numGuided);
    loop = new EngineLoop(inbox, scheduler, device::pinThread, this::advance, this::end, threads);
  }

  /** Opens an engine that does not speculate and starts a daemon thread of its own. */
  public static Engine open(Device device, List<View> views, EngineConfig config) {
    return open(device, views, config, Speculation.OFF, DAEMON_THREAD);
  }

  /**
   * Opens an engine.
   *
   * @param views the base first, then the reward models in the order of the weights
   * @param threads makes the thread that runs its steps; null: there is none, whoever waits for a completion runs them,
   *     or calls {@link #turn}
   */
  public static Engine open(
      Device device, List<View> views, EngineConfig limits, Speculation speculation, ThreadFactory threads) {
    List<View> all = speculation.views(views);
    all.forEach(view -> view.requireCovers(limits.vocabSize()));
    limits.requireRoomFor(views.size());
    EngineConfig config = speculation.widen(limits, views.size());
    ViewOrder order = ViewOrder.of(all);
    int maxObjectives = all.stream().mapToInt(view -> view.preference().size()).max().orElse(0);
    int maxDrafts = speculation.maxDrafts(config.maxSequences());
    NativeEngine door = NativeEngine.create(device, config.limits(all.size(), maxObjectives, maxDrafts));
    try {
      for (int view : order.views()) {
        int sharing = KvPages.viewsOver(order.setOf()[view], order.setOf());
        addView(door, all.get(view), config.kvPages() * sharing);
      }
      door.start();
      Engine engine = new Engine(device, all, config, speculation, order, door, threads);
      engine.loop.start();
      return engine;
    } catch (RuntimeException e) {
      door.close();
      throw e;
    }
  }

  private static void addView(NativeEngine door, View view, int numPages) {
    if (view.adapter() == null) {
      door.addView(view.model().weights(), numPages);
    } else {
      door.addView(view.model().weights(), view.adapter().tensors(), numPages);
    }
  }

  public List<View> views() {
    return views;
  }

  public EngineConfig config() {
    return config;
  }

  /**
   * Takes a request, to be run when there is room. A completion ends with {@link FinishReason#LENGTH} where its longest
   * lane reaches {@link EngineConfig#maxModelLen}.
   *
   * @throws IllegalArgumentException for a prompt that leaves no room, or a token outside a vocabulary
   * @throws RejectedExecutionException where the queue is full
   * @throws IllegalStateException where the engine is closed, or stopped because its device failed
   */
  public Submission submit(TokenRequest request) {
    return submit(request, Lifetime.UNBOUNDED);
  }

  /** As {@link #submit(TokenRequest)}, for as long as the lifetime says at most. */
  public Submission submit(TokenRequest request, Lifetime lifetime) {
    request.requireFits(views, config);
    long now = System.nanoTime();
    int room = config.maxModelLen() - request.longestPrompt();
    List<Completion> completions = new ArrayList<>(request.n());
    for (int choice = 0; choice < request.n(); choice++) {
      completions.add(new Completion(choice, Math.min(request.maxNewTokens(), room), lifetime, now));
    }
    Preferences preferences = request.preferences().orElse(views);
    Submission submission = new Submission(
        completions, request.guidance(), inbox, loop.hasThread() ? null : loop::turn);
    List<Sequence> sequences = new ArrayList<>(request.n());
    for (Completion completion : completions) {
      sequences.add(new Sequence(submission, completion, request, preferences, config, speculation));
    }
    inbox.offer(sequences);
    return submission;
  }

  /**
   * The law of the next token after every position of every row of ids, for analysis: waits until nothing else runs,
   * then runs alone. Blocks until the sink has had everything.
   *
   * @throws IllegalArgumentException for ids outside a vocabulary, a row that is too long, or components where
   *     {@link EngineConfig#maxComponents} has no room for a position's
   * @throws GenerationException where a law is not finite
   */
  public void laws(LawRequest request, LawSink sink) throws InterruptedException {
    FutureTask<Void> task = new FutureTask<>(new Analysis(request, sink, this), null);
    inbox.offer(task);
    while (!loop.hasThread() && !task.isDone()) {
      loop.turn();
    }
    try {
      task.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw new IllegalStateException(e.getCause());
    } catch (CancellationException e) {
      throw new IllegalStateException("the engine was closed", e);
    }
  }

  /** How busy it was after its last step. Any thread may ask. */
  public EngineLoad load() {
    List<Integer> used = new ArrayList<>(views.size());
    List<Integer> all = new ArrayList<>(views.size());
    for (int view = 0; view < views.size(); view++) {
      used.add((int) load.get(FIRST_POOL + view));
      all.add(pages.pool(view).size());
    }
    return new EngineLoad((int) load.get(0), inbox.size(), load.get(1), load.get(2), load.get(3), used, all);
  }

  /** Whether it takes requests: false once it is closed, or stopped because its device failed. */
  public boolean isOpen() {
    return !inbox.isClosed();
  }

  /** What speculation has come to. Any thread may ask. */
  public SpeculationCounts speculation() {
    return speculator.counts();
  }

  private void publishLoad() {
    load.lazySet(0, scheduler.numRunning());
    load.lazySet(1, scheduler.numPreemptions());
    load.lazySet(2, pages.queriedTokens());
    load.lazySet(3, pages.hitTokens());
    for (int view = 0; view < views.size(); view++) {
      load.lazySet(FIRST_POOL + view, pages.pool(view).numUsed());
    }
  }

  /**
   * Has the thread that runs the steps tell where the time of each went, until a listener of null ends it: hand the work on
   * and return. While it is on, each operation is waited for.
   */
  public void profile(Consumer<StepProfile> listener) {
    watch.listen(listener);
  }

  /** Five in each layer, and those around them. */
  private static int operationsOfAStep(List<View> views) {
    return 8 + 5 * views.stream().mapToInt(view -> view.model().config().shape().numLayers()).max().orElse(0);
  }

  /** Has the engine thread call back after every step; for tests, which look at the scheduler and the pages then. */
  void afterEachStep(Consumer<Scheduler> check) {
    afterStep = check;
  }

  /** Everything that ran or waited ends, and the native engine closes. */
  private void end(Throwable cause) {
    scheduler.endAll(cause == null ? FinishReason.CANCELLED : FinishReason.ERROR, cause);
    publishLoad();
    door.close();
  }

  /**
   * Runs one step, or one analysis, on the calling thread, for an engine without a thread of its own; callers take turns.
   * False where there was nothing left to do.
   *
   * @throws IllegalStateException where the engine has a thread
   */
  public boolean turn() {
    return loop.turn();
  }

  private void advance() {
    watch.begin(drain);
    int rows = steps.turn(watch.isProfiling() ? 1 : stepsInFlight);
    if (rows > 0) {
      watch.end(rows, steps.drawn());
    }
    publishLoad();
    if (afterStep != null) {
      afterStep.accept(scheduler);
    }
  }

  /** Ends what still runs or waits, and frees the engine's memory. A second call does nothing. */
  @Override
  public void close() {
    loop.close();
  }
}

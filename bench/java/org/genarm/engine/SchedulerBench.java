package org.genarm.engine;

import java.nio.IntBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.genarm.binding.Device;
import org.genarm.binding.NativeEngine;
import org.genarm.guidance.Guidance;
import org.genarm.guidance.SamplingParams;
import org.genarm.guidance.View;
import org.genarm.model.LoadOptions;
import org.genarm.model.Model;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What Java does in a step beside the native one, over a base and two reward models: it plans, writes the step into the
 * native engine's own arrays, and hands out the tokens. To be at most 50 us for 64 sequences.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class SchedulerBench {
  private static final int STEPS = 128;
  private static final int PROMPT = 200;
  private static final int[] SET_OF = {0, 1, 2};

  @Param({"16", "64"})
  private int sequences;

  /** Whether presence and frequency penalties count every token. */
  @Param({"false", "true"})
  private boolean penalised;

  private final List<Model> models = new ArrayList<>();
  private Device device;
  private NativeEngine door;
  private EngineConfig config;
  private DraftModels draftModels;
  private Scheduler scheduler;
  private StepWriter writer;
  private IntBuffer sampled;
  private int token;

  @Setup
  public void open() {
    config = EngineConfig.of(4096, 512, sequences, SET_OF.length);
    device = Device.open("cpu", 1);
    door = NativeEngine.create(device, config.limits(SET_OF.length, 0, 0));
    for (String name : List.of("demo-base", "demo-arm-positive", "demo-arm-plain")) {
      models.add(Model.load(device, Path.of("models", name), LoadOptions.AS_STORED));
      door.addView(models.get(models.size() - 1).weights(), 1);
    }
    door.start();
    List<View> views = List.of(
        View.base(models.get(0)), new View("positive", models.get(1), 1), new View("plain", models.get(2), 1));
    draftModels = new DraftModels(views, SET_OF, Speculation.OFF);
    sampled = IntBuffer.allocate(sequences);
  }

  @TearDown
  public void close() {
    door.close();
    models.forEach(Model::close);
    device.close();
  }

  /** Every sequence has read its prompt and drawn a token. */
  @Setup(Level.Invocation)
  public void start() {
    Inbox inbox = new Inbox(config.maxQueue());
    KvPages pages = new KvPages(config, SET_OF);
    scheduler = new Scheduler(config, inbox, pages, Speculator.off(config, pages));
    writer = new StepWriter(door.buffer(), SET_OF, config.pageSize(), draftModels);
    for (int number = 0; number < sequences; number++) {
      int[] prompt = new int[PROMPT];
      Arrays.fill(prompt, number);
      SamplingParams sampling = SamplingParams.of(number).withPenalties(penalised ? 1 : 0, penalised ? 0.5f : 0);
      TokenRequest request = new TokenRequest(
          List.of(prompt, prompt, prompt), Guidance.of(1, 0.5f), sampling, 1, 512 - PROMPT, 0, List.of(2));
      Completion completion = new Completion(0, request.maxNewTokens(), Lifetime.UNBOUNDED, System.nanoTime());
      Submission submission = new Submission(List.of(completion), request.guidance(), inbox, null);
      inbox.offer(List.of(
          new Sequence(submission, completion, request, request.preferences(), config, Speculation.OFF)));
    }
    do {
      step();
    } while (scheduler.numRunning() < sequences || scheduler.running(sequences - 1).completion.size() == 0);
  }

  private int step() {
    int rows = scheduler.plan();
    writer.write(scheduler);
    scheduler.submitted();
    for (int i = 0; i < sequences; i++) {
      sampled.put(i, 3 + (token++ * 31 & 2047));
    }
    scheduler.accept(sampled);
    return rows;
  }

  @Benchmark
  @OperationsPerInvocation(STEPS)
  public int steps() {
    int rows = 0;
    for (int i = 0; i < STEPS; i++) {
      rows += step();
    }
    return rows;
  }
}

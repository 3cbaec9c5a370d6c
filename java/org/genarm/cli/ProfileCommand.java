package org.genarm.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.genarm.GenArm;
import org.genarm.engine.StepProfile;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code genarm profile}: where the time of a real run goes. */
@Command(
    name = "profile",
    description = "What each operation of a real run takes, moves and computes, and which limit binds it.",
    mixinStandardHelpOptions = true)
final class ProfileCommand implements Callable<Integer> {
  private static final int TURNS = 9; // at least, and as many as fit into TURN_NANOS
  private static final long TURN_NANOS = 15_000_000_000L;
  private static final long WARM_NANOS = 3_000_000_000L;

  @Spec private CommandSpec spec;
  @Mixin private CommonOptions common;
  @Mixin private BenchOptions options;

  @Option(names = "--batch-size", defaultValue = "1", paramLabel = "N", description = "completions at a time (1)")
  private int batchSize;

  @Option(names = "--trace", paramLabel = "FILE", description = "writes a trace for chrome://tracing or ui.perfetto.dev")
  private Path trace;

  @Override
  public Integer call() throws Exception {
    common.check();
    options.requirePositive("--batch-size", batchSize);
    try (GenArm genArm = common.builder().maxSequences(batchSize).build()) {
      warmUp(genArm);
      Ceiling ceiling = Ceiling.measure(genArm, common.numThreads());
      List<StepProfile> steps = Collections.synchronizedList(new ArrayList<>());
      List<Double> plain = new ArrayList<>();
      List<Double> profiled = new ArrayList<>();
      long end = System.nanoTime() + TURN_NANOS;
      for (int turn = 0; turn < TURNS || System.nanoTime() - end < 0; turn++) {
        boolean first = turn % 2 == 0; // neither always after the other
        if (first) {
          plain.add(run(genArm, turn));
        }
        steps.clear();
        genArm.profile(steps::add);
        profiled.add(run(genArm, turn));
        genArm.profile(null);
        if (!first) {
          plain.add(run(genArm, turn));
        }
      }
      print(genArm, ceiling, List.copyOf(steps), new Overhead(plain, profiled));
    }
    return ExitCode.OK;
  }

  /** Seconds of plain and profiled runs, turn by turn. */
  private record Overhead(List<Double> plain, List<Double> profiled) {
    double best() {
      return Collections.min(profiled) / Collections.min(plain) - 1;
    }

    double median() {
      return Spread.median(IntStream.range(0, plain.size()).mapToObj(i -> profiled.get(i) / plain.get(i) - 1).toList());
    }
  }

  /** Until the JVM has compiled what a small model's step mostly is, with and without a listener. */
  private void warmUp(GenArm genArm) throws InterruptedException {
    for (long end = System.nanoTime() + WARM_NANOS; System.nanoTime() - end < 0; ) {
      run(genArm, 0);
      genArm.profile(step -> {});
      run(genArm, 0);
      genArm.profile(null);
    }
  }

  private void print(GenArm genArm, Ceiling ceiling, List<StepProfile> steps, Overhead overhead)
      throws Exception {
    OperationTable prompt = new OperationTable("prompt", ceiling);
    OperationTable decode = new OperationTable("decode", ceiling);
    steps.forEach(step -> (OperationTable.isPrompt(step, genArm) ? prompt : decode).add(step));
    if (trace != null) {
      ChromeTrace.write(trace, steps);
    }
    ObjectNode report = options.report("profile");
    report.put("batch_size", batchSize);
    ceiling.put(report);
    report.put("profiling_overhead", overhead.best());
    report.put("profiling_overhead_median", overhead.median());
    report.put("turns", overhead.plain().size());
    OperationTable.put(report, prompt, decode);
    if (options.json()) {
      options.print(report);
      return;
    }
    PrintWriter out = spec.commandLine().getOut();
    ceiling.print(out);
    out.printf("profiling cost %.1f %% (best of %d turns; median %.1f %%)%n",
        100 * overhead.best(), overhead.plain().size(), 100 * overhead.median());
    report.path("phases").forEach(phase -> OperationTable.print(out, (ObjectNode) phase));
  }

  private double run(GenArm genArm, int turn) throws InterruptedException {
    return options.seconds(genArm, turn * batchSize, batchSize, true);
  }
}

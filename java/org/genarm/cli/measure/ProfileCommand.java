package org.genarm.cli.measure;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import org.genarm.GenArm;
import org.genarm.cli.console.ExitCode;
import org.genarm.cli.options.CommonOptions;
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
public final class ProfileCommand implements Callable<Integer> {
  private static final double WARM_SHARE = 0.2;

  @Spec private CommandSpec spec;
  @Mixin private CommonOptions common;
  @Mixin private BenchOptions options;

  @Option(names = "--batch-size", defaultValue = "1", paramLabel = "N", description = "completions at a time (1)")
  private int batchSize;

  @Option(names = "--trace", paramLabel = "FILE", description = "writes a trace for chrome://tracing or ui.perfetto.dev")
  private Path trace;

  @Option(names = "--seconds", defaultValue = "15", paramLabel = "S",
      description = "how long runs with and without profiling take turns (15); warm-up beforehand takes a fifth of it")
  private double seconds;

  @Override
  public Integer call() throws Exception {
    common.check();
    options.requirePositive("--batch-size", batchSize);
    try (GenArm genArm = options.builder(common).maxSequences(batchSize).build()) {
      List<StepProfile> steps = Collections.synchronizedList(new ArrayList<>());
      ProfilingCost.Work work = (profiled, turn) -> {
        steps.clear();
        genArm.profile(profiled ? steps::add : null);
        return options.seconds(genArm, turn * batchSize, batchSize, true);
      };
      ProfilingCost.measure(work, 1, nanos(WARM_SHARE * seconds)); // the JVM compiles what a small model's step mostly is
      Ceiling ceiling = Ceiling.measure(genArm, common.numThreads());
      ProfilingCost cost = ProfilingCost.measure(work, ProfilingCost.LEAST_TURNS, nanos(seconds));
      work.seconds(true, 0);
      genArm.profile(null);
      print(genArm, ceiling, List.copyOf(steps), cost);
    }
    return ExitCode.OK;
  }

  private static long nanos(double seconds) {
    return (long) (seconds * 1e9);
  }

  private void print(GenArm genArm, Ceiling ceiling, List<StepProfile> steps, ProfilingCost cost)
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
    cost.put(report);
    OperationTable.put(report, prompt, decode);
    if (options.json()) {
      options.print(report);
      return;
    }
    PrintWriter out = spec.commandLine().getOut();
    ceiling.print(out);
    cost.print(out);
    report.path("phases").forEach(phase -> OperationTable.print(out, (ObjectNode) phase));
  }
}

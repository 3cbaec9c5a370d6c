package org.genarm.cli.measure;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.PrintWriter;
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
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code genarm bench kernels}: each operation at the shapes of real models and several batch sizes. */
@Command(
    name = "kernels",
    description = "Each operation's time, bytes and FLOP beside what the machine can do, over prompts and batches.",
    mixinStandardHelpOptions = true)
final class BenchKernelsCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private CommonOptions common;
  @Mixin private BenchOptions options;

  @Option(names = "--batch-sizes", split = ",", defaultValue = "1,8", paramLabel = "N", description = "(1,8)")
  private List<Integer> batchSizes;

  @Override
  public Integer call() throws Exception {
    common.check();
    batchSizes.forEach(size -> options.requirePositive("--batch-sizes", size));
    if (options.outputLength() < 2) {
      throw new ParameterException(spec.commandLine(), "--output-len: expected at least 2, got " + options.outputLength());
    }
    // Without a thread of its own no step runs before the whole batch is submitted, nor is one told of after its tokens.
    try (GenArm genArm = options.builder(common).callerDriven().maxSequences(Collections.max(batchSizes)).build()) {
      options.seconds(genArm, 0, batchSizes.get(0), true); // warms up
      Ceiling ceiling = Ceiling.measure(genArm, common.numThreads());
      ObjectNode report = options.report("kernels");
      ceiling.put(report);
      for (int size : batchSizes) {
        measure(genArm, size, ceiling, report);
      }
      print(report, ceiling);
    }
    return ExitCode.OK;
  }

  /** Tables of one batch size: its prompts, and the steps in which every sequence drew a token and nothing else ran. */
  private void measure(GenArm genArm, int size, Ceiling ceiling, ObjectNode report) throws InterruptedException {
    List<StepProfile> steps = Collections.synchronizedList(new ArrayList<>());
    genArm.profile(steps::add);
    options.seconds(genArm, 0, size, true);
    genArm.profile(null);
    OperationTable prompt = new OperationTable("prompt of " + size, ceiling);
    OperationTable decode = new OperationTable("decode of " + size, ceiling);
    for (StepProfile step : List.copyOf(steps)) {
      if (OperationTable.isPrompt(step, genArm)) {
        prompt.add(step);
      } else if (step.drawn() == size) {
        decode.add(step);
      }
    }
    OperationTable.put(report, prompt, decode);
  }

  private void print(ObjectNode report, Ceiling ceiling) throws Exception {
    if (options.json()) {
      options.print(report);
      return;
    }
    PrintWriter out = spec.commandLine().getOut();
    ceiling.print(out);
    report.path("phases").forEach(phase -> OperationTable.print(out, (ObjectNode) phase));
  }
}

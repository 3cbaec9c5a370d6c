package org.genarm.cli.measure;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code genarm bench latency|throughput|kernels|serve|batch} */
@Command(
    name = "bench",
    description = "Speed, with the price of guidance beside it: the same run with every weight 0.",
    subcommands = {
      BenchLatencyCommand.class,
      BenchThroughputCommand.class,
      BenchKernelsCommand.class,
      BenchServeCommand.class,
      BenchBatchCommand.class
    },
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "latency|throughput|kernels|serve|batch")
public final class BenchCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Override
  public void run() {
    throw new ParameterException(
        spec.commandLine(), "what to measure is missing: latency, throughput, kernels, serve or batch");
  }
}

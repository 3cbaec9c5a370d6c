package org.genarm.cli.measure;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.genarm.GenArm;
import org.genarm.cli.console.ExitCode;
import org.genarm.cli.options.CommonOptions;
import org.genarm.engine.SpeculationCounts;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code genarm bench latency}: one batch at a time, all its completions started together. */
@Command(
    name = "latency",
    description = "How long one batch takes, guided and with every weight 0 in turns.",
    mixinStandardHelpOptions = true)
final class BenchLatencyCommand implements Callable<Integer> {
  @Mixin private CommonOptions common;
  @Mixin private BenchOptions options;

  @Option(names = "--batch-size", defaultValue = "1", paramLabel = "N", description = "completions of a batch (1)")
  private int batchSize;

  @Option(names = "--num-iters", defaultValue = "10", paramLabel = "N", description = "batches that count (10)")
  private int iterations;

  @Option(names = "--num-iters-warmup", defaultValue = "3", paramLabel = "N", description = "batches before them (3)")
  private int warmUp;

  @Override
  public Integer call() throws Exception {
    common.check();
    options.requirePositive("--batch-size", batchSize);
    options.requirePositive("--num-iters", iterations);
    List<Double> guided = new ArrayList<>();
    List<Double> unguided = new ArrayList<>();
    SpeculationCounts counts = SpeculationCounts.NONE;
    try (GenArm genArm = options.builder(common).maxSequences(batchSize).build()) {
      for (int i = -Math.max(0, warmUp); i < iterations; i++) {
        SpeculationCounts before = genArm.speculation();
        double withWeights = seconds(genArm, i, true);
        counts = counts.plus(i < 0 ? SpeculationCounts.NONE : genArm.speculation().since(before));
        double without = genArm.arms().isEmpty() ? withWeights : seconds(genArm, i, false);
        if (i >= 0) {
          guided.add(withWeights);
          unguided.add(without);
        }
      }
    }
    ObjectNode report = options.report("latency");
    report.put("batch_size", batchSize);
    report.put("num_iters", iterations);
    report.set("latency_ms", Spread.of(guided, 1e3));
    double tokens = (double) batchSize * options.outputLength();
    report.put("tokens_per_second", tokens / Spread.median(guided));
    report.put("best_tokens_per_second", tokens / guided.stream().min(Double::compare).orElseThrow());
    report.put("ms_per_step", Spread.median(guided) * 1e3 / options.outputLength());
    report.put("unguided_tokens_per_second", tokens / Spread.median(unguided));
    report.put("price_of_guidance", Spread.median(guided) / Spread.median(unguided));
    options.putSpeculation(report, counts);
    options.print(report);
    return ExitCode.OK;
  }

  private double seconds(GenArm genArm, int iteration, boolean guided) throws InterruptedException {
    return options.seconds(genArm, iteration * batchSize, batchSize, guided);
  }
}

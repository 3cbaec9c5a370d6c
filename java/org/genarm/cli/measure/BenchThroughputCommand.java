package org.genarm.cli.measure;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.genarm.GenArm;
import org.genarm.Generation;
import org.genarm.cli.console.ExitCode;
import org.genarm.cli.options.CommonOptions;
import org.genarm.engine.SpeculationCounts;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code genarm bench throughput}: more requests than run at a time, all handed in at the start. */
@Command(
    name = "throughput",
    description = "Tokens per second over many requests, guided and then with every weight 0.",
    mixinStandardHelpOptions = true)
final class BenchThroughputCommand implements Callable<Integer> {
  private static final int WARM_UP = 4;

  @Mixin private CommonOptions common;
  @Mixin private BenchOptions options;

  @Option(names = "--num-prompts", defaultValue = "64", paramLabel = "N", description = "requests (64)")
  private int prompts;

  @Option(names = "--max-num-seqs", defaultValue = "16", paramLabel = "N", description = "completions at a time (16)")
  private int sequences;

  @Override
  public Integer call() throws Exception {
    common.check();
    options.requirePositive("--num-prompts", prompts);
    options.requirePositive("--max-num-seqs", sequences);
    ObjectNode report = options.report("throughput");
    report.put("num_prompts", prompts);
    report.put("max_num_seqs", sequences);
    try (GenArm genArm = options.builder(common).maxSequences(sequences).maxQueue(Math.max(prompts, WARM_UP)).build()) {
      run(genArm, WARM_UP, true, new ArrayList<>());
      List<Double> firstTokens = new ArrayList<>();
      SpeculationCounts before = genArm.speculation();
      double guided = run(genArm, prompts, true, firstTokens);
      SpeculationCounts counts = genArm.speculation().since(before);
      double unguided = genArm.arms().isEmpty() ? guided : run(genArm, prompts, false, new ArrayList<>());
      double tokens = (double) prompts * options.outputLength();
      report.put("elapsed_s", guided);
      report.put("requests_per_second", prompts / guided);
      report.put("tokens_per_second", tokens / guided);
      report.put("total_tokens_per_second", prompts * (double) (options.inputLength() + options.outputLength()) / guided);
      report.set("time_to_first_token_ms", Spread.of(firstTokens, 1));
      report.put("unguided_tokens_per_second", tokens / unguided);
      report.put("price_of_guidance", guided / unguided);
      options.putSpeculation(report, counts);
    }
    options.print(report);
    return ExitCode.OK;
  }

  /** Seconds from the first submission to the last token. firstTokens receives milliseconds from submission. */
  private double run(GenArm genArm, int count, boolean guided, List<Double> firstTokens) throws InterruptedException {
    long start = System.nanoTime();
    List<Generation> running = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      running.add(genArm.submit(options.request(genArm, i, guided)));
    }
    for (Generation generation : running) {
      firstTokens.add(generation.result().choices().get(0).timings().firstTokenMs());
    }
    return (System.nanoTime() - start) * 1e-9;
  }
}

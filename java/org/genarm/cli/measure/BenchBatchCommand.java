package org.genarm.cli.measure;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.genarm.GenArm;
import org.genarm.Generation;
import org.genarm.Request;
import org.genarm.batch.Batch;
import org.genarm.batch.BatchFiles;
import org.genarm.batch.BatchLimits;
import org.genarm.cli.console.ExitCode;
import org.genarm.cli.options.CommonOptions;
import org.genarm.openai.OfflineRequests;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code genarm bench batch}: the same requests through the engine alone and through files, in turns. */
@Command(
    name = "batch",
    description = "Tokens per second of a batch from file to file, beside the engine's own over the same requests.",
    mixinStandardHelpOptions = true)
final class BenchBatchCommand implements Callable<Integer> {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int WARM_UP = 4;
  private static final String MODEL = "bench";

  @Mixin private CommonOptions common;
  @Mixin private BenchOptions options;

  @Option(names = "--num-prompts", defaultValue = "256", paramLabel = "N", description = "requests (256)")
  private int prompts;

  @Option(names = "--max-num-seqs", defaultValue = "16", paramLabel = "N", description = "completions at a time (16)")
  private int sequences;

  @Option(names = "--num-iters", defaultValue = "3", paramLabel = "N", description = "turns (3)")
  private int turns;

  @Override
  public Integer call() throws Exception {
    common.check();
    options.requirePositive("--num-prompts", prompts);
    options.requirePositive("--max-num-seqs", sequences);
    options.requirePositive("--num-iters", turns);
    ObjectNode report = options.report("batch");
    report.put("num_prompts", prompts);
    report.put("max_num_seqs", sequences);
    Path folder = Files.createTempDirectory("genarm-bench-batch");
    int queue = Math.max(prompts, 4 * sequences);
    try (GenArm genArm = options.builder(common).maxSequences(sequences).maxQueue(queue).build()) {
      engine(genArm, WARM_UP);
      batch(genArm, folder, WARM_UP);
      List<Double> engine = new ArrayList<>();
      List<Double> batch = new ArrayList<>();
      List<Double> share = new ArrayList<>();
      for (int turn = 0; turn < turns; turn++) {
        engine.add(tokens() / engine(genArm, prompts));
        batch.add(tokens() / batch(genArm, folder, prompts));
        share.add(batch.get(turn) / engine.get(turn));
      }
      report.set("engine_tokens_per_second", Spread.of(engine, 1));
      report.set("batch_tokens_per_second", Spread.of(batch, 1));
      report.set("batch_over_engine", Spread.of(share, 1));
    } finally {
      Files.deleteIfExists(folder);
    }
    options.print(report);
    return ExitCode.OK;
  }

  private double tokens() {
    return (double) prompts * options.outputLength();
  }

  private double engine(GenArm genArm, int count) throws InterruptedException {
    long start = System.nanoTime();
    List<Generation> running = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      running.add(genArm.submit(options.request(genArm, i, true)));
    }
    for (Generation generation : running) {
      generation.result();
    }
    return (System.nanoTime() - start) * 1e-9;
  }

  private double batch(GenArm genArm, Path folder, int count) throws Exception {
    Path in = folder.resolve("in.jsonl");
    Path out = folder.resolve("out.jsonl");
    try (BufferedWriter lines = Files.newBufferedWriter(in)) {
      for (int i = 0; i < count; i++) {
        lines.write(JSON.writeValueAsString(line(options.request(genArm, i, true), i)));
        lines.newLine();
      }
    }
    OfflineRequests requests = new OfflineRequests(genArm, MODEL, "none", Map.of());
    long start = System.nanoTime();
    try (BatchFiles files = BatchFiles.open(in, out, false)) {
      Batch.run(requests, files, BatchLimits.of(sequences), 0, (answer, soFar) -> {});
    }
    double seconds = (System.nanoTime() - start) * 1e-9;
    Files.delete(in);
    Files.delete(out);
    return seconds;
  }

  private static ObjectNode line(Request request, int number) {
    ObjectNode line = JSON.createObjectNode();
    line.put("custom_id", "request-" + number).put("method", "POST").put("url", OfflineRequests.URLS.get(0));
    ObjectNode body = line.putObject("body");
    ArrayNode ids = body.putArray("prompt");
    for (int id : request.promptIds()) {
      ids.add(id);
    }
    body.put("max_tokens", request.maxNewTokens()).put("ignore_eos", true);
    body.put("temperature", request.sampling().temperature()).put("seed", request.seed().getAsLong());
    return line;
  }
}

package org.genarm.cli.measure;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.genarm.GenArm;
import org.genarm.GenArmBuilder;
import org.genarm.Generation;
import org.genarm.Request;
import org.genarm.cli.console.Report;
import org.genarm.cli.options.CommonOptions;
import org.genarm.engine.SpeculationCounts;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** What every bench shares: the shape of its requests, which are random ids of a fixed seed, and its report. */
final class BenchOptions {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int FIRST_ID = 3; // behind the usual special tokens

  @Spec(Spec.Target.MIXEE)
  private CommandSpec verb;

  @Option(names = "--input-len", defaultValue = "16", paramLabel = "N", description = "tokens of a prompt (16)")
  private int inputLength;

  @Option(names = "--prompt", paramLabel = "TEXT", description = "what every request reads; default: random tokens")
  private String text;

  @Option(names = "--output-len", defaultValue = "128", paramLabel = "N", description = "new tokens of a request (128)")
  private int outputLength;

  @Option(names = "--temperature", defaultValue = "1", paramLabel = "T", description = "0: greedy (1)")
  private double temperature;

  @Option(names = "--json", description = "one JSON object instead of a table")
  private boolean json;

  int inputLength() {
    return inputLength;
  }

  int outputLength() {
    return outputLength;
  }

  double temperature() {
    return temperature;
  }

  /** Whether one JSON object is wanted instead of a table. */
  boolean json() {
    return json;
  }

  void requirePositive(String option, int value) {
    if (value < 1) {
      throw new ParameterException(verb.commandLine(), option + ": expected at least 1, got " + value);
    }
  }

  /** Prompts come back in every turn, so nothing that an earlier turn has read is shared. */
  GenArmBuilder builder(CommonOptions common) {
    return common.builder().prefixSharing(false);
  }

  /** The request of this number; end-of-sequence tokens do not end it. */
  Request request(GenArm genArm, int number, boolean guided) {
    requirePositive("--input-len", inputLength);
    requirePositive("--output-len", outputLength);
    // Prompts of their own, so that neither run finds the other's in the cache.
    int[] ids = prompt(guided ? number : ~number, genArm.inputVocabSize());
    Request.Builder request = (text == null ? Request.ofIds(ids) : Request.of(text))
        .seed(number).temperature(temperature).maxNewTokens(outputLength).ignoreEos(true);
    if (!guided) {
      genArm.arms().forEach(arm -> request.weight(arm, 0));
    }
    return request.build();
  }

  /** Seconds of a batch of requests of these numbers, from the first submission to the last token. */
  double seconds(GenArm genArm, int firstNumber, int count, boolean guided) throws InterruptedException {
    long start = System.nanoTime();
    List<Generation> batch = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      batch.add(genArm.submit(request(genArm, firstNumber + i, guided)));
    }
    for (Generation generation : batch) {
      generation.result();
    }
    return (System.nanoTime() - start) * 1e-9;
  }

  /** Random ids below vocabSize. */
  int[] prompt(int number, int vocabSize) {
    return new SplittableRandom(number).ints(inputLength, Math.min(FIRST_ID, vocabSize - 1), vocabSize).toArray();
  }

  ObjectNode report(String name) {
    ObjectNode report = JSON.createObjectNode();
    report.put("bench", name);
    report.put("input_len", inputLength);
    report.put("output_len", outputLength);
    return report;
  }

  /** What speculation came to, where there was any. */
  void putSpeculation(ObjectNode report, SpeculationCounts counts) {
    if (counts.drafted() > 0) {
      report.put("drafted_tokens", counts.drafted());
      report.put("accepted_tokens", counts.accepted());
      report.put("acceptance", counts.acceptance());
    }
  }

  void print(ObjectNode report) throws Exception {
    PrintWriter out = verb.commandLine().getOut();
    if (json) {
      out.println(JSON.writeValueAsString(report));
    } else {
      Report.print(out, report);
    }
  }
}

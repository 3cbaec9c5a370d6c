package org.genarm.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.genarm.GenArm;
import org.genarm.GenArmBuilder;
import org.genarm.batch.Batch;
import org.genarm.batch.BatchFiles;
import org.genarm.batch.BatchLimits;
import org.genarm.cli.console.ExitCode;
import org.genarm.cli.console.Terminal;
import org.genarm.cli.options.CommonOptions;
import org.genarm.cli.options.RequestOptions;
import org.genarm.openai.OfflineRequests;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code genarm batch} */
@Command(
    name = "batch",
    description = "Answers a file of OpenAI's batch lines into another file, in the same order.",
    footer = {
      "",
      "A line is {\"custom_id\", \"method\": \"POST\", \"url\", \"body\"}; url is /v1/completions or",
      "/v1/chat/completions and body what genarm serve takes there. Its answer is {\"id\", \"custom_id\", \"response\":",
      "{\"status_code\", \"request_id\", \"body\"}, \"error\"}; a line that cannot be served is answered with its error,",
      "and the run goes on. A request without a seed has one that follows from custom_id, so the same file gives the",
      "same answers."
    },
    mixinStandardHelpOptions = true)
final class BatchCommand implements Callable<Integer> {
  private static final int LEAST_QUEUE = 1024;

  @Spec private CommandSpec spec;
  @Mixin private CommonOptions common;
  @Mixin private RequestOptions requestOptions;

  @Option(names = "--in", required = true, paramLabel = "F.jsonl", description = "requests, one a line")
  private Path in;

  @Option(names = "--out", required = true, paramLabel = "F.jsonl", description = "where the answers go")
  private Path out;

  @Option(names = "--resume", description = "go on behind the answers that are in --out; start where there are none")
  private boolean resume;

  @Option(names = "--max-num-seqs", defaultValue = "64", paramLabel = "N", description = "completions at a time (64)")
  private int maxNumSeqs;

  @Option(
      names = "--seed",
      defaultValue = "0",
      paramLabel = "N",
      description = "what the seeds of requests without one are drawn from, with custom_id (0)")
  private long seed;

  @Option(names = "--json", description = "one JSON object as the summary")
  private boolean json;

  @Override
  public Integer call() throws Exception {
    common.check();
    requestOptions.check(common);
    if (maxNumSeqs < 1) {
      throw common.usage("--max-num-seqs: expected at least 1, got " + maxNumSeqs);
    }
    if (!resume && Files.exists(out)) {
      throw common.usage("--out: " + out + " is there already: --resume goes on, or choose another file");
    }
    try (BatchFiles files = BatchFiles.open(in, out, resume); GenArm genArm = builder().build()) {
      OfflineRequests requests = new OfflineRequests(genArm, requestOptions.modelName(common),
          requestOptions.template(), requestOptions.armTemplates(common));
      Batch.Summary summary;
      try (BatchBar bar = BatchBar.open(files, !common.quiet() && Terminal.STANDARD_ERROR.isTerminal())) {
        summary = Batch.run(requests, files, BatchLimits.of(maxNumSeqs), seed, bar);
      }
      spec.commandLine().getOut().println(json ? json(summary) : line(summary));
    }
    return ExitCode.OK;
  }

  private GenArmBuilder builder() {
    return requestOptions.builder(common).maxSequences(maxNumSeqs).maxQueue(Math.max(LEAST_QUEUE, 4 * maxNumSeqs));
  }

  private String line(Batch.Summary summary) {
    return String.format(Locale.ROOT, "%s: %d lines answered, %d of them refused%s; %d new tokens in %.1f s, %.0f tokens/s",
        out, summary.lines(), summary.refused(),
        summary.resumed() == 0 ? "" : ", " + summary.resumed() + " had been before",
        summary.completionTokens(), summary.seconds(), tokensPerSecond(summary));
  }

  private static String json(Batch.Summary summary) throws Exception {
    ObjectMapper mapper = new ObjectMapper();
    ObjectNode json = mapper.createObjectNode();
    json.put("resumed", summary.resumed()).put("lines", summary.lines()).put("refused", summary.refused());
    json.put("prompt_tokens", summary.promptTokens()).put("completion_tokens", summary.completionTokens());
    json.put("elapsed_s", summary.seconds()).put("tokens_per_second", tokensPerSecond(summary));
    return mapper.writeValueAsString(json);
  }

  static double tokensPerSecond(Batch.Summary summary) {
    return summary.seconds() == 0 ? 0 : summary.completionTokens() / summary.seconds();
  }
}

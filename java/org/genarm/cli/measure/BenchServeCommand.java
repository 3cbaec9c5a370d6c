package org.genarm.cli.measure;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.net.URI;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import org.genarm.GenArm;
import org.genarm.cli.console.ExitCode;
import org.genarm.cli.options.CommonOptions;
import org.genarm.guidance.Guidance;
import org.genarm.server.GenArmServer;
import org.genarm.server.ServerConfig;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code genarm bench serve}: streams from a running server, or from one that is started for it. */
@Command(
    name = "serve",
    description = "What clients of a server see: time to the first token, between tokens and to the end; guided, and then"
        + " with every weight 0. Serves --base itself unless there is a --url.",
    mixinStandardHelpOptions = true)
final class BenchServeCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private CommonOptions common;
  @Mixin private BenchOptions options;

  @Option(names = "--url", paramLabel = "URL", description = "a running server's, as http://127.0.0.1:8000")
  private URI url;

  @Option(names = "--api-key", paramLabel = "KEY", description = "what opens it")
  private String apiKey;

  @Option(names = "--prompts", paramLabel = "F.jsonl", description = "objects with a prompt or messages, and fields of"
      + " their own; default: random ids of --input-len")
  private Path prompts;

  @Option(names = "--num-prompts", defaultValue = "64", paramLabel = "N", description = "requests (64)")
  private int numPrompts;

  @Option(names = "--request-rate", paramLabel = "R", description = "arrivals a second, at random (Poisson); default: all"
      + " at once")
  private Double requestRate;

  @Option(names = "--max-concurrency", paramLabel = "N", description = "streams at a time; default: all")
  private Integer maxConcurrency;

  @Option(names = "--num-warmups", defaultValue = "8", paramLabel = "N", description = "requests before those that count"
      + " (8)")
  private int warmUps;

  @Option(names = "--weight", paramLabel = "NAME=W", split = ";", description = "of a reward model in the guided run;"
      + " repeatable. Default: the server's")
  private Map<String, Double> weights = new LinkedHashMap<>();

  @Option(names = "--max-num-seqs", defaultValue = "64", paramLabel = "N", description = "completions at a time of a"
      + " server that is started (64)")
  private int maxNumSeqs;

  @Override
  public Integer call() throws Exception {
    check();
    if (url != null) {
      measure(url);
      return ExitCode.OK;
    }
    int queue = Math.max(numPrompts, warmUps) + 1;
    try (GenArm genArm = options.builder(common).maxSequences(maxNumSeqs).maxQueue(queue).build();
        GenArmServer server = GenArmServer.start(ServerConfig.local("base", 0))) {
      server.open(genArm);
      measure(URI.create(server.url()));
    }
    return ExitCode.OK;
  }

  private void check() {
    if (url == null) {
      common.check();
    } else if (url.getHost() == null) {
      throw common.usage("--url: expected one like http://127.0.0.1:8000, got '" + url + "'");
    }
    options.requirePositive("--input-len", options.inputLength());
    options.requirePositive("--output-len", options.outputLength());
    options.requirePositive("--num-prompts", numPrompts);
    options.requirePositive("--max-num-seqs", maxNumSeqs);
    if (maxConcurrency != null) {
      options.requirePositive("--max-concurrency", maxConcurrency);
    }
    if (warmUps < 0) {
      throw common.usage("--num-warmups: expected at least 0, got " + warmUps);
    }
    if (requestRate != null && !(requestRate > 0 && Double.isFinite(requestRate))) {
      throw common.usage("--request-rate: expected above 0, got " + requestRate);
    }
    weights.forEach(Guidance::weight);
  }

  private void measure(URI server) throws Exception {
    BenchClient client = new BenchClient(server, apiKey);
    BenchPrompts requests = prompts == null
        ? BenchPrompts.random(client, options)
        : BenchPrompts.read(prompts, client, options);
    BenchLoad load = new BenchLoad(client, requests, requestRate, maxConcurrency);
    Map<String, Double> off = new LinkedHashMap<>();
    client.arms().forEach(arm -> off.put(arm, 0.0));
    load.run(warmUps, weights);
    load.run(warmUps, off);
    BenchLoad.Outcome guided = load.run(numPrompts, weights);
    BenchLoad.Outcome unguided = off.isEmpty() ? guided : load.run(numPrompts, off);

    if (options.json()) {
      ObjectNode report = options.report("serve");
      report.put("num_prompts", numPrompts);
      report.put("request_rate", requestRate);
      report.put("max_concurrency", maxConcurrency);
      report.setAll(guided.toJson(""));
      report.setAll(unguided.toJson("unguided_"));
      report.put("price_of_guidance", unguided.tokensPerSecond() / guided.tokensPerSecond());
      options.print(report);
    } else {
      BenchServeTable.print(spec.commandLine().getOut(), guided.toJson(""), unguided.toJson(""));
    }
  }
}

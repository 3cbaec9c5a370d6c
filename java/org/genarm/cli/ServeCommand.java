package org.genarm.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.genarm.GenArm;
import org.genarm.GenArmBuilder;
import org.genarm.checkpoint.CheckpointException;
import org.genarm.cli.console.ExitCode;
import org.genarm.cli.options.CommonOptions;
import org.genarm.cli.options.RequestOptions;
import org.genarm.server.GenArmServer;
import org.genarm.server.ServerConfig;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import sun.misc.Signal;

/** {@code genarm serve} */
@Command(
    name = "serve",
    description = "Serves OpenAI's completions and chat over HTTP, with live guidance and a page to play with at /.",
    mixinStandardHelpOptions = true)
final class ServeCommand implements Callable<Integer> {
  private static final int TERMINATED = 143;

  @Spec private CommandSpec spec;
  @Mixin private CommonOptions common;
  @Mixin private RequestOptions requests;

  @Option(names = "--host", defaultValue = "127.0.0.1", paramLabel = "ADDRESS", description = "where to listen")
  private String host;

  @Option(names = "--port", defaultValue = "8000", paramLabel = "N", description = "0: a free one")
  private int port;

  @Option(names = "--api-key", split = ";", paramLabel = "KEY", description = "opens /v1; repeatable. Default: no key")
  private List<String> apiKeys = new ArrayList<>();

  @Option(names = "--api-key-file", paramLabel = "FILE", description = "one key a line")
  private Path apiKeyFile;

  @Option(names = "--cors-origin", split = ";", paramLabel = "ORIGIN", description = "a page that may call; * is any")
  private List<String> corsOrigins = new ArrayList<>();

  @Option(names = "--max-num-seqs", defaultValue = "64", paramLabel = "N", description = "completions at a time")
  private int maxNumSeqs;

  @Option(names = "--max-queue", defaultValue = "1024", paramLabel = "N", description = "completions that may wait")
  private int maxQueue;

  @Option(
      names = "--max-request-bytes",
      defaultValue = "" + ServerConfig.DEFAULT_MAX_REQUEST_BYTES,
      paramLabel = "BYTES",
      description = "the longest body")
  private int maxRequestBytes;

  @Option(names = "--body-timeout", defaultValue = "30", paramLabel = "SECONDS", description = "until a body has come")
  private int bodySeconds;

  @Option(
      names = "--request-timeout",
      defaultValue = "600",
      paramLabel = "SECONDS",
      description = "until a generation has ended, its wait in the queue included")
  private int requestSeconds;

  @Option(
      names = "--drain-seconds",
      defaultValue = "30",
      paramLabel = "SECONDS",
      description = "after SIGTERM, until running generations have ended")
  private int drainSeconds;

  @Override
  public Integer call() throws Exception {
    common.check();
    requests.check(common);
    GenArmBuilder builder = requests.builder(common).maxSequences(maxNumSeqs).maxQueue(maxQueue);
    CountDownLatch terminated = terminated();
    PrintWriter err = spec.commandLine().getErr();
    try (GenArmServer server = GenArmServer.start(config())) {
      err.println("genarm: listening on " + server.url());
      try (GenArm genArm = builder.build()) {
        server.open(genArm);
        err.println("genarm: ready");
        terminated.await();
        err.println("genarm: draining " + server.running() + " requests");
        err.println(server.drain() ? "genarm: drained" : "genarm: --drain-seconds are over, the rest was cut off");
        server.close();
      }
    }
    return ExitCode.OK;
  }

  private ServerConfig config() {
    return new ServerConfig(host, port, keys(), requests.modelName(common), corsOrigins,
        maxRequestBytes, Duration.ofSeconds(bodySeconds), Duration.ofSeconds(requestSeconds),
        Duration.ofSeconds(drainSeconds), requests.template(), requests.armTemplates(common));
  }

  private Set<String> keys() {
    Set<String> keys = new LinkedHashSet<>(apiKeys);
    if (apiKeyFile != null) {
      try {
        Files.readAllLines(apiKeyFile).stream().map(String::strip).filter(line -> !line.isEmpty()).forEach(keys::add);
      } catch (IOException e) {
        throw new CheckpointException(apiKeyFile, "a readable file of API keys", e);
      }
      if (keys.isEmpty()) {
        throw new CheckpointException(apiKeyFile, "at least one API key", "none");
      }
    }
    return keys;
  }

  /** The first SIGTERM or SIGINT is to drain; the second is meant. */
  private static CountDownLatch terminated() {
    CountDownLatch latch = new CountDownLatch(1);
    for (String name : List.of("TERM", "INT")) {
      Signal.handle(new Signal(name), signal -> {
        if (latch.getCount() == 0) {
          Runtime.getRuntime().halt(TERMINATED);
        }
        latch.countDown();
      });
    }
    return latch;
  }
}

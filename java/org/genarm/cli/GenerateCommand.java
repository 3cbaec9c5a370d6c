package org.genarm.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.genarm.GenArm;
import org.genarm.GenArmBuilder;
import org.genarm.Request;
import org.genarm.Result;
import org.genarm.cli.console.ExitCode;
import org.genarm.cli.console.Terminal;
import org.genarm.cli.options.CommonOptions;
import org.genarm.cli.options.PromptOptions;
import org.genarm.cli.options.SamplingOptions;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code genarm generate} */
@Command(
    name = "generate",
    description = "Generates text (or token ids, where the base has no tokenizer) under the reward models' guidance.",
    mixinStandardHelpOptions = true)
final class GenerateCommand implements Callable<Integer> {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int MOST_AT_ONCE = 16;

  @Spec private CommandSpec spec;
  @Mixin private CommonOptions common;
  @Mixin private PromptOptions prompt;
  @Mixin private SamplingOptions sampling;

  @Option(names = "--max-new-tokens", defaultValue = "128", paramLabel = "N", description = "the longest completion")
  private int maxNewTokens;

  @Option(names = "--seed", paramLabel = "N", description = "the same seed gives the same tokens; default: a random one")
  private Long seed;

  @Option(names = "--stop", paramLabel = "TEXT", description = "ends the text before it; repeatable")
  private List<String> stop = new ArrayList<>();

  @Option(names = "--ignore-eos", description = "goes on after an end-of-sequence token")
  private boolean ignoreEos;

  @Option(names = "--n", defaultValue = "1", paramLabel = "N", description = "completions, each with noise of its own")
  private int n;

  @Option(names = "--json", description = "one JSON object; a list of them for --n above 1")
  private boolean json;

  @Override
  public Integer call() throws Exception {
    common.check();
    Request request = request();
    GenArmBuilder builder = common.builder().maxSequences(Math.min(n, MOST_AT_ONCE)).maxQueue(n);
    prompt.applyTemplates(builder, common);
    try (GenArm genArm = builder.build()) {
      print(genArm, request);
    }
    return ExitCode.OK;
  }

  /** Whatever can be refused before a model is loaded is refused here. */
  private Request request() {
    Request.Builder request = prompt.request(common)
        .sampling(sampling.params())
        .maxNewTokens(maxNewTokens)
        .n(n)
        .stop(stop.toArray(String[]::new))
        .ignoreEos(ignoreEos);
    if (seed != null) {
      request.seed(seed);
    }
    return request.build();
  }

  private void print(GenArm genArm, Request request) throws IOException, InterruptedException {
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      out.println(JSON.writeValueAsString(toJson(genArm.generate(request), genArm.hasTokenizer())));
    } else if (n == 1 && genArm.hasTokenizer() && Terminal.STANDARD_OUTPUT.isTerminal()) {
      genArm.stream(request, piece -> {
        out.print(piece.text());
        out.flush();
      });
      out.println();
    } else {
      for (Result.Choice choice : genArm.generate(request).choices()) {
        out.println(genArm.hasTokenizer() ? choice.text() : ids(choice));
      }
    }
  }

  private static String ids(Result.Choice choice) {
    return choice.tokenIds().stream().map(String::valueOf).collect(Collectors.joining(","));
  }

  private static JsonNode toJson(Result result, boolean hasText) {
    ArrayNode choices = JSON.createArrayNode();
    for (Result.Choice choice : result.choices()) {
      ObjectNode object = choices.addObject();
      object.put("text", hasText ? choice.text() : null);
      ArrayNode ids = object.putArray("token_ids");
      choice.tokenIds().forEach(ids::add);
      object.put("finish_reason", choice.finishReason().label());
      object.put("seed", result.seed());
      object.putObject("usage")
          .put("prompt_tokens", result.promptTokens())
          .put("completion_tokens", choice.tokenIds().size());
      object.putObject("timings")
          .put("queue_ms", choice.timings().queueMs())
          .put("first_token_ms", choice.timings().firstTokenMs())
          .put("decode_ms", choice.timings().decodeMs())
          .put("drafted_tokens", choice.timings().draftedTokens())
          .put("accepted_tokens", choice.timings().acceptedTokens());
    }
    return choices.size() == 1 ? choices.get(0) : choices;
  }
}

package org.genarm.openai;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import org.genarm.GenArm;
import org.genarm.Request;

/**
 * The fields that completions and chat share: how tokens are drawn, when a completion ends, and how it is answered.
 *
 * @param maxTokens null where neither max_tokens nor max_completion_tokens is there
 * @param returnTokenIds whether a choice tells its tokens' ids too
 */
record GenerationFields(
    int n,
    double temperature,
    double topP,
    int topK,
    double minP,
    double presencePenalty,
    double frequencyPenalty,
    Map<Integer, Double> logitBias,
    Long seed,
    List<String> stop,
    Integer maxTokens,
    int minTokens,
    boolean ignoreEos,
    boolean stream,
    boolean includeUsage,
    boolean returnTokenIds,
    GuidanceField guidance) {
  static final int MAX_LOGPROBS = 20;
  private static final double MAX_PENALTY = 2;
  private static final double MAX_BIAS = 100;
  private static final int MAX_BIASES = 1024;
  private static final int MAX_STOPS = 64;
  private static final int MAX_STOP_CHARACTERS = 1024;

  private static final Pattern TOKEN_ID = Pattern.compile("\\d{1,9}");

  /** What OpenAI's clients send along and nothing here depends on. */
  private static final Set<String> WITHOUT_EFFECT = Set.of("user", "metadata", "store", "service_tier",
      "parallel_tool_calls", "prompt_cache_key", "safety_identifier");

  static GenerationFields of(Fields body, GenArm genArm) {
    refuseUnsupported(body);
    WITHOUT_EFFECT.forEach(body::node);
    Integer n = body.integer("n", 1, Integer.MAX_VALUE);
    Double temperature = body.real("temperature", 0, Double.MAX_VALUE);
    Double topP = body.real("top_p", 0, 1);
    if (topP != null && topP.floatValue() <= 0) {
      throw body.refused("top_p", "above 0 and at most 1", body.node("top_p"));
    }
    Integer topK = body.integer("top_k", -1, Integer.MAX_VALUE);
    Double minP = body.real("min_p", 0, 1);
    Double presencePenalty = body.real("presence_penalty", -MAX_PENALTY, MAX_PENALTY);
    Double frequencyPenalty = body.real("frequency_penalty", -MAX_PENALTY, MAX_PENALTY);
    Integer minTokens = body.integer("min_tokens", 0, Integer.MAX_VALUE);
    boolean stream = body.flag("stream");
    return new GenerationFields(
        n == null ? 1 : n,
        temperature == null ? 1 : temperature,
        topP == null ? 1 : topP,
        topK == null ? 0 : topK,
        minP == null ? 0 : minP,
        presencePenalty == null ? 0 : presencePenalty,
        frequencyPenalty == null ? 0 : frequencyPenalty,
        logitBias(body, genArm.config().vocabSize()),
        body.number("seed", Long.MIN_VALUE, Long.MAX_VALUE),
        stops(body),
        maxTokens(body),
        minTokens == null ? 0 : minTokens,
        body.flag("ignore_eos"),
        stream,
        includeUsage(body, stream),
        body.flag("return_token_ids"),
        GuidanceField.of(body, genArm));
  }

  /** By token id, which JSON writes as a name. */
  private static Map<Integer, Double> logitBias(Fields body, int vocabSize) {
    Map<Integer, Double> byToken = new LinkedHashMap<>();
    Fields biases = body.object("logit_bias");
    if (biases == null) {
      return byToken;
    }
    for (String name : biases.names()) {
      int token = TOKEN_ID.matcher(name).matches() ? Integer.parseInt(name) : vocabSize;
      if (token >= vocabSize) {
        throw OpenAiError.field(biases.path(name),
            biases.path(name) + ": expected a token id below the vocabulary's " + vocabSize);
      }
      Double bias = biases.real(name, -MAX_BIAS, MAX_BIAS);
      if (bias != null) {
        byToken.put(token, bias);
      }
    }
    if (byToken.size() > MAX_BIASES) {
      throw OpenAiError.field("logit_bias", "logit_bias may have at most " + MAX_BIASES + " tokens, got " + byToken.size());
    }
    return byToken;
  }

  private static Integer maxTokens(Fields body) {
    Integer longest = body.integer("max_tokens", 0, Integer.MAX_VALUE);
    Integer completion = body.integer("max_completion_tokens", 0, Integer.MAX_VALUE);
    return completion == null ? longest : completion;
  }

  private static List<String> stops(Fields body) {
    List<String> stops = body.texts("stop");
    int characters = stops.stream().mapToInt(String::length).sum();
    if (stops.contains("") || stops.size() > MAX_STOPS || characters > MAX_STOP_CHARACTERS) {
      throw body.refused("stop", "at most " + MAX_STOPS + " strings, none of them empty, with " + MAX_STOP_CHARACTERS
          + " characters together", body.node("stop"));
    }
    return stops;
  }

  private static boolean includeUsage(Fields body, boolean stream) {
    Fields options = body.object("stream_options");
    if (options != null && !stream) {
      throw OpenAiError.field("stream_options", "stream_options is for a stream, and stream is not true");
    }
    return options != null && options.flag("include_usage");
  }

  /** What would change the answer is refused rather than ignored; a value that asks for nothing is let through. */
  private static void refuseUnsupported(Fields body) {
    refuseUnless(body, "repetition_penalty", value -> value.isNumber() && value.doubleValue() == 1);
    refuseUnless(body, "response_format", value -> value.path("type").asText().equals("text"));
    refuseUnless(body, "tools", value -> value.isArray() && value.isEmpty());
    refuseUnless(body, "tool_choice", value -> value.asText().equals("none"));
    refuseUnless(body, "functions", value -> value.isArray() && value.isEmpty());
    refuseUnless(body, "function_call", value -> value.asText().equals("none"));
    refuseUnless(body, "stop_token_ids", value -> value.isArray() && value.isEmpty());
    refuseUnless(body, "suffix", value -> value.asText("-").isEmpty());
    int n = body.has("n") ? body.node("n").asInt() : 1;
    refuseUnless(body, "best_of", value -> value.isInt() && value.intValue() == n);
  }

  private static void refuseUnless(Fields body, String name, Predicate<JsonNode> harmless) {
    JsonNode value = body.node(name);
    if (value != null && !harmless.test(value)) {
      throw OpenAiError.unsupported(name, "");
    }
  }

  /** How a request with these fields is generated; the longest completion and the laws are the endpoint's. */
  void apply(Request.Builder request) {
    request.n(n).temperature(temperature).topP(topP).topK(topK).minP(minP)
        .stop(stop.toArray(String[]::new)).ignoreEos(ignoreEos).minNewTokens(minTokens);
    request.presencePenalty(presencePenalty).frequencyPenalty(frequencyPenalty);
    logitBias.forEach(request::logitBias);
    if (seed != null) {
      request.seed(seed);
    }
    guidance.apply(request);
  }
}

package org.genarm.server;

import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.CounterWithCallback;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.List;
import java.util.function.LongSupplier;
import java.util.function.ToDoubleFunction;
import org.genarm.GenArm;
import org.genarm.engine.EngineLoad;
import org.genarm.openai.Fields;

/** What /metrics tells, in Prometheus' text format; names and buckets are those that vLLM's dashboards know. */
final class Metrics {
  static final String CONTENT_TYPE = PrometheusTextFormatWriter.CONTENT_TYPE;

  private static final double[] FIRST_TOKEN = {0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5,
      5, 7.5, 10, 20, 40, 80, 160, 640, 2560};
  private static final double[] BETWEEN_TOKENS = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3,
      0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80};
  private static final double[] REQUEST = {0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480,
      960, 1920, 7680};

  private final PrometheusRegistry registry = new PrometheusRegistry();
  private final Counter promptTokens = counter("genarm_prompt_tokens_total", "Prompt tokens of the base");
  private final Counter generationTokens = counter("genarm_generation_tokens_total", "Generated tokens");
  private final Counter requests = Counter.builder().name("genarm_requests_total")
      .help("Completions that ended").labelNames("finish_reason").register(registry);
  private final Counter responses = Counter.builder().name("genarm_http_responses_total")
      .help("HTTP responses").labelNames("status").register(registry);
  private final Counter unknownFields = counter("genarm_unknown_fields_total", "Fields of requests that were ignored");
  private final Counter guidanceChanges = counter("genarm_guidance_changes_total", "Changes of running generations");
  private final Histogram firstToken = histogram("genarm_time_to_first_token_seconds",
      "From a request's submission to its first token", FIRST_TOKEN);
  private final Histogram betweenTokens = histogram("genarm_inter_token_latency_seconds",
      "Between a completion's tokens", BETWEEN_TOKENS);
  private final Histogram request = histogram("genarm_e2e_request_latency_seconds",
      "From a request's submission to its end", REQUEST);
  private final Histogram queue = histogram("genarm_queue_time_seconds",
      "From a request's submission to its first step", REQUEST);

  private Counter counter(String name, String help) {
    return Counter.builder().name(name).help(help).register(registry);
  }

  private Histogram histogram(String name, String help, double[] buckets) {
    return Histogram.builder().name(name).help(help).classicOnly().classicUpperBounds(buckets).register(registry);
  }

  /** Tells how busy the engine is from here on. */
  void observe(GenArm genArm) {
    gauge("genarm_requests_running", "Completions that have a slot", genArm, EngineLoad::running);
    gauge("genarm_requests_waiting", "Completions in the queue", genArm, EngineLoad::waiting);
    counter("genarm_preemptions_total", "Completions that gave their pages back and were computed again", genArm,
        EngineLoad::preemptions);
    counter("genarm_prefix_cache_queries_total", "Tokens that models were to read, shared ones among them", genArm,
        EngineLoad::prefixQueriedTokens);
    counter("genarm_prefix_cache_hits_total", "Tokens that models had from shared pages", genArm,
        EngineLoad::prefixHitTokens);
    count("genarm_spec_decode_num_draft_tokens_total", "Drafted tokens that were verified",
        () -> genArm.speculation().drafted());
    count("genarm_spec_decode_num_accepted_tokens_total", "Drafted tokens that the law drew",
        () -> genArm.speculation().accepted());
    GaugeWithCallback.builder().name("genarm_kv_cache_usage_ratio").help("Share of a model's KV pages that is taken")
        .labelNames("model")
        .callback(gauge -> {
          List<Double> usage = genArm.load().kvUsage();
          for (int view = 0; view < usage.size(); view++) {
            gauge.call(usage.get(view), view == 0 ? "base" : genArm.arms().get(view - 1));
          }
        })
        .register(registry);
  }

  private void count(String name, String help, LongSupplier value) {
    CounterWithCallback.builder().name(name).help(help)
        .callback(counter -> counter.call(value.getAsLong())).register(registry);
  }

  private void gauge(String name, String help, GenArm genArm, ToDoubleFunction<EngineLoad> value) {
    GaugeWithCallback.builder().name(name).help(help)
        .callback(gauge -> gauge.call(value.applyAsDouble(genArm.load()))).register(registry);
  }

  private void counter(String name, String help, GenArm genArm, ToDoubleFunction<EngineLoad> value) {
    CounterWithCallback.builder().name(name).help(help)
        .callback(counter -> counter.call(value.applyAsDouble(genArm.load()))).register(registry);
  }

  void promptTokens(int count) {
    promptTokens.inc(count);
  }

  void generationTokens(int count) {
    generationTokens.inc(count);
  }

  void request(String finishReason, double seconds) {
    requests.labelValues(finishReason).inc();
    request.observe(seconds);
  }

  void queued(double seconds) {
    queue.observe(seconds);
  }

  void timeToFirstToken(double seconds) {
    firstToken.observe(seconds);
  }

  void interTokenSeconds(double seconds) {
    betweenTokens.observe(seconds);
  }

  void response(int status) {
    responses.labelValues(String.valueOf(status)).inc();
  }

  void unknownFields(int count) {
    unknownFields.inc(count);
  }

  void guidanceChange() {
    guidanceChanges.inc();
  }

  byte[] text() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try {
      PrometheusTextFormatWriter.create().write(out, registry.scrape());
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
    return out.toByteArray();
  }
}

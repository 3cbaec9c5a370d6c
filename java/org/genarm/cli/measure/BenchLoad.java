package org.genarm.cli.measure;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;

/** Sends requests as they arrive, at a rate or as soon as there is room for another stream, and waits for all. */
final class BenchLoad {
  private final BenchClient client;
  private final BenchPrompts prompts;
  private final Double requestRate;
  private final Integer maxConcurrency;
  private int sent;

  /** requestRate: arrivals a second, null for all at once. maxConcurrency: streams at a time, null for all. */
  BenchLoad(BenchClient client, BenchPrompts prompts, Double requestRate, Integer maxConcurrency) {
    this.client = client;
    this.prompts = prompts;
    this.requestRate = requestRate;
    this.maxConcurrency = maxConcurrency;
  }

  /**
   * Runs so many requests to their end. Each run has prompts of its own, as the next ones of the same kind.
   *
   * @param weights of the reward models; those that are not named have the server's
   * @throws IllegalArgumentException where none was answered
   */
  Outcome run(int count, Map<String, Double> weights) throws InterruptedException {
    Semaphore room = new Semaphore(maxConcurrency == null ? Math.max(1, count) : maxConcurrency);
    AtomicInteger open = new AtomicInteger();
    int peak = 0;
    SplittableRandom arrivals = new SplittableRandom(count);
    List<CompletableFuture<StreamTimes>> streams = new ArrayList<>();
    long start = System.nanoTime();
    double dueSeconds = 0;
    for (int i = 0; i < count; i++) {
      if (requestRate != null) {
        dueSeconds -= Math.log(1 - arrivals.nextDouble()) / requestRate;
        Thread.sleep(Math.max(0, (long) (dueSeconds * 1e3) - (System.nanoTime() - start) / 1_000_000));
      }
      room.acquire();
      peak = Math.max(peak, open.incrementAndGet());
      streams.add(client.stream(prompts.body(sent++, weights)).whenComplete((times, failure) -> {
        open.decrementAndGet();
        room.release();
      }));
    }
    List<StreamTimes> ended = new ArrayList<>();
    long last = start;
    String refusal = null;
    for (CompletableFuture<StreamTimes> stream : streams) {
      StreamTimes times = stream.join();
      last = Math.max(last, times.endNanos());
      if (times.failure() == null) {
        ended.add(times);
      } else {
        refusal = times.failure();
      }
    }
    if (ended.isEmpty() && count > 0) {
      throw new IllegalArgumentException("no request was answered: " + refusal);
    }
    return new Outcome(ended, count - ended.size(), peak, (last - start) / 1e9);
  }

  /**
   * What a run came to.
   *
   * @param streams those that came to their end
   * @param failed requests that were refused or cut off
   * @param peak streams that were open at a time
   */
  record Outcome(List<StreamTimes> streams, int failed, int peak, double seconds) {
    private int tokens() {
      return streams.stream().mapToInt(StreamTimes::tokens).sum();
    }

    private int promptTokens() {
      return streams.stream().mapToInt(StreamTimes::promptTokens).sum();
    }

    double tokensPerSecond() {
      return tokens() / seconds;
    }

    private List<Double> perOutputToken() {
      return streams.stream().filter(one -> one.tokens() > 1)
          .map(one -> (one.endToEndMs() - one.firstTokenMs()) / (one.tokens() - 1)).toList();
    }

    /** Each name begins with the prefix. */
    ObjectNode toJson(String prefix) {
      ObjectNode json = JsonNodeFactory.instance.objectNode();
      json.put(prefix + "completed", streams.size()).put(prefix + "failed", failed);
      json.put(prefix + "peak_concurrency", peak);
      json.put(prefix + "elapsed_s", seconds);
      json.put(prefix + "requests_per_second", streams.size() / seconds);
      json.put(prefix + "tokens_per_second", tokensPerSecond());
      json.put(prefix + "total_tokens_per_second", (promptTokens() + tokens()) / seconds);
      put(json, prefix + "time_to_first_token_ms", streams.stream().map(StreamTimes::firstTokenMs).toList());
      put(json, prefix + "inter_token_ms", streams.stream().flatMap(one -> one.interTokenMs().stream()).toList());
      put(json, prefix + "time_per_output_token_ms", perOutputToken());
      put(json, prefix + "end_to_end_ms", streams.stream().map(StreamTimes::endToEndMs).toList());
      return json;
    }

    private static void put(ObjectNode json, String name, List<Double> values) {
      if (!values.isEmpty()) {
        json.set(name, Spread.of(values, 1));
      }
    }
  }
}

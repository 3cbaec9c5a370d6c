package org.genarm.cli.measure;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Flow;
import org.genarm.checkpoint.Json;

/**
 * One stream as its client sees it: when it was asked for, when its tokens came and when it ended, in milliseconds. The
 * connection's thread writes; it is read once the stream has ended.
 */
final class StreamTimes implements Flow.Subscriber<String> {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String DATA = "data: ";

  private final long askedNanos = System.nanoTime();
  private final List<Double> gaps = new ArrayList<>();
  private final StringBuilder refusal = new StringBuilder();
  private int status;
  private boolean done;
  private int promptTokens;
  private int tokens;
  private long firstNanos;
  private long lastNanos;
  private long endNanos;
  private String failure;

  HttpResponse.BodyHandler<Void> handler() {
    return answer -> {
      status = answer.statusCode();
      return HttpResponse.BodySubscribers.fromLineSubscriber(this, self -> null, StandardCharsets.UTF_8, "\n");
    };
  }

  @Override
  public void onSubscribe(Flow.Subscription subscription) {
    subscription.request(Long.MAX_VALUE);
  }

  @Override
  public void onNext(String line) {
    if (status != 200) {
      refusal.append(line);
    } else if (line.equals("data: [DONE]")) {
      done = true;
    } else if (line.startsWith(DATA)) {
      event(line.substring(DATA.length()), System.nanoTime());
    }
  }

  private void event(String data, long now) {
    try {
      JsonNode event = JSON.readTree(data);
      if (event.has("error")) {
        failure = event.get("error").path("message").asText();
      }
      promptTokens = event.path("usage").path("prompt_tokens").asInt(promptTokens);
      int count = 0;
      for (JsonNode choice : event.path("choices")) {
        count += count(choice);
      }
      if (count > 0) {
        came(count, now);
      }
    } catch (JsonProcessingException e) {
      failure = "an event is not valid JSON: " + Json.reason(e);
    }
  }

  /** A server that does not tell token ids is taken to send each token by itself. */
  private static int count(JsonNode choice) {
    JsonNode ids = choice.get("token_ids");
    if (ids != null) {
      return ids.size();
    }
    String text = choice.path("text").asText("") + choice.path("delta").path("content").asText("");
    return text.isEmpty() ? 0 : 1;
  }

  /** Tokens that come together share the time since the last ones. */
  private void came(int count, long now) {
    if (tokens == 0) {
      firstNanos = now;
    } else {
      for (int i = 0; i < count; i++) {
        gaps.add((now - lastNanos) / 1e6 / count);
      }
    }
    tokens += count;
    lastNanos = now;
  }

  @Override
  public void onError(Throwable broken) {
    failure = broken.toString();
  }

  @Override
  public void onComplete() {}

  void ended(Throwable broken) {
    endNanos = System.nanoTime();
    if (broken != null) {
      failure = (broken.getCause() == null ? broken : broken.getCause()).toString();
    } else if (status != 200) {
      failure = "HTTP " + status + " " + refusal;
    } else if (failure == null && (!done || tokens == 0)) {
      failure = done ? "the stream has no token" : "the stream was cut off";
    }
  }

  /** Why it did not come to its end, or null. */
  String failure() {
    return failure;
  }

  int promptTokens() {
    return promptTokens;
  }

  int tokens() {
    return tokens;
  }

  long endNanos() {
    return endNanos;
  }

  double firstTokenMs() {
    return (firstNanos - askedNanos) / 1e6;
  }

  double endToEndMs() {
    return (endNanos - askedNanos) / 1e6;
  }

  /** Between its tokens, those of the first chunk left out. */
  List<Double> interTokenMs() {
    return gaps;
  }
}

package org.genarm.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** A server that shuts down. */
class DrainTest {
  private static final String LONG =
      "{\"prompt\": \"The year\", \"max_tokens\": 480, \"ignore_eos\": true, \"seed\": 1, \"stream\": true}";

  private static CompletableFuture<HttpResponse<String>> start(ServedDemo demo) throws InterruptedException {
    int before = demo.server.running();
    var answer = demo.client.sendAsync(
        demo.request("/v1/completions").POST(HttpRequest.BodyPublishers.ofString(LONG)).build(),
        HttpResponse.BodyHandlers.ofString());
    for (int i = 0; demo.server.running() == before; i++) {
      assertTrue(i < 4000 && !answer.isCompletedExceptionally(), "it starts");
      Thread.sleep(1);
    }
    return answer;
  }

  @Test
  void whatRunsComesToItsEndAndNothingElseBegins() throws Exception {
    try (ServedDemo demo = ServedDemo.open()) {
      var running = start(demo);
      CompletableFuture<Boolean> drained = new CompletableFuture<>();
      Thread drain = new Thread(() -> {
        try {
          drained.complete(demo.server.drain());
        } catch (InterruptedException e) {
          drained.completeExceptionally(e);
        }
      });
      drain.start();
      while (demo.get("/ready").status() == 200) {
        Thread.sleep(1);
      }

      var refused = demo.post("/v1/completions", LONG);

      assertEquals(503, refused.status());
      assertEquals("shutting_down", refused.error("code"));
      assertEquals("1", refused.header("Retry-After"));
      assertEquals("draining", demo.get("/ready").json().get("status").asText());
      assertTrue(drained.get());
      List<JsonNode> events = ServedDemo.events(running.get().body());
      assertEquals("length",
          events.get(events.size() - 1).get("choices").get(0).get("finish_reason").asText());
      assertEquals(200, demo.get("/health").status());
    }
  }

  @Test
  void whatDoesNotEndInTimeEndsWithAnError() throws Exception {
    try (ServedDemo demo = ServedDemo.open(4, 8, config ->
        config.withTimeouts(Duration.ofSeconds(5), Duration.ofSeconds(60), Duration.ZERO))) {
      var running = start(demo);

      assertFalse(demo.server.drain());

      HttpResponse<String> response = running.get();
      String error = response.statusCode() == 503
          ? ServedDemo.json(response.body()).get("error").get("code").asText()
          : lastError(response);
      assertEquals("shutting_down", error);
      assertTrue(demo.comesToRest());
    }
  }

  private static String lastError(HttpResponse<String> response) throws Exception {
    List<JsonNode> events = ServedDemo.events(response.body());
    return events.get(events.size() - 1).path("error").path("code").asText();
  }

  @Test
  void closingCutsOffWhatRunsAndASecondCloseIsHarmless() throws Exception {
    ServedDemo demo = ServedDemo.open();
    var running = start(demo);

    demo.close();
    demo.close();

    assertTrue(running.handle((response, failure) -> failure != null || response.body().contains("shutting_down"))
        .get());
  }
}

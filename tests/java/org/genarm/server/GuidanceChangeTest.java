package org.genarm.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The trade-off of a generation that is running changes from its next token on. */
class GuidanceChangeTest {
  private static final String BODY = "{'prompt': 'The year', 'seed': 9, 'max_tokens': 480, 'ignore_eos': true,"
      + "'stream': true, 'return_token_ids': true, 'guidance': {'weights': {'positive': 0, 'plain': 0}}}";
  private static ServedDemo demo;

  @BeforeAll
  static void open() {
    demo = ServedDemo.open();
  }

  @AfterAll
  static void close() {
    demo.close();
  }

  private static ServedDemo.Answer change(String id, String body) throws Exception {
    return demo.send(demo.request("/v1/generations/" + id + "/guidance")
        .method("PATCH", HttpRequest.BodyPublishers.ofString(body.replace('\'', '"'))));
  }

  /** A stream that is read event by event. */
  private static final class Stream implements AutoCloseable {
    private final BufferedReader reader;

    Stream(String body) throws Exception {
      reader = new BufferedReader(new InputStreamReader(demo.client.send(
          demo.request("/v1/completions")
              .POST(HttpRequest.BodyPublishers.ofString(body.replace('\'', '"'))).build(),
          HttpResponse.BodyHandlers.ofInputStream()).body(), StandardCharsets.UTF_8));
    }

    /** The next event, or null at the end. */
    JsonNode next() throws Exception {
      String data = reader.readLine();
      reader.readLine();
      return data.equals("data: [DONE]") ? null : ServedDemo.json(data.substring("data: ".length()));
    }

    @Override
    public void close() throws Exception {
      reader.close();
    }
  }

  private static List<Integer> tokens(JsonNode event) {
    List<Integer> ids = new ArrayList<>();
    event.get("choices").get(0).get("token_ids").forEach(id -> ids.add(id.asInt()));
    return ids;
  }

  @Test
  void aChangeActsOnTheRestAlone() throws Exception {
    List<Integer> unchanged = new ArrayList<>();
    demo.stream("/v1/completions", BODY).forEach(event -> unchanged.addAll(tokens(event)));

    List<Integer> changed = new ArrayList<>();
    int before;
    try (Stream stream = new Stream(BODY)) {
      JsonNode event = stream.next();
      changed.addAll(tokens(event));
      before = changed.size();
      var answer = change(event.get("id").asText(), "{'weights': {'positive': 3, 'plain': -1}}");
      assertEquals(200, answer.status(), answer.response().body());
      assertEquals(3, answer.json().get("weights").get("positive").asDouble());
      assertEquals(event.get("id"), answer.json().get("id"));
      for (event = stream.next(); event != null; event = stream.next()) {
        changed.addAll(tokens(event));
      }
    }

    assertEquals(480, changed.size());
    int same = 0;
    while (same < 480 && changed.get(same).equals(unchanged.get(same))) {
      same++;
    }
    assertTrue(same >= before, "what came before the change is as it was: " + same + " of " + before);
    assertTrue(same < 480, "the change acts");
    assertTrue(demo.comesToRest());
  }

  @Test
  void aChangeThatChangesNothingLeavesTheTokens() throws Exception {
    List<Integer> unchanged = new ArrayList<>();
    demo.stream("/v1/completions", BODY).forEach(event -> unchanged.addAll(tokens(event)));

    List<Integer> tokens = new ArrayList<>();
    try (Stream stream = new Stream(BODY)) {
      for (JsonNode event = stream.next(); event != null; event = stream.next()) {
        tokens.addAll(tokens(event));
        if (tokens.size() < 400) {
          change(event.get("id").asText(), "{'weights': {'positive': 0}}");
        }
      }
    }

    assertEquals(unchanged, tokens);
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
    "weights.joy        | {'weights': {'joy': 1}}",
    "weights.plain      | {'weights': {'plain': 1e308}}",
    "weights.plain      | {'weights': {'plain': 'a lot'}}",
    "weights            | {'weights': {}}",
    "weights            | {}",
    "weight             | {'weight': {'plain': 1}}",
    "preferences.plain  | {'weights': {'plain': 1}, 'preferences': {'plain': [1]}}",
    "                   | {'weights': {'plain': NaN}}"
  })
  void aChangeThatDoesNotFitIsRefused(String param, String body) throws Exception {
    try (Stream stream = new Stream(BODY)) {
      var answer = change(stream.next().get("id").asText(), body);

      assertEquals(400, answer.status(), answer.response().body());
      assertEquals(param, answer.error("param"));
    }
  }

  @Test
  void whatHasEndedIsNotFound() throws Exception {
    String id = demo.complete("{'prompt': 'The year', 'max_tokens': 1}").json().get("id").asText();

    var answer = change(id, "{'weights': {'plain': 1}}");

    assertEquals(404, answer.status());
    assertEquals("generation_not_found", answer.error("code"));
  }
}

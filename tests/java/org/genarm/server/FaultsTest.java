package org.genarm.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Clients that misbehave. */
class FaultsTest {
  private static final String LONG = "{\"prompt\": \"The year\", \"max_tokens\": 480, \"ignore_eos\": true, \"n\": 4,"
      + " \"seed\": 1, \"stream\": true}";
  private static ServedDemo demo;

  @BeforeAll
  static void open() {
    demo = ServedDemo.open(4, 8, config ->
        config.withTimeouts(Duration.ofMillis(400), Duration.ofSeconds(60), Duration.ofSeconds(5)));
  }

  @AfterAll
  static void close() {
    demo.close();
  }

  private static Socket connect() throws IOException {
    Socket socket = new Socket("127.0.0.1", demo.server.port());
    socket.setSoTimeout(20_000);
    return socket;
  }

  private static void send(Socket socket, String path, int length, String body) throws IOException {
    socket.getOutputStream().write(("POST " + path + " HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        + "Content-Length: " + length + "\r\n\r\n" + body).getBytes(StandardCharsets.UTF_8));
    socket.getOutputStream().flush();
  }

  @Test
  void aClientThatGoesCancelsItsGeneration() throws Exception {
    double tokens = demo.metric("genarm_generation_tokens_total");
    try (Socket socket = connect()) {
      send(socket, "/v1/completions", LONG.length(), LONG);
      assertTrue(socket.getInputStream().read() >= 0);
    }

    assertTrue(demo.comesToRest());
    assertTrue(demo.metric("genarm_generation_tokens_total") - tokens < 4 * 480, "it did not run to its end");
    assertTrue(demo.metric("genarm_requests_total{finish_reason=\"cancelled\"}") >= 4);
  }

  @Test
  void aClientThatGoesFromTheQueueLeavesIt() throws Exception {
    try (Socket running = connect(); Socket waiting = connect()) {
      send(running, "/v1/completions", LONG.length(), LONG);
      assertTrue(running.getInputStream().read() >= 0);
      send(waiting, "/v1/completions", LONG.length(), LONG);
      awaitWaiting(4);
      waiting.close();
      awaitWaiting(0);
    }
    assertTrue(demo.comesToRest());
  }

  private static void awaitWaiting(int count) throws InterruptedException {
    for (int i = 0; demo.genArm.load().waiting() != count; i++) {
      assertTrue(i < 4000, "waiting: " + demo.genArm.load().waiting() + ", expected " + count);
      Thread.sleep(5);
    }
  }

  @Test
  void aBodyThatStopsHalfwayIsGivenUp() throws Exception {
    try (Socket socket = connect()) {
      send(socket, "/v1/completions", 1000, "{\"prompt\": ");

      String answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

      assertTrue(answer.startsWith("HTTP/1.1 408"), answer);
      assertTrue(answer.contains("body_timeout"), answer);
    }
  }

  @Test
  void aBodyThatIsCutOffLeavesNothing() throws Exception {
    try (Socket socket = connect()) {
      send(socket, "/v1/completions", 1000, "{\"prompt\": ");
    }

    assertTrue(demo.comesToRest());
    assertEquals(200, demo.get("/health").status());
  }

  @Test
  void aHeadThatStopsHalfwayIsGivenUp() throws Exception {
    try (Socket socket = connect()) {
      socket.getOutputStream().write("POST /v1/completions HT".getBytes(StandardCharsets.UTF_8));

      assertEquals(-1, socket.getInputStream().read());
    }
  }

  @Test
  void whatIsNotHttpIsRefused() throws Exception {
    try (Socket socket = connect()) {
      socket.getOutputStream().write("\u0016\u0003\u0001 nonsense\r\n\r\n".getBytes(StandardCharsets.UTF_8));

      String answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

      assertTrue(answer.isEmpty() || answer.matches("(?s)HTTP/1\\.[01] 400.*"), answer);
    }
    assertEquals(200, demo.get("/health").status());
  }

  @Test
  void tenMegabytesOfJsonAreTooMany() throws Exception {
    var answer = demo.post("/v1/completions", "{'prompt': '" + "a".repeat(10_000_000) + "'}");

    assertEquals(413, answer.status());
    assertEquals("request_too_large", answer.error("code"));
  }

  @Test
  void aLengthBeyondAllReasonIsRefusedAtOnce() throws Exception {
    try (Socket socket = connect()) {
      send(socket, "/v1/completions", Integer.MAX_VALUE, "");

      String answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

      assertTrue(answer.startsWith("HTTP/1.1 413"), answer);
    }
  }

  @Test
  void aHeaderThatIsTooLongIsRefused() throws Exception {
    var answer = demo.send(demo.request("/health").header("X-Long", "a".repeat(20_000)).GET());

    assertEquals(431, answer.status());
  }

  @Test
  void aSlowReaderGetsEverythingAndHoldsUpNobody() throws Exception {
    // More than the system's own buffers between the two take.
    String body = "{\"messages\": [{\"role\": \"user\", \"content\": \"The year\"}], \"max_tokens\": 480, \"n\": 8,"
        + " \"ignore_eos\": true, \"seed\": 1, \"stream\": true, \"logprobs\": true, \"top_logprobs\": 20,"
        + " \"guidance\": {\"components\": true}}";
    try (Socket slow = new Socket()) {
      slow.setReceiveBufferSize(4096);
      slow.setSoTimeout(20_000);
      slow.connect(new InetSocketAddress("127.0.0.1", demo.server.port()));
      send(slow, "/v1/chat/completions", body.length(), body);
      for (int i = 0; demo.genArm.load().running() == 0 && i < 4000; i++) {
        Thread.sleep(1);
      }
      // Its tokens are drawn whether it reads them or not; they wait as ids.
      for (int i = 0; demo.genArm.load().running() + demo.genArm.load().waiting() > 0; i++) {
        assertTrue(i < 12_000, "it runs to its end");
        Thread.sleep(5);
      }
      assertEquals(1, demo.server.running(), "its response is not at its end");
      assertEquals(3, demo.complete("{'prompt': 'The year', 'max_tokens': 3}").json().get("usage")
          .get("completion_tokens").asInt());

      String events = readChunked(slow.getInputStream());

      int tokens = 0;
      for (JsonNode event : ServedDemo.events(events)) {
        tokens += event.get("choices").get(0).get("logprobs").get("content").size();
      }
      assertEquals(8 * 480, tokens);
    }
    assertTrue(demo.comesToRest());
  }

  private static String readChunked(InputStream in) throws IOException {
    while (!readLine(in).isEmpty()) {
      // the head
    }
    StringBuilder body = new StringBuilder();
    for (int length = Integer.parseInt(readLine(in), 16); length > 0; length = Integer.parseInt(readLine(in), 16)) {
      body.append(new String(in.readNBytes(length), StandardCharsets.UTF_8));
      readLine(in);
    }
    return body.toString();
  }

  private static String readLine(InputStream in) throws IOException {
    StringBuilder line = new StringBuilder();
    for (int c = in.read(); c != '\n'; c = in.read()) {
      line.append(c == '\r' ? "" : (char) c);
    }
    return line.toString();
  }

  @Test
  void aFullQueueAsksToComeBack() throws Exception {
    List<CompletableFuture<ServedDemo.Answer>> answers = new ArrayList<>();
    for (int i = 0; i < 24; i++) {
      HttpRequest request = demo.request("/v1/completions").POST(HttpRequest.BodyPublishers.ofString(
          "{\"prompt\": \"The year\", \"max_tokens\": 60, \"ignore_eos\": true, \"seed\": 1}")).build();
      answers.add(demo.client.sendAsync(request, HttpResponse.BodyHandlers.ofString())
          .thenApply(response -> new ServedDemo.Answer(response.statusCode(), response, null)));
    }
    int refused = 0;
    for (CompletableFuture<ServedDemo.Answer> future : answers) {
      ServedDemo.Answer answer = future.get();
      if (answer.status() == 429) {
        refused++;
        assertEquals("1", answer.header("Retry-After"));
        assertTrue(answer.response().body().contains("queue_full"));
      } else {
        assertEquals(200, answer.status(), answer.response().body());
      }
    }
    assertTrue(refused > 0 && refused <= 16, refused + " of 24 are refused where 8 may wait");
    assertTrue(demo.comesToRest());
  }

  @Test
  void anAnswerToOnePromptIsNoneWhereTheQueueIsFull() throws Exception {
    try (Socket running = connect(); Socket waiting = connect()) {
      send(running, "/v1/completions", LONG.length(), LONG);
      assertTrue(running.getInputStream().read() >= 0);
      send(waiting, "/v1/completions", LONG.length(), LONG);
      awaitWaiting(4);

      var answer = demo.post("/v1/completions", "{'prompt': ['a', 'b', 'c', 'd', 'e'], 'max_tokens': 400}");

      assertEquals(429, answer.status());
    }
    assertTrue(demo.comesToRest());
  }

  @Test
  void aGenerationThatTakesTooLongEnds() throws Exception {
    try (ServedDemo hasty = ServedDemo.open(4, 8, config ->
        config.withTimeouts(Duration.ofSeconds(5), Duration.ofMillis(30), Duration.ofSeconds(5)))) {
      var whole = hasty.post("/v1/completions", LONG.replace("\"stream\": true", "\"stream\": false"));

      assertEquals(503, whole.status());
      assertEquals("timeout", whole.error("code"));
      List<JsonNode> events = hasty.stream("/v1/completions", LONG);
      assertEquals("timeout", events.get(events.size() - 1).get("error").get("code").asText());
      assertTrue(hasty.comesToRest());
      assertFalse(hasty.get("/metrics").response().body().contains("finish_reason=\"length\""));
    }
  }
}

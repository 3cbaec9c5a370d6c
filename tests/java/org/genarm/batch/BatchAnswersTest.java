package org.genarm.batch;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.genarm.GenArm;
import org.genarm.GenArmBuilder;
import org.genarm.Generation;
import org.genarm.Request;
import org.genarm.openai.OfflineRequests;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class BatchAnswersTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int SLOTS = 4;
  private static GenArm genArm;
  private static OfflineRequests requests;

  @BeforeAll
  static void open() {
    genArm = models().build();
    requests = new OfflineRequests(genArm, "demo", "none", Map.of());
  }

  private static GenArmBuilder models() {
    return GenArm.builder().base(Path.of("models/demo-base")).arm("positive", Path.of("models/demo-arm-positive"))
        .components(true).maxSequences(SLOTS).maxQueue(8);
  }

  @AfterAll
  static void close() {
    genArm.close();
  }

  /** Single quotes stand for double ones. */
  private static String line(String id, String url, String body) {
    return "{'custom_id': '" + id + "', 'method': 'POST', 'url': '" + url + "', 'body': " + body + "}";
  }

  private static String completion(String id, String body) {
    return line(id, "/v1/completions", body);
  }

  private static LineSource source(List<String> lines, AtomicInteger read) {
    return () -> {
      int i = read.getAndIncrement();
      return i >= lines.size() ? null
          : new LineSource.Line(i + 1, lines.get(i).replace('\'', '"').getBytes(StandardCharsets.UTF_8));
    };
  }

  private static List<byte[]> answer(BatchLimits limits, List<String> lines) throws InterruptedException {
    List<byte[]> answers = new ArrayList<>();
    try (BatchAnswers batch = new BatchAnswers(requests, source(lines, new AtomicInteger()), limits, 0)) {
      for (AnswerLine answer = batch.next(); answer != null; answer = batch.next()) {
        assertEquals(answers.size() + 1, answer.number());
        answers.add(answer.json());
      }
    }
    return answers;
  }

  private static List<JsonNode> answers(String... lines) throws Exception {
    List<JsonNode> parsed = new ArrayList<>();
    for (byte[] json : answer(BatchLimits.of(SLOTS), List.of(lines))) {
      parsed.add(JSON.readTree(json));
    }
    return parsed;
  }

  private static List<String> mixed() {
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      String guidance = i % 3 == 0 ? "" : ", 'guidance': {'weights': {'positive': " + (i % 5 - 1) + "}}";
      String ends = i % 4 == 0 ? ", 'stop': ['e', '.']" : i % 4 == 1 ? ", 'n': 2" : ", 'ignore_eos': true";
      lines.add(completion("r" + i, "{'prompt': 'The year " + i + "', 'max_tokens': " + (1 + i * 7 % 50) + guidance + ends
          + (i % 2 == 0 ? ", 'seed': " + i : "") + "}"));
    }
    return lines;
  }

  @Test
  void linesOfEveryLengthAreAnsweredInTheirOrderAndAsAlone() throws Exception {
    List<String> lines = mixed();

    List<byte[]> together = answer(BatchLimits.of(SLOTS), lines);
    List<byte[]> oneByOne = answer(new BatchLimits(1, 1, 1), lines);

    assertEquals(40, together.size());
    for (int i = 0; i < 40; i++) {
      assertArrayEquals(oneByOne.get(i), together.get(i));
      assertEquals("r" + i, JSON.readTree(together.get(i)).get("custom_id").asText());
    }
  }

  @Test
  void anAnswerIsWhatTheFacadeGenerates() throws Exception {
    JsonNode answer = answers(completion("a",
        "{'model': 'demo', 'prompt': 'Fellow citizens,', 'max_tokens': 20, 'seed': 7, 'top_p': 0.9,"
            + " 'guidance': {'weights': {'positive': 1.5}}}")).get(0);
    var expected = genArm.generate(
        Request.of("Fellow citizens,").template("none").maxNewTokens(20).seed(7).topP(0.9).weight("positive", 1.5).build());

    JsonNode response = answer.get("response");
    assertEquals(200, response.get("status_code").asInt());
    assertTrue(answer.get("error").isNull());
    JsonNode body = response.get("body");
    assertEquals(expected.text(), body.at("/choices/0/text").asText());
    assertEquals("text_completion", body.get("object").asText());
    assertEquals(7, body.get("seed").asInt());
    assertEquals(expected.promptTokens(), body.at("/usage/prompt_tokens").asInt());
    assertEquals(expected.choices().get(0).tokenIds().size(), body.at("/usage/completion_tokens").asInt());
    assertEquals("batch_req_" + body.get("id").asText().substring("cmpl-".length()), answer.get("id").asText());
  }

  @Test
  void aChatIsAnsweredAndLogProbabilitiesAreTold() throws Exception {
    List<JsonNode> answers = answers(
        line("chat", "/v1/chat/completions", "{'messages': [{'role': 'user', 'content': 'Hello'}], 'max_tokens': 4}"),
        completion("laws", "{'prompt': 'The', 'max_tokens': 3, 'ignore_eos': true, 'logprobs': 2,"
            + " 'guidance': {'components': true}}"));

    JsonNode laws = answers.get(1).at("/response/body/choices/0/logprobs");
    assertEquals(3, laws.get("token_logprobs").size());
    assertEquals(3, laws.at("/components/positive").size());
    JsonNode chat = answers.get(0);
    boolean templated = chat.at("/response/status_code").asInt() == 200;
    assertEquals(templated ? "chat.completion" : "invalid_request_error",
        templated ? chat.at("/response/body/object").asText() : chat.at("/response/body/error/type").asText());
  }

  @Test
  void badLinesAreAnsweredInPlaceWithTheirNumberAndTheRunGoesOn() throws Exception {
    List<JsonNode> answers = answers(
        completion("good", "{'prompt': 'The', 'max_tokens': 2}"),
        "{'custom_id': ",
        line("url", "/v1/embeddings", "{}"),
        completion("arm", "{'prompt': 'The', 'guidance': {'weights': {'polite': 1}}}"),
        completion("huge", "{'prompt': 'The', 'guidance': {'weights': {'positive': 1e308}}}"),
        completion("ids", "{'prompt': [1, 99999999]}"),
        completion("stream", "{'prompt': 'The', 'stream': true}"),
        completion("model", "{'prompt': 'The', 'model': 'gpt'}"),
        completion("n", "{'prompt': 'The', 'n': 9}"),
        completion("last", "{'prompt': 'The', 'max_tokens': 2}"));

    List<Integer> statuses = new ArrayList<>();
    for (int i = 0; i < answers.size(); i++) {
      JsonNode answer = answers.get(i);
      statuses.add(answer.at("/response/status_code").asInt(0));
      assertEquals(statuses.get(i) == 200 ? 0 : i + 1, answer.at("/error/line").asInt(0), answer.toString());
    }
    assertEquals(List.of(200, 0, 404, 400, 400, 400, 400, 404, 400, 200), statuses);
    assertTrue(answers.get(1).get("custom_id").isNull());
    assertEquals("invalid_line", answers.get(1).at("/error/code").asText());
    assertEquals("line 4: no reward model is called polite, there are [positive]",
        answers.get(3).at("/error/message").asText());
    assertEquals("guidance.weights.polite", answers.get(3).at("/response/body/error/param").asText());
  }

  @Test
  void nothingIsReadFarAhead() throws Exception {
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < 500; i++) {
      lines.add(completion("r" + i, "{'prompt': 'The', 'max_tokens': 1}"));
    }
    AtomicInteger read = new AtomicInteger();

    try (BatchAnswers batch = new BatchAnswers(requests, source(lines, read), new BatchLimits(10, 1 << 20, 8), 0)) {
      for (int i = 1; i <= 500; i++) {
        batch.next();
        assertTrue(read.get() <= i + 10, read + " lines read for " + i);
      }
    }
  }

  @Test
  void aQueueThatOthersFillIsWaitedFor() throws Exception {
    List<Generation> others = new ArrayList<>();
    for (int i = 0; i < SLOTS + 4; i++) {
      others.add(genArm.submit(Request.of("The").maxNewTokens(200).ignoreEos(true).seed(i).build()));
    }

    List<byte[]> answers = answer(BatchLimits.of(8 * SLOTS), mixed());

    assertEquals(40, answers.size());
    for (byte[] json : answers) {
      assertFalse(JSON.readTree(json).get("response").isNull());
      assertEquals(200, JSON.readTree(json).at("/response/status_code").asInt());
    }
    for (Generation other : others) {
      other.result();
    }
  }

  @Test
  void anEngineThatIsClosedEndsTheRunAndAnswersNothingForIt() {
    GenArm closing = models().build();
    OfflineRequests over = new OfflineRequests(closing, "demo", "none", Map.of());
    try (BatchAnswers batch =
        new BatchAnswers(over, source(mixed(), new AtomicInteger()), BatchLimits.of(SLOTS), 0)) {
      closing.close();

      assertThrows(IllegalStateException.class, batch::next);
    }
  }
}

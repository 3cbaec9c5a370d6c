package org.genarm.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Map;
import org.genarm.Request;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class ChatTest {
  private static final String PATH = "/v1/chat/completions";
  private static ServedDemo demo;

  @BeforeAll
  static void open() {
    demo = ServedDemo.open();
  }

  @AfterAll
  static void close() {
    demo.close();
  }

  @Test
  void aChatIsTheFacades() throws Exception {
    String expected = demo.genArm.generate(Request.ofMessages(List.of(
            Map.of("role", "system", "content", "Speak."), Map.of("role", "user", "content", "The year")))
        .seed(4).maxNewTokens(10).build()).text();

    var answer = demo.post(PATH, "{'model': 'demo', 'seed': 4, 'max_completion_tokens': 10, 'messages': ["
        + "{'role': 'developer', 'content': 'Speak.'},"
        + "{'role': 'user', 'content': [{'type': 'text', 'text': 'The year'}]}]}");

    assertEquals(200, answer.status());
    JsonNode message = answer.choice(0).get("message");
    assertEquals(expected, message.get("content").asText());
    assertEquals("assistant", message.get("role").asText());
    assertEquals("chat.completion", answer.json().get("object").asText());
    assertTrue(answer.json().get("id").asText().startsWith("chatcmpl-"));
    assertTrue(answer.choice(0).get("logprobs").isNull());
  }

  @Test
  void theStreamAddsUpToTheWhole() throws Exception {
    String body = "'messages': [{'role': 'user', 'content': 'The year'}], 'seed': 3, 'max_tokens': 20, 'n': 2";
    JsonNode whole = demo.post(PATH, "{" + body + "}").json();

    List<JsonNode> events = demo.stream(PATH, "{" + body + ", 'stream': true}");

    StringBuilder[] texts = {new StringBuilder(), new StringBuilder()};
    int[] roles = new int[2];
    for (JsonNode event : events) {
      assertEquals("chat.completion.chunk", event.get("object").asText());
      assertTrue(!event.has("usage"), "nobody asked for the usage");
      JsonNode choice = event.get("choices").get(0);
      roles[choice.get("index").asInt()] += choice.get("delta").has("role") ? 1 : 0;
      texts[choice.get("index").asInt()].append(choice.get("delta").path("content").asText());
    }
    for (int index = 0; index < 2; index++) {
      assertEquals(whole.get("choices").get(index).get("message").get("content").asText(), texts[index].toString());
      assertEquals(1, roles[index], "the role is told once");
    }
  }

  @Test
  void withoutALimitItGoesOnToTheEndOfTheModel() throws Exception {
    var answer = demo.post(PATH,
        "{'messages': [{'role': 'user', 'content': 'The year'}], 'seed': 3, 'ignore_eos': true}");

    assertEquals(512, answer.json().get("usage").get("total_tokens").asInt());
  }
}

package org.genarm.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.JsonValue;
import com.openai.core.http.StreamResponse;
import com.openai.errors.BadRequestException;
import com.openai.errors.UnauthorizedException;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.chat.completions.ChatCompletionChunk;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import com.openai.models.completions.Completion;
import com.openai.models.completions.CompletionCreateParams;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** OpenAI's own client for Java is served. */
class OpenAiJavaTest {
  private static ServedDemo demo;
  private static OpenAIClient client;

  @BeforeAll
  static void open() {
    demo = ServedDemo.open(4, 64, config -> config.withApiKeys(Set.of("key")));
    client = client("key");
  }

  private static OpenAIClient client(String key) {
    return OpenAIOkHttpClient.builder().baseUrl(demo.server.url() + "/v1").apiKey(key).maxRetries(0).build();
  }

  @AfterAll
  static void close() {
    client.close();
    demo.close();
  }

  private static ChatCompletionCreateParams.Builder chat() {
    return ChatCompletionCreateParams.builder().model("demo").addUserMessage("The year").seed(1)
        .maxCompletionTokens(12)
        .putAdditionalBodyProperty("guidance", JsonValue.from(Map.of("weights", Map.of("positive", 1.5))));
  }

  @Test
  void aChatIsReadWholeAndStreamed() {
    ChatCompletion whole = client.chat().completions().create(chat().n(2).logprobs(true).topLogprobs(2).build());

    StringBuilder text = new StringBuilder();
    try (StreamResponse<ChatCompletionChunk> stream = client.chat().completions().createStreaming(chat().build())) {
      stream.stream().forEach(chunk -> chunk.choices().get(0).delta().content().ifPresent(text::append));
    }

    assertEquals(whole.choices().get(0).message().content().orElseThrow(), text.toString());
    assertEquals(2, whole.choices().size());
    assertEquals(2, whole.choices().get(0).logprobs().orElseThrow().content().orElseThrow().get(0).topLogprobs().size());
    assertTrue(whole.usage().orElseThrow().totalTokens() > 12);
  }

  @Test
  void aCompletionIsReadWholeAndStreamed() {
    CompletionCreateParams params = CompletionCreateParams.builder().model("demo").prompt("The year").seed(1)
        .maxTokens(12).logprobs(1).stop("@@").build();
    Completion whole = client.completions().create(params);

    StringBuilder text = new StringBuilder();
    try (StreamResponse<Completion> stream = client.completions().createStreaming(params)) {
      stream.stream().forEach(chunk -> text.append(chunk.choices().get(0).text()));
    }

    assertEquals(whole.choices().get(0).text(), text.toString());
    assertEquals(12, whole.choices().get(0).logprobs().orElseThrow().tokens().orElseThrow().size());
  }

  @Test
  void modelsAreListed() {
    assertEquals(List.of("demo", "positive", "plain"),
        client.models().list().data().stream().map(model -> model.id()).toList());
    assertEquals("demo", client.models().retrieve("demo").id());
  }

  @Test
  void errorsAreTheClientsOwn() {
    var refused = assertThrows(BadRequestException.class,
        () -> client.chat().completions().create(chat().frequencyPenalty(1.0).build()));
    assertEquals("frequency_penalty", refused.param().orElseThrow());

    OpenAIClient stranger = client("other");
    assertThrows(UnauthorizedException.class, () -> stranger.models().list());
    stranger.close();
  }
}

package org.genarm.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class PromptTemplateTest {
  private static final Path DEMO = Path.of("models/demo-base");

  static Stream<Arguments> templates() {
    return Stream.of(
        Arguments.of("none", "Hi"),
        Arguments.of("raw", "Hi"),
        Arguments.of("auto", "Hi"),
        Arguments.of("tulu", "<|user|>\nHi\n<|assistant|>\n"),
        Arguments.of("pku", "BEGINNING OF CONVERSATION: USER: Hi ASSISTANT:"),
        Arguments.of("llama-2-chat", "[INST] Hi [/INST]\n"),
        Arguments.of("alpaca", "Below is an instruction that describes a task. Write a response that appropriately "
            + "completes the request.\n\n### Instruction:\nHi\n\n### Response:\n"));
  }

  @ParameterizedTest
  @MethodSource("templates")
  void aNamedTemplateIsTheReferencesText(String name, String text) {
    try (Tokenizer tokenizer = Tokenizer.open(DEMO).orElseThrow()) {
      assertEquals(new Prompt(text, true), PromptTemplate.of(name, tokenizer).apply("Hi"));
    }
  }

  @Test
  void aNameThatIsNotKnownListsTheKnown() {
    var thrown = assertThrows(IllegalArgumentException.class, () -> PromptTemplate.of("vicuna", null));

    assertEquals("unknown template 'vicuna', expected one of raw, tulu, pku, alpaca, llama-2-chat, none, auto",
        thrown.getMessage());
  }

  @Test
  void autoIsTheChatTemplateWithOneBos(@TempDir Path directory) throws IOException {
    Files.copy(DEMO.resolve("tokenizer.json"), directory.resolve("tokenizer.json"));
    Files.copy(DEMO.resolve("tokenizer_config.json"), directory.resolve("tokenizer_config.json"));
    Files.writeString(directory.resolve("chat_template.jinja"),
        "{{ bos_token }}{{ messages[0].content }}{% if add_generation_prompt %}:{% endif %}");
    try (Tokenizer tokenizer = Tokenizer.open(directory).orElseThrow()) {
      Prompt prompt = PromptTemplate.of("auto", tokenizer).apply("{{ 1 }}");

      assertEquals(new Prompt("<s>{{ 1 }}:", false), prompt);
      int[] ids = tokenizer.encode(prompt);
      assertArrayEquals(tokenizer.encodePrompt("{{ 1 }}:"), ids);
      assertEquals(1, ids[0]);
    }
  }
}

package org.genarm.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.genarm.tokenizer.jinja.TemplateException;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

class ChatTemplateTest {
  private static final Path GOLDENS = Path.of("tests/golden/templates");
  private static final Map<String, String> TOKENS = Map.of("bos_token", "<s>", "eos_token", "</s>");

  @TestFactory
  Stream<DynamicTest> rendersEveryTemplateAsTransformersDoes() throws IOException {
    ObjectMapper json = new ObjectMapper();
    JsonNode expected = json.readTree(GOLDENS.resolve("expected.json").toFile());
    List<Map<String, Object>> cases =
        json.readValue(GOLDENS.resolve("cases.json").toFile(), new TypeReference<>() {});
    List<DynamicTest> tests = new ArrayList<>();
    for (Map.Entry<String, JsonNode> golden : expected.properties()) {
      var template = new ChatTemplate(Files.readString(GOLDENS.resolve(golden.getKey() + ".jinja")), TOKENS);
      for (Map<String, Object> one : cases) {
        String name = (String) one.get("name");
        JsonNode wanted = golden.getValue().get(name);
        tests.add(DynamicTest.dynamicTest(golden.getKey() + ": " + name, () -> {
          if (wanted.has("error")) {
            assertThrows(TemplateException.class, () -> render(template, one), wanted.get("error").textValue());
          } else {
            assertEquals(wanted.get("text").textValue(), render(template, one));
          }
        }));
      }
    }
    assertTrue(tests.size() >= 374);
    return tests.stream();
  }

  @SuppressWarnings("unchecked")
  private static String render(ChatTemplate template, Map<String, Object> one) {
    Map<String, Object> variables = new HashMap<>(one);
    variables.remove("name");
    var messages = (List<Map<String, Object>>) variables.remove("messages");
    boolean prompt = (boolean) variables.remove("add_generation_prompt");
    return template.render(messages, prompt, variables);
  }

  @Test
  void aUsersTemplateComesOutAsItIs() {
    String text = "{{ 7*7 }} {% for i in range(3) %}x{% endfor %}";
    var template = new ChatTemplate("{% for m in messages %}{{ m.content }}{{ m['content'] | trim }}{% endfor %}", TOKENS);

    assertEquals(text + text, template.render(List.of(Map.of("role", "user", "content", text)), false));
  }

  @Test
  void theTemplateForToolsIsTakenWhenThereAreTools() {
    var template = new ChatTemplate(Map.of("default", "plain", "tool_use", "{{ tools | length }} tools"), TOKENS);

    assertEquals("plain", template.render(List.of(), false));
    assertEquals("1 tools", template.render(List.of(), false, Map.of("tools", List.of(Map.of()))));
  }

  @Test
  void aMessageCannotStandForAnotherVariable() {
    var template = new ChatTemplate("{{ add_generation_prompt }} {{ bos_token }}", TOKENS);

    assertEquals("True <s>", template.render(List.of(), true, Map.of("add_generation_prompt", false)));
  }
}

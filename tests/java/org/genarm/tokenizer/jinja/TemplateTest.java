package org.genarm.tokenizer.jinja;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Map;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The language against jinja2 itself: every snippet and every kind of whitespace of the goldens. */
class TemplateTest {
  private static final Path GOLDENS = Path.of("tests/golden/templates");
  private static final Clock CLOCK = Clock.fixed(Instant.parse("2024-07-05T13:04:09Z"), ZoneOffset.UTC);

  private static String render(String source, Map<String, ?> variables) {
    return Template.parse(source).render(variables, CLOCK, Duration.ofSeconds(5));
  }

  private static String refusal(String source) {
    return assertThrows(TemplateException.class, () -> render(source, Map.of())).getMessage();
  }

  @TestFactory
  Stream<DynamicTest> rendersWhatPythonRendersAndRefusesWhatItRefuses() throws IOException {
    ObjectMapper json = new ObjectMapper();
    JsonNode root = json.readTree(GOLDENS.resolve("snippets.json").toFile());
    Map<String, ?> variables = json.convertValue(root.get("variables"), json.getTypeFactory()
        .constructMapType(Map.class, String.class, Object.class));

    return StreamSupport.stream(root.get("snippets").spliterator(), false).map(snippet -> {
      String source = snippet.get("template").textValue();
      return DynamicTest.dynamicTest(source, () -> {
        if (snippet.has("error")) {
          assertThrows(TemplateException.class, () -> render(source, variables), snippet.get("error").textValue());
        } else {
          assertEquals(snippet.get("text").textValue(), render(source, variables));
        }
      });
    });
  }

  @Test
  void trimsWhitespaceAroundTagsAsPythonDoes() throws IOException {
    JsonNode golden = new ObjectMapper().readTree(GOLDENS.resolve("whitespace.json").toFile());

    assertTrue(golden.size() > 900);
    assertAll(golden.properties().stream().map(entry ->
        () -> assertEquals(entry.getValue().textValue(), render(entry.getKey(), Map.of()), entry.getKey())));
  }

  @Test
  void aValueIsNeverReadAsATemplate() {
    String text = "{{ 7*7 }} {% for i in range(3) %}x{% endfor %} {# c #}";

    assertEquals(text + "|" + text, render("{{ a }}|{{ a | trim }}", Map.of("a", text)));
  }

  @Test
  void tellsTheDateInTheClocksZone() {
    assertEquals("05 Jul 2024, Friday 13:04:09 100%",
        render("{{ strftime_now('%d %b %Y, %A %H:%M:%S 100%%') }}", Map.of()));
    assertEquals("strftime_now: '%c' is not supported", refusal("{{ strftime_now('%c') }}"));
  }

  @Test
  void aTemplateThatDoesNotEndIsStopped() {
    String loops = "{% for a in range(99999) %}".repeat(4) + "{% set x = a %}" + "{% endfor %}".repeat(4);

    String message = refusal(loops);

    assertTrue(message.contains("steps") || message.contains("time"), message);
  }

  @Test
  void aRenderingEndsInItsTime() {
    String loops = "{% for a in range(99999) %}".repeat(4) + "{% endfor %}".repeat(4);
    Template template = Template.parse(loops);

    var thrown = assertThrows(TemplateException.class, () -> template.render(Map.of(), CLOCK, Duration.ofMillis(1)));

    assertEquals("the template ran out of time", thrown.getMessage());
  }

  @ParameterizedTest
  @ValueSource(strings = {
    "{{ 'x' * 999999999999 }}",
    "{% set ns = namespace(s='x') %}{% for i in range(99) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}{{ ns.s }}",
    "{% set ns = namespace(s='x') %}{% for i in range(99) %}{% set ns.s = ns.s|replace('x', 'xx') %}{% endfor %}",
    "{% set ns = namespace(s='x') %}{% for i in range(99) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s }}",
    "{% set ns = namespace(s=['x']) %}{% for i in range(99) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
    "{% set ns = namespace(s=[1], t=[1]) %}{% for i in range(60) %}{% set ns.s = [ns.s, ns.s] %}"
        + "{% set ns.t = [ns.t, ns.t] %}{% endfor %}{{ ns.s == ns.t }}",
  })
  void aTemplateThatGrowsWithoutBoundIsStopped(String source) {
    assertTrue(refusal(source).matches(".*(more than|ran out of time).*"), () -> refusal(source));
  }

  @Test
  void nestingIsBounded() {
    assertEquals("calls are nested deeper than 64", refusal("{% macro f(n) %}{{ f(n) }}{% endmacro %}{{ f(1) }}"));
    assertEquals("line 1: nested deeper than 100", refusal("{{ " + "(".repeat(500) + "1" + ")".repeat(500) + " }}"));
    assertEquals("line 1: nested deeper than 100", refusal("{{ " + "not ".repeat(500) + "1 }}"));
    assertEquals("line 1: nested deeper than 100", refusal("{% if 1 %}".repeat(500) + "{% endif %}".repeat(500)));
  }

  @Test
  void aLongChainEndsInAnErrorNotInAnOverflow() {
    String chain = "{{ 1" + "+1".repeat(200_000) + " }}";

    assertEquals("the template's expressions are nested too deeply", refusal(chain));
  }

  @Test
  void whatIsNotKnownIsRefusedByName() {
    assertEquals("line 2: the tag 'include' is not supported", refusal("\n{% include 'x' %}"));
    assertEquals("the filter 'xmlattr' is not supported", refusal("{{ 1 | xmlattr }}"));
    assertEquals("the test 'escaped' is not supported", refusal("{{ 1 is escaped }}"));
    assertEquals("the method 'format' of 'str' is not supported", refusal("{{ 'a'.format() }}"));
    assertEquals("the function 'cycler' is not supported", refusal("{{ cycler(1) }}"));
    assertEquals("access to attribute '__class__' of a 'str' is unsafe", refusal("{{ ''.__class__ }}"));
    assertEquals("a generator is walked twice: turn it into a list first",
        refusal("{% set g = [1]|map('string') %}{{ g|list }}{{ g|list }}"));
  }
}

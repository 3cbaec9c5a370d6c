package org.genarm.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

class StopStringsTest {
  @Example
  void aStopStringIsFoundAcrossPieces() {
    StopStrings stops = new StopStrings(List.of("\n\nHuman:"));

    assertEquals("Yes.", stops.accept("Yes.\n"));
    assertEquals("", stops.accept("\nHum"));
    assertEquals("", stops.accept("an: and more"));
    assertTrue(stops.stopped());
    assertEquals("\n\nHuman:", stops.found());
    assertEquals("", stops.accept("text after it"));
    assertEquals("", stops.flush());
  }

  @Example
  void textThatDidNotBecomeAStopStringIsShown() {
    StopStrings stops = new StopStrings(List.of("STOP"));

    assertEquals("a", stops.accept("aST"));
    assertEquals("STA", stops.accept("A"));
    assertEquals("", stops.accept("STO"));
    assertEquals("STO", stops.flush());
    assertFalse(stops.stopped());
  }

  @Example
  void theFirstCompleteStopStringCutsAndTheLongestOfThose() {
    StopStrings stops = new StopStrings(List.of("c", "bc", "abcd"));

    assertEquals("xa", stops.accept("xabcd"));
    assertEquals("bc", stops.found());
  }

  @Example
  void anEmptyStopStringIsRefused() {
    var thrown = assertThrows(IllegalArgumentException.class, () -> new StopStrings(List.of("a", "")));

    assertEquals("a stop string must not be empty", thrown.getMessage());
  }

  @Provide
  Arbitrary<String> words() {
    return Arbitraries.strings().withChars("ab👩").ofMinLength(1).ofMaxLength(4);
  }

  @Provide
  Arbitrary<String> texts() {
    return Arbitraries.strings().withChars("abc👩").ofMaxLength(30);
  }

  @Property(tries = 2000, seed = "20240919")
  void theCutDoesNotDependOnThePieces(
      @ForAll("texts") String text, @ForAll List<@net.jqwik.api.From("words") String> words, @ForAll long cuts) {
    List<String> stops = words.subList(0, Math.min(4, words.size()));
    StopStrings finder = new StopStrings(stops);
    StringBuilder shown = new StringBuilder();
    int from = 0;
    for (int i = 1; i <= text.length(); i++) {
      if (i == text.length() || (cuts >> (i % 63) & 1) == 1) {
        shown.append(finder.accept(text.substring(from, i)));
        from = i;
      }
    }
    shown.append(finder.flush());

    assertEquals(cut(text, stops), shown.toString());
  }

  /** The definition: before the longest of the stop strings that end first. */
  private static String cut(String text, List<String> stops) {
    for (int end = 1; end <= text.length(); end++) {
      String head = text.substring(0, end);
      int longest = stops.stream().filter(head::endsWith).mapToInt(String::length).max().orElse(0);
      if (longest > 0) {
        return text.substring(0, end - longest);
      }
    }
    return text;
  }
}

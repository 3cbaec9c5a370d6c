package org.genarm.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

class StreamDecoderTest {
  private static final Tokenizer TOKENIZER = Tokenizer.open(Path.of("models/demo-base")).orElseThrow();

  private static String stream(int[] ids) {
    StreamDecoder decoder = new StreamDecoder(TOKENIZER);
    StringBuilder text = new StringBuilder();
    for (int id : ids) {
      text.append(decoder.accept(id));
    }
    return text.append(decoder.flush()).toString();
  }

  @Provide
  Arbitrary<int[]> tokens() {
    // Half of the ids are bytes, so that characters break in every way and many never become whole.
    return Arbitraries.oneOf(Arbitraries.integers().between(0, 4095), Arbitraries.integers().between(3, 258))
        .array(int[].class).ofMaxSize(200);
  }

  @Property(tries = 500, seed = "20240917")
  void anyTokensAddUpToTheirWholeText(@ForAll("tokens") int[] ids) {
    assertEquals(TOKENIZER.decode(ids, true), stream(ids));
  }

  @Property(tries = 500, seed = "20240918")
  void anyTextComesBack(@ForAll("texts") String text) {
    assertEquals(text, stream(TOKENIZER.encode(text, false)));
  }

  @Provide
  Arbitrary<String> texts() {
    return Arbitraries.oneOf(Arbitraries.integers().between(' ', '~'), Arbitraries.integers().between(0xa0, 0xd7ff),
            Arbitraries.integers().between(0x1f300, 0x1faff))
        .list().ofMaxSize(60)
        .map(points -> points.stream().collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
            .toString());
  }

  @Example
  void everyPieceIsWholeCharacters() {
    StreamDecoder decoder = new StreamDecoder(TOKENIZER);

    for (int id : TOKENIZER.encode("👩\u200d👩 Grüße 你好", false)) {
      String piece = decoder.accept(id);
      assertTrue(piece.indexOf('\uFFFD') < 0, piece);
    }
    assertEquals("", decoder.flush());
  }

  @Example
  void anUnfinishedCharacterComesOutWithTheFlush() {
    StreamDecoder decoder = new StreamDecoder(TOKENIZER);

    assertEquals("", decoder.accept(175));
    assertEquals("", decoder.accept(256));
    assertEquals("\uFFFD", decoder.flush());
  }

  @Example
  void bytesThatNeverBecomeACharacterAreNotHeldForEver() {
    StreamDecoder decoder = new StreamDecoder(TOKENIZER);
    int shown = 0;
    for (int i = 0; i < 1000; i++) {
      shown += decoder.accept(257).length();
    }

    assertTrue(shown > 900, () -> "the text after 1000 tokens");
    assertEquals(1000, shown + decoder.flush().length());
  }

  @Example
  void specialTokensAreLeftOut() {
    assertEquals("Fellow", stream(new int[] {1, 40, 71, 2, 1018, 0}));
  }

  @Example
  void aContinuationGoesOnFromItsPrompt() {
    int[] whole = TOKENIZER.encode("a long prompt, to be continued 👩", true);
    for (int cut = 0; cut < whole.length; cut++) {
      StreamDecoder decoder = new StreamDecoder(TOKENIZER, java.util.Arrays.copyOf(whole, cut));
      StringBuilder text = new StringBuilder();
      for (int i = cut; i < whole.length; i++) {
        text.append(decoder.accept(whole[i]));
      }
      text.append(decoder.flush());

      assertTrue("a long prompt, to be continued 👩".endsWith(text.toString()), text::toString);
      assertTrue(cut >= whole.length - 4 || text.length() > 0);
    }
  }
}

package org.genarm.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Ids by the Python package tokenizers 0.23 from the same file. */
class TokenizerTest {
  private static final Tokenizer TOKENIZER = Tokenizer.open(Path.of("models/demo-base")).orElseThrow();

  @AfterAll
  static void close() {
    TOKENIZER.close();
  }

  static Stream<Arguments> texts() {
    return Stream.of(
        Arguments.of("", new int[] {}),
        Arguments.of("Fellow citizens,", new int[] {40, 71, 1018, 944, 14}),
        Arguments.of(" two  spaces ", new int[] {794, 223, 624, 473, 279, 223}),
        Arguments.of("\n\n\ttab", new int[] {201, 201, 200, 86, 380}),
        Arguments.of("Grüße, 你好",
            new int[] {41, 84, 130, 123, 130, 256, 71, 14, 223, 163, 124, 257, 164, 101, 124}),
        Arguments.of("👩\u200d👩\u200d👧",
            new int[] {175, 256, 242, 105, 850, 238, 175, 256, 242, 105, 850, 238, 175, 256, 242, 103}),
        Arguments.of("e\u0301 \u00a0", new int[] {71, 139, 226, 223, 129, 257}),
        Arguments.of("<s>hi</s>", new int[] {1, 74, 75, 2}),
        Arguments.of("a<pad>b", new int[] {67, 0, 68}),
        Arguments.of("don't 1234 ...", new int[] {70, 269, 1564, 3974, 21, 22, 223, 2550, 16}),
        Arguments.of("a\0b", new int[] {67, 191, 68}),
        Arguments.of("ﷺ\u202e", new int[] {174, 118, 121, 850, 109}));
  }

  @ParameterizedTest(name = "{index}") // the texts hold characters that no report may contain
  @MethodSource("texts")
  void encodesToTheIdsOfPythonAndBack(String text, int[] ids) {
    assertArrayEquals(ids, TOKENIZER.encode(text, false));
    assertEquals(text, TOKENIZER.decode(ids, false));
  }

  @Test
  void aPromptGetsItsBosOnce() {
    int[] ids = {1, 40, 71, 1018, 944, 14};

    assertArrayEquals(ids, TOKENIZER.encodePrompt("Fellow citizens,"));
    assertArrayEquals(ids, TOKENIZER.encodePrompt("<s>Fellow citizens,"));
    assertArrayEquals(ids, TOKENIZER.encode("Fellow citizens,", true));
    assertArrayEquals(new int[] {1}, TOKENIZER.encodePrompt(""));
  }

  @Test
  void aLongTextIsNotTruncated() {
    assertEquals(2002, TOKENIZER.encode("word ".repeat(2000), false).length);
  }

  @Test
  void specialTokensAreLeftOutWhenAsked() {
    int[] ids = {1, 40, 71, 1018, 2};

    assertEquals("Fellow", TOKENIZER.decode(ids, true));
    assertEquals("<s>Fellow</s>", TOKENIZER.decode(ids, false));
  }

  @Test
  void knowsItsSpecialTokensAndLength() {
    assertEquals(4096, TOKENIZER.length());
    assertEquals(OptionalInt.of(1), TOKENIZER.bosId());
    assertEquals(OptionalInt.of(2), TOKENIZER.eosId());
    assertEquals("</s>", TOKENIZER.eosToken().orElseThrow());
  }

  @Test
  void anIdOutsideTheVocabularyIsNamed() {
    int[] ids = {1, 5, 4096};

    var thrown = assertThrows(IllegalArgumentException.class, () -> TOKENIZER.decode(ids, false));

    assertEquals("ids[2] is 4096, the tokenizer has 4096 tokens", thrown.getMessage());
    assertThrows(IllegalArgumentException.class, () -> TOKENIZER.decode(new int[] {-1}, false));
  }

  @Test
  void halfASurrogatePairIsRefused() {
    for (String text : List.of("ab\ud83d", "ab\udc69c", "ab\ud83d\ud83d\udc69")) {
      var thrown = assertThrows(IllegalArgumentException.class, () -> TOKENIZER.encode(text, false));

      assertEquals(String.format("the text has half a surrogate pair (U+%04X) at 2", (int) text.charAt(2)),
          thrown.getMessage());
    }
  }

  @Test
  void eightThreadsGetTheSameIds() throws InterruptedException, ExecutionException {
    List<Object[]> expected = texts().map(Arguments::get).toList();
    ExecutorService threads = Executors.newFixedThreadPool(8);
    Callable<Integer> task = () -> {
      int wrong = 0;
      for (int i = 0; i < 500; i++) {
        Object[] one = expected.get(i % expected.size());
        int[] ids = TOKENIZER.encode((String) one[0], false);
        wrong += Arrays.equals(ids, (int[]) one[1]) && TOKENIZER.decode(ids, false).equals(one[0]) ? 0 : 1;
      }
      return wrong;
    };

    List<Future<Integer>> results = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      results.add(threads.submit(task));
    }
    threads.shutdown();

    for (Future<Integer> result : results) {
      assertEquals(0, result.get());
    }
  }

  @Test
  void afterClosingEveryUseIsRefused() {
    Tokenizer tokenizer = Tokenizer.open(Path.of("models/demo-base/tokenizer.json")).orElseThrow();

    tokenizer.close();
    tokenizer.close();

    var thrown = assertThrows(IllegalStateException.class, () -> tokenizer.encode("a", true));
    assertEquals("the tokenizer is closed", thrown.getMessage());
    assertThrows(IllegalStateException.class, () -> tokenizer.decode(new int[] {1}, true));
  }
}

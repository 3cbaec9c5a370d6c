package org.genarm.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.genarm.checkpoint.CheckpointException;
import org.genarm.tokenizer.PromptTemplate;
import org.genarm.tokenizer.Tokenizer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PreferencePairsTest {
  private static final PairLimits LIMITS = new PairLimits(100, 6, true, false);

  @TempDir Path temp;

  @Test
  void idsAreTakenAsTheyAreBeforeText() throws IOException {
    var read = read(LIMITS, "{\"prompt\":\"x\",\"prompt_ids\":[1,2],\"chosen_ids\":[3],\"rejected_ids\":[4,5]}", "");

    PreferencePair pair = read.pairs().get(0);
    assertArrayEquals(new int[] {1, 2}, pair.prompt());
    assertArrayEquals(new int[] {3}, pair.chosen());
    assertArrayEquals(new int[] {4, 5}, pair.rejected());
    assertEquals(4, pair.longest());
    assertEquals(7, pair.tokens());
  }

  @Test
  void textGetsBosAndEos() throws IOException {
    Path file = write("{\"prompt\":\"the sea\",\"chosen\":\" is calm\",\"rejected\":\" is rough\"}");
    try (Tokenizer tokenizer = Tokenizer.open(Path.of("models/demo-small")).orElseThrow()) {
      PairEncoder encoder = new PairEncoder(tokenizer, PromptTemplate.of("none", tokenizer), 2);

      PreferencePair pair = PreferencePairs.read(file, new PairLimits(4096, 512, true, false), encoder).pairs().get(0);

      assertEquals(1, pair.prompt()[0]);
      assertEquals("the sea", tokenizer.decode(pair.prompt(), true));
      assertEquals(2, pair.chosen()[pair.chosen().length - 1]);
      assertEquals(" is rough", tokenizer.decode(pair.rejected(), true));
    }
  }

  @Test
  void languageModellingNeedsNoRejectedResponse() throws IOException {
    var read = read(new PairLimits(100, 6, false, false), "{\"prompt_ids\":[1],\"chosen_ids\":[3]}");

    assertEquals(0, read.pairs().get(0).rejected().length);
  }

  @Test
  void aBadLineIsNamedByItsNumber() {
    assertRefused("line 2: expected a JSON object, found Unexpected end-of-input", "", "{");
    assertRefused("line 1: expected a JSON object, found an empty array", "[]");
    assertRefused(
        "line 1: expected rejected as text, or rejected_ids, found nothing",
        "{\"prompt_ids\":[1],\"chosen_ids\":[3]}");
    assertRefused(
        "line 1: expected chosen_ids[1] in [0, 100), found 100",
        "{\"prompt_ids\":[1],\"chosen_ids\":[3,100],\"rejected_ids\":[4]}");
    assertRefused(
        "line 1: expected a prompt of at least one token, found none",
        "{\"prompt_ids\":[],\"chosen_ids\":[3],\"rejected_ids\":[4]}");
    assertRefused(
        "line 1: expected rejected of at least one token, found none",
        "{\"prompt_ids\":[1],\"chosen_ids\":[3],\"rejected_ids\":[]}");
    assertRefused(
        "line 1: expected at most 6 tokens (--skip-long leaves longer pairs out), found 7 tokens",
        "{\"prompt_ids\":[1,2,3],\"chosen_ids\":[3,3,3,3],\"rejected_ids\":[4]}");
  }

  @Test
  void textWithoutATokenizerIsRefused() {
    Path file = write("{\"prompt\":\"x\",\"chosen\":\"y\",\"rejected\":\"z\"}");

    var refused = assertThrows(CheckpointException.class, () -> PreferencePairs.read(file, LIMITS, null));

    assertEquals(
        file + ": line 1: expected prompt_ids, chosen_ids and rejected_ids, for the base has no tokenizer, found text",
        refused.getMessage());
  }

  @Test
  void longPairsAreLeftOutOnRequest() throws IOException {
    String pair = "{\"prompt_ids\":[1],\"chosen_ids\":[3],\"rejected_ids\":[4]}";
    String tooLong = "{\"prompt_ids\":[1],\"chosen_ids\":[3,3,3,3,3,3],\"rejected_ids\":[4]}";

    var read = read(new PairLimits(100, 6, true, true), tooLong, pair);

    assertEquals(1, read.pairs().size());
    assertEquals(1, read.skipped());
  }

  @Test
  void aFileWithoutPairsIsRefused() {
    var refused = assertThrows(CheckpointException.class, () -> read(LIMITS, "", "  "));

    assertEquals("at least one pair", refused.expected());
    assertEquals("none", refused.found());
  }

  @Test
  void theFingerprintTellsPairsApart() {
    PreferencePair one = new PreferencePair(new int[] {1}, new int[] {300}, new int[] {3});
    PreferencePair other = new PreferencePair(new int[] {1}, new int[] {44}, new int[] {3});

    assertEquals(PreferencePairs.fingerprint(List.of(one)), PreferencePairs.fingerprint(List.of(one)));
    assertNotEquals(PreferencePairs.fingerprint(List.of(one)), PreferencePairs.fingerprint(List.of(other)));
  }

  private void assertRefused(String message, String... lines) {
    var refused = assertThrows(CheckpointException.class, () -> read(LIMITS, lines));
    String found = refused.getMessage().substring((temp.resolve("pairs.jsonl") + ": ").length());
    assertEquals(message, found.substring(0, Math.min(message.length(), found.length())));
  }

  private PreferencePairs read(PairLimits limits, String... lines) throws IOException {
    try (Tokenizer tokenizer = Tokenizer.open(Path.of("models/demo-small")).orElseThrow()) {
      PairEncoder encoder = new PairEncoder(tokenizer, PromptTemplate.of("none", tokenizer), 2);
      return PreferencePairs.read(write(lines), limits, encoder);
    }
  }

  private Path write(String... lines) {
    try {
      return Files.write(temp.resolve("pairs.jsonl"), List.of(lines));
    } catch (IOException failure) {
      throw new UncheckedIOException(failure);
    }
  }
}

package org.genarm.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class JsonLinesTest {
  @TempDir Path directory;

  @Test
  void linesThatAreBlankCountButAreNotHandedOver() throws IOException {
    try (JsonLines lines = JsonLines.open(file("\n{\"a\": 1}\n  \n{\"a\": 2}"), "rows")) {
      assertEquals(1, lines.next().get("a").intValue());
      assertEquals("line 2", lines.place());
      assertEquals(2, lines.next().get("a").intValue());
      assertEquals("line 4", lines.place());
      assertNull(lines.next());
    }
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
    "[1]             | expected a JSON object, found an array",
    "7               | expected a JSON object, found 7",
    "{\"a\": 1} {}   | expected a JSON object, found Trailing token",
    "{\"a\": 1, \"a\": 2} | expected a JSON object, found Duplicate",
    "{\"a\":         | expected a JSON object, found Unexpected end-of-input",
  })
  void aLineThatIsNoObjectIsToldByItsPlace(String line, String told) throws IOException {
    Path file = file("{}\n" + line + "\n");
    try (JsonLines lines = JsonLines.open(file, "rows")) {
      lines.next();
      String message = assertThrows(CheckpointException.class, lines::next).getMessage();
      assertTrue(message.startsWith(file + ": line 2: " + told), message);
    }
  }

  @Test
  void aFileThatCannotBeReadIsToldWithWhatItShouldHold() throws IOException {
    String missing =
        assertThrows(CheckpointException.class, () -> JsonLines.open(directory.resolve("none"), "rows")).getMessage();
    assertTrue(missing.endsWith("none: expected a readable file of rows, one a line, found none"), missing);
    String folder = assertThrows(CheckpointException.class, () -> JsonLines.open(directory, "rows")).getMessage();
    assertTrue(folder.endsWith("expected a readable file of rows, one a line, found a directory"), folder);
    Path latin1 = Files.write(directory.resolve("latin1"), "{\"a\": \"\u00e9\"}".getBytes(StandardCharsets.ISO_8859_1));
    try (JsonLines lines = JsonLines.open(latin1, "rows")) {
      String broken = assertThrows(CheckpointException.class, lines::next).getMessage();
      assertTrue(broken.contains("expected a readable file of rows"), broken);
    }
  }

  private Path file(String text) throws IOException {
    return Files.writeString(directory.resolve("rows.jsonl"), text);
  }
}

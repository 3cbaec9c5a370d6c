package org.genarm.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConvertCommandTest {
  private static final Path GOLDEN = Path.of("tests/golden/convert");

  @TempDir Path temp;

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @Test
  void oneLineOnStandardOutputSaysWhatWasDone() {
    Path target = temp.resolve("out");

    int code = run("convert", GOLDEN.resolve("tied").toString(), target.toString());

    assertEquals(0, code);
    assertEquals(target + ": converted 2 tensors (42 bytes) of 1 .bin file, copied 1 file\n", out.toString());
    assertEquals("", err.toString());
  }

  @Test
  void aTokenizerIsCounted() {
    Path target = temp.resolve("out");

    run("convert", GOLDEN.resolve("tokenizer-added").toString(), target.toString());

    assertTrue(out.toString().startsWith(target + ": converted a tokenizer.json of 421 tokens, copied "), out.toString());
  }

  @Test
  void aFileThatIsRefusedEndsWithThreeAndOneLine() throws IOException {
    Path source = Files.createDirectory(temp.resolve("in"));
    Path file = Files.copy(GOLDEN.resolve("refused/os-system.bin"), source.resolve("pytorch_model.bin"));

    int code = run("convert", source.toString(), temp.resolve("out").toString());

    assertEquals(3, code);
    assertEquals("", out.toString());
    assertEquals(
        "genarm convert: " + file + ": data.pkl: expected only what torch.save names for tensors, found the global"
            + " os.system\n",
        err.toString());
  }

  @Test
  void aTargetWithFilesNeedsForce() throws IOException {
    Path target = Files.createDirectory(temp.resolve("out"));
    Files.writeString(target.resolve("notes.txt"), "mine");
    String source = GOLDEN.resolve("tied").toString();

    assertEquals(3, run("convert", source, target.toString()));
    assertEquals(0, run("convert", "--force", source, target.toString()));
  }

  @Test
  void aMissingArgumentIsAnErrorOfUsage() {
    assertEquals(2, run("convert", "somewhere"));
  }

  private int run(String... arguments) {
    return Main.run(new PrintWriter(out), new PrintWriter(err), Map.of(), arguments);
  }
}

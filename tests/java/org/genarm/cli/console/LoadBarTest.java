package org.genarm.cli.console;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class LoadBarTest {
  @Test
  void aBarThatIsClosedDrawsNoMore() {
    var written = new ByteArrayOutputStream();
    PrintStream error = System.err;
    System.setErr(new PrintStream(written, true, StandardCharsets.UTF_8));
    try {
      LoadBar bar = LoadBar.open("model", true);
      bar.loaded(1 << 20, 2 << 20);
      bar.close();
      int drawn = written.size();

      bar.close();

      assertTrue(drawn > 0);
      assertEquals(drawn, written.size());
    } finally {
      System.setErr(error);
    }
  }
}

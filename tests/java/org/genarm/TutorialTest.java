package org.genarm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The README's Java example, as it stands there. */
class TutorialTest {
  @Test
  void theReadmesExample() throws Exception {
    StringBuilder printed = new StringBuilder();

    try (GenArm genArm = GenArm.builder()
        .base(Path.of("models/demo-base"))
        .arm("positive", Path.of("models/demo-arm-positive"))
        .build()) {
      Request request = Request.of("Fellow citizens,").weight("positive", 1.5).maxNewTokens(48).seed(7).build();

      Result result = genArm.stream(request, piece -> printed.append(piece.text()));

      Generation generation = genArm.submit(request);
      generation.guidance(Map.of("positive", 0.5)); // from its next token on
      Result steered = generation.result();

      assertEquals(printed.toString(), result.text());
      assertTrue(result.text().length() > 48, result.text());
      assertTrue(steered.text().length() > 0);
    }
  }
}

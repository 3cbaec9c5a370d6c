package org.genarm.batch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import org.junit.jupiter.api.Test;

class CustomIdsTest {
  private final CustomIds seen = new CustomIds();

  private static BatchLine line(long number, String id) {
    return new BatchLine(number, id, "/v1/completions", JsonNodeFactory.instance.objectNode(), null);
  }

  @Test
  void theSecondLineOfAnIdIsRefusedAndBothAreNamed() {
    for (int i = 1; i <= 5000; i++) {
      BatchLine line = line(i, "r" + i);
      assertSame(line, seen.requireNew(line));
    }

    for (int i = 1; i <= 5000; i++) {
      BatchLine again = seen.requireNew(line(5000 + i, "r" + i));
      assertEquals("custom_id is that of line " + i + " already", again.refusal());
      assertEquals(5000 + i, again.number());
      assertEquals("r" + i, again.customId());
      assertNull(again.body());
    }
  }

  @Test
  void linesWithoutAnIdAreNoDuplicates() {
    BatchLine broken = BatchLine.refused(2, null, "it is no JSON");
    seen.requireNew(BatchLine.refused(1, null, "it is no JSON"));

    assertSame(broken, seen.requireNew(broken));
  }
}

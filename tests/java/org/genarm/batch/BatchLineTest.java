package org.genarm.batch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BatchLineTest {
  private static BatchLine parse(String json) {
    return BatchLine.parse(7, json.replace('\'', '"').getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void aRequestHasItsPartsAndFieldsThatNobodyKnowsArePassedOver() {
    BatchLine line = parse(
        "{'custom_id': 'a', 'method': 'POST', 'url': '/v1/completions', 'body': {'prompt': 'x'}, 'extra': 1}");

    assertNull(line.refusal());
    assertEquals("a", line.customId());
    assertEquals("/v1/completions", line.url());
    assertEquals("x", line.body().get("prompt").asText());
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
    "{'custom_id': 'a', 'method': 'POST', 'url': '/v1/completions'} | body must be an object",
    "{'custom_id': 'a', 'method': 'POST', 'url': 3, 'body': {}} | url must be a string",
    "{'custom_id': 'a', 'method': 'GET', 'url': '/v1/completions', 'body': {}} | method must be \"POST\"",
    "{'custom_id': 'a', 'url': '/v1/completions', 'body': {}} | method must be \"POST\"",
    "{'custom_id': '', 'method': 'POST'} | custom_id must be a string that is not empty",
    "{'custom_id': 4, 'method': 'POST'} | custom_id must be a string that is not empty",
    "[1] | it must be a JSON object",
    "{'custom_id': 'a' | it is not valid JSON",
    "{} {} | it is not valid JSON",
  })
  void whatIsNoRequestIsRefusedWithItsReason(String json, String reason) {
    String refusal = parse(json).refusal();

    assertTrue(refusal.startsWith(reason), refusal);
  }

  @Test
  void brokenJsonIsToldWithItsPlaceAndWithoutTheParsersOwn() {
    assertEquals("it is not valid JSON (line 1, column 18): Unexpected end-of-input: expected close marker for Object",
        parse("{'custom_id': 'a'").refusal());
  }

  @Test
  void bytesThatAreNoUtf8AreRefused() {
    BatchLine line = BatchLine.parse(1, new byte[] {'{', '"', (byte) 0xC3, '"', ':', '1', '}'});

    assertEquals("it is not valid UTF-8", line.refusal());
  }

  @Test
  void idsAndSeedsFollowFromTheCustomIdAlone() {
    BatchLine here = parse("{'custom_id': 'a', 'method': 'POST', 'url': '/v1/completions', 'body': {}}");
    BatchLine there = BatchLine.refused(99, "a", "no matter");

    assertEquals(here.id(), there.id());
    assertEquals(here.seed(0), there.seed(0));
    assertNotEquals(here.seed(0), here.seed(1));
    assertNotEquals(here.seed(0), BatchLine.refused(7, "b", "no matter").seed(0));
    assertTrue(here.seed(0) >= 0 && here.seed(0) < 1L << 53);
  }
}

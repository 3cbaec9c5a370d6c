package org.genarm.openai;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import org.genarm.checkpoint.Json;

/** Reads and writes bodies: UTF-8 without exception, one object, bounded in depth. */
public final class StrictJson {
  private static final int MAX_DEPTH = 64;
  private static final int MAX_DIGITS = 100;
  private static final ObjectMapper MAPPER = JsonMapper.builder(JsonFactory.builder()
          .streamReadConstraints(StreamReadConstraints.builder()
              .maxNestingDepth(MAX_DEPTH)
              .maxNumberLength(MAX_DIGITS)
              .maxStringLength(Integer.MAX_VALUE)
              .build())
          .build())
      .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
      .build();

  private StrictJson() {}

  /** One object, or an {@link OpenAiError} that says where it is none. */
  public static ObjectNode parse(byte[] body) {
    JsonNode parsed;
    try {
      // Jackson alone would guess UTF-16 and let some malformed sequences pass.
      parsed = MAPPER.readTree(StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(body)).toString());
    } catch (CharacterCodingException e) {
      throw OpenAiError.body("the body is not valid UTF-8");
    } catch (JsonProcessingException e) {
      String where = e.getLocation() == null
          ? "" : " (line " + e.getLocation().getLineNr() + ", column " + e.getLocation().getColumnNr() + ")";
      throw OpenAiError.body("the body is not valid JSON" + where + ": " + Json.reason(e));
    }
    if (parsed instanceof ObjectNode object) {
      return object;
    }
    throw OpenAiError.body("the body must be a JSON object");
  }

  public static byte[] bytes(JsonNode node) {
    try {
      return MAPPER.writeValueAsBytes(node);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Plain maps, lists and values. */
  static Object toPlain(JsonNode node) {
    return MAPPER.convertValue(node, Object.class);
  }
}

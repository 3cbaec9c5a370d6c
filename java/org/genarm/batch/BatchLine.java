package org.genarm.batch;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import org.genarm.openai.OpenAiError;
import org.genarm.openai.StrictJson;

/**
 * A line of a batch's input.
 *
 * @param number counted from 1, empty lines included
 * @param customId null where the line has none that can be read
 * @param body null where the line is refused
 * @param refusal why the line cannot be a request, or null
 */
record BatchLine(long number, String customId, String url, ObjectNode body, String refusal) {
  private static final int ID_BYTES = 12;
  /** Seeds stay below 2^53, so that every JSON reader keeps them exact. */
  private static final int SEED_BITS = 53;

  static BatchLine parse(long number, byte[] bytes) {
    ObjectNode line;
    try {
      line = StrictJson.parse(bytes);
    } catch (OpenAiError e) {
      return refused(number, null, e.getMessage().replaceFirst("^the body", "it"));
    }
    JsonNode customId = line.path("custom_id");
    if (!customId.isTextual() || customId.textValue().isEmpty()) {
      return refused(number, null, "custom_id must be a string that is not empty");
    }
    String id = customId.textValue();
    JsonNode method = line.path("method");
    if (!method.isTextual() || !method.textValue().equals("POST")) {
      return refused(number, id, "method must be \"POST\"");
    }
    if (!line.path("url").isTextual()) {
      return refused(number, id, "url must be a string");
    }
    return line.path("body") instanceof ObjectNode body
        ? new BatchLine(number, id, line.get("url").textValue(), body, null)
        : refused(number, id, "body must be an object");
  }

  static BatchLine refused(long number, String customId, String why) {
    return new BatchLine(number, customId, null, null, why);
  }

  /** What its answer's ids end with: the same for a custom_id wherever it is run. */
  String id() {
    byte[] digest = sha256(customId == null ? "line " + number : "id " + customId);
    return HexFormat.of().formatHex(digest, 0, ID_BYTES);
  }

  /** 64 bits that tell its custom_id from others. */
  long digest() {
    return ByteBuffer.wrap(sha256("id " + customId)).getLong();
  }

  /** The seed of a request that has none: drawn from the batch's own and custom_id. */
  long seed(long batchSeed) {
    return new BigInteger(1, sha256("seed " + batchSeed + " " + customId)).longValue() >>> (Long.SIZE - SEED_BITS);
  }

  private static byte[] sha256(String text) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}

package org.genarm.batch;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.genarm.openai.OfflineRequest;
import org.genarm.openai.OpenAiError;
import org.genarm.openai.StrictJson;

/**
 * A line of a batch's output, as OpenAI writes it; {@code error} has the input's line number beside.
 *
 * @param number the input line that it answers
 * @param inputBytes of that line
 * @param refused whether the line was answered with an error
 * @param json one object in UTF-8, without the end of the line
 */
public record AnswerLine(
    long number, long inputBytes, boolean refused, int promptTokens, int completionTokens, byte[] json) {
  private static final int OK = 200;

  static AnswerLine of(BatchLine line, long inputBytes, OfflineRequest.Answer answer) {
    byte[] json = json(line, response(line, OK, answer.body()), null);
    return new AnswerLine(
        line.number(), inputBytes, false, answer.promptTokens(), answer.completionTokens(), json);
  }

  /** The API refused the request: its answer and the reason beside. */
  static AnswerLine of(BatchLine line, long inputBytes, OpenAiError error) {
    ObjectNode body = error.toJson();
    ObjectNode told = error(line, body.get("error").path("code").asText("invalid_request"), error.getMessage());
    return new AnswerLine(
        line.number(), inputBytes, true, 0, 0, json(line, response(line, error.status(), body), told));
  }

  /** The line is no request. */
  static AnswerLine refused(BatchLine line, long inputBytes) {
    return new AnswerLine(
        line.number(), inputBytes, true, 0, 0, json(line, null, error(line, "invalid_line", line.refusal())));
  }

  private static ObjectNode response(BatchLine line, int status, ObjectNode body) {
    ObjectNode response = JsonNodeFactory.instance.objectNode();
    response.put("status_code", status).put("request_id", "req_" + line.id());
    response.set("body", body);
    return response;
  }

  private static ObjectNode error(BatchLine line, String code, String message) {
    return JsonNodeFactory.instance.objectNode()
        .put("code", code)
        .put("message", "line " + line.number() + ": " + message)
        .put("line", line.number());
  }

  private static byte[] json(BatchLine line, ObjectNode response, ObjectNode error) {
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    json.put("id", "batch_req_" + line.id()).put("custom_id", line.customId());
    json.set("response", response);
    json.set("error", error);
    return StrictJson.bytes(json);
  }
}

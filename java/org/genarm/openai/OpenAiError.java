package org.genarm.openai;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.concurrent.RejectedExecutionException;
import org.genarm.binding.NativeException;
import org.genarm.engine.GenerationException;

/** A request that was refused or failed, as OpenAI's API tells it: a status and an error object. */
public final class OpenAiError extends RuntimeException {
  private static final long serialVersionUID = 1;
  private static final int RETRY_SECONDS = 1;

  private final int status;
  private final String type;
  private final String param;
  private final String code;

  public OpenAiError(int status, String type, String param, String code, String message) {
    super(message, null, false, false);
    this.status = status;
    this.type = type;
    this.param = param;
    this.code = code;
  }

  /** 400 for a field, by its path. */
  static OpenAiError field(String path, String message) {
    return new OpenAiError(400, "invalid_request_error", path, "invalid_value", message);
  }

  /** 400 for a field that OpenAI's API has and this server does not. */
  static OpenAiError unsupported(String path, String why) {
    return new OpenAiError(400, "invalid_request_error", path, "unsupported_parameter", path + " is not supported" + why);
  }

  /** 400 for a body that is no JSON object at all. */
  static OpenAiError body(String message) {
    return new OpenAiError(400, "invalid_request_error", null, "invalid_json", message);
  }

  public static OpenAiError unauthorized() {
    return new OpenAiError(401, "authentication_error", null, "invalid_api_key",
        "an API key is needed: Authorization: Bearer KEY");
  }

  public static OpenAiError notFound(String code, String message) {
    return new OpenAiError(404, "invalid_request_error", null, code, message);
  }

  public static OpenAiError tooLarge(long maxBytes) {
    return new OpenAiError(413, "invalid_request_error", null, "request_too_large",
        "a request may have at most " + maxBytes + " bytes");
  }

  public static OpenAiError unavailable(String code, String message) {
    return new OpenAiError(503, "service_unavailable", null, code, message);
  }

  /** What a failure of the facade means to a client. */
  public static OpenAiError of(Throwable failure) {
    if (failure instanceof OpenAiError known) {
      return known;
    }
    if (failure instanceof RejectedExecutionException) {
      return new OpenAiError(429, "rate_limit_error", null, "queue_full", failure.getMessage());
    }
    if (failure instanceof IllegalArgumentException) {
      return field(null, failure.getMessage());
    }
    if (failure instanceof GenerationException && failure.getCause() == null) {
      return field("guidance.weights", failure.getMessage());
    }
    if (failure instanceof NativeException || failure.getCause() instanceof NativeException) {
      return unavailable("device_error", failure.getMessage());
    }
    if (failure instanceof IllegalStateException) {
      return unavailable("engine_stopped", failure.getMessage());
    }
    return new OpenAiError(500, "server_error", null, "internal_error", "internal error, see the server's log");
  }

  public int status() {
    return status;
  }

  /** Seconds after which to come back, or 0 where that would not help. */
  public int retryAfterSeconds() {
    return status == 429 || status == 503 ? RETRY_SECONDS : 0;
  }

  /** {@code {"error": {"message", "type", "param", "code"}}} */
  public ObjectNode toJson() {
    ObjectNode body = JsonNodeFactory.instance.objectNode();
    body.putObject("error").put("message", getMessage()).put("type", type).put("param", param).put("code", code);
    return body;
  }
}

package org.genarm.server;

import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import org.genarm.openai.OpenAiError;

/** Who may call: API keys, and pages of other origins in a browser. */
final class Access {
  private static final String BEARER = "Bearer ";
  private static final String PREFLIGHT_SECONDS = "600";

  private final ServerConfig config;

  Access(ServerConfig config) {
    this.config = config;
  }

  /** A 401 unless the request has one of the keys, where there are any. */
  void requireKey(HttpServerRequest request) {
    if (config.apiKeys().isEmpty()) {
      return;
    }
    String header = request.getHeader(HttpHeaders.AUTHORIZATION);
    boolean known = false;
    if (header != null && header.regionMatches(true, 0, BEARER, 0, BEARER.length())) {
      byte[] given = header.substring(BEARER.length()).trim().getBytes(StandardCharsets.UTF_8);
      for (String key : config.apiKeys()) {
        // Every key is compared, in a time that does not tell how much of it was right.
        known |= MessageDigest.isEqual(given, key.getBytes(StandardCharsets.UTF_8));
      }
    }
    if (!known) {
      throw OpenAiError.unauthorized();
    }
  }

  /** Lets a page of an allowed origin read the response. */
  void allowOrigin(HttpServerRequest request) {
    String origin = request.getHeader(HttpHeaders.ORIGIN);
    if (origin == null) {
      return;
    }
    HttpServerResponse response = request.response();
    if (config.corsOrigins().contains("*")) {
      response.putHeader(HttpHeaders.ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    } else if (config.corsOrigins().contains(origin)) {
      response.putHeader(HttpHeaders.ACCESS_CONTROL_ALLOW_ORIGIN, origin).putHeader(HttpHeaders.VARY, "Origin");
    } else {
      return;
    }
    response.putHeader(HttpHeaders.ACCESS_CONTROL_EXPOSE_HEADERS, "X-Request-Id, Retry-After");
  }

  /** Answers a browser that asks before it calls. */
  void preflight(HttpServerRequest request) {
    request.response()
        .putHeader(HttpHeaders.ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PATCH, OPTIONS")
        .putHeader(HttpHeaders.ACCESS_CONTROL_ALLOW_HEADERS, "*, Authorization, Content-Type, X-Request-Id")
        .putHeader(HttpHeaders.ACCESS_CONTROL_MAX_AGE, PREFLIGHT_SECONDS)
        .setStatusCode(204)
        .end();
  }
}

package org.genarm.server;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Where a server listens, whom it serves and its limits.
 *
 * @param port 0 takes a free one
 * @param apiKeys any of them opens /v1; none: no key is asked for
 * @param modelName what requests and responses call the base
 * @param corsOrigins pages that may call from a browser; "*" is any
 * @param maxRequestBytes the longest body
 * @param bodyTimeout until a request's head and body must have come
 * @param requestTimeout until a generation must have ended, its wait in the queue included
 * @param drain until running generations must have ended once the server shuts down
 * @param template what /v1/completions puts a text prompt into; a chat goes through the models' own templates
 * @param armTemplates as {@code template}, by reward model; the base's for one that is not named
 */
public record ServerConfig(
    String host,
    int port,
    Set<String> apiKeys,
    String modelName,
    List<String> corsOrigins,
    int maxRequestBytes,
    Duration bodyTimeout,
    Duration requestTimeout,
    Duration drain,
    String template,
    Map<String, String> armTemplates) {
  public static final int DEFAULT_PORT = 8000;
  public static final int DEFAULT_MAX_REQUEST_BYTES = 4 << 20;

  public ServerConfig {
    apiKeys = Set.copyOf(apiKeys);
    corsOrigins = List.copyOf(corsOrigins);
    armTemplates = Map.copyOf(armTemplates);
    require(port >= 0 && port <= 65535, "port must be between 0 and 65535", port);
    require(!modelName.isBlank(), "the served model's name must not be blank", modelName);
    require(maxRequestBytes >= 1, "the longest request must be at least 1 byte", maxRequestBytes);
    require(!bodyTimeout.isNegative() && !bodyTimeout.isZero(), "the body timeout must be above 0", bodyTimeout);
    require(!requestTimeout.isNegative() && !requestTimeout.isZero(), "the request timeout must be above 0",
        requestTimeout);
    require(!drain.isNegative(), "the drain time must be at least 0", drain);
    require(apiKeys.stream().noneMatch(String::isBlank), "an API key must not be blank", "one that is");
  }

  private static void require(boolean holds, String expected, Object found) {
    if (!holds) {
      throw new IllegalArgumentException(expected + ", got " + found);
    }
  }

  /** On this machine alone, without a key. */
  public static ServerConfig local(String modelName, int port) {
    return new ServerConfig("127.0.0.1", port, Set.of(), modelName, List.of(), DEFAULT_MAX_REQUEST_BYTES,
        Duration.ofSeconds(30), Duration.ofMinutes(10), Duration.ofSeconds(30), "none", Map.of());
  }

  public ServerConfig withApiKeys(Set<String> keys) {
    return new ServerConfig(host, port, keys, modelName, corsOrigins, maxRequestBytes, bodyTimeout, requestTimeout,
        drain, template, armTemplates);
  }

  public ServerConfig withCorsOrigins(List<String> origins) {
    return new ServerConfig(host, port, apiKeys, modelName, origins, maxRequestBytes, bodyTimeout, requestTimeout,
        drain, template, armTemplates);
  }

  public ServerConfig withTimeouts(Duration body, Duration request, Duration draining) {
    return new ServerConfig(host, port, apiKeys, modelName, corsOrigins, maxRequestBytes, body, request, draining,
        template, armTemplates);
  }
}

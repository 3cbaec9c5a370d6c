package org.genarm.server;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerRequest;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.genarm.openai.ModelsJson;
import org.genarm.openai.OpenAiError;

/** Which path and method is which endpoint. On the event loop; what reads a body goes on on a parser's thread. */
final class Routes {
  private static final Pattern REQUEST_ID = Pattern.compile("[A-Za-z0-9._:-]{1,128}");
  private static final Pattern GUIDANCE = Pattern.compile("/v1/generations/([A-Za-z0-9-]{1,128})/guidance");
  private static final String MODELS = "/v1/models";

  private final Service service;
  private final Access access;
  private final Playground playground = new Playground();
  private volatile Endpoints endpoints;
  private volatile boolean draining;

  Routes(Service service) {
    this.service = service;
    access = new Access(service.config());
  }

  /** There are models from here on. */
  void open(Endpoints opened) {
    endpoints = opened;
  }

  /** No new work from here on. */
  void drain() {
    draining = true;
  }

  void handle(HttpServerRequest request) {
    String given = request.getHeader("X-Request-Id");
    String id = given != null && REQUEST_ID.matcher(given).matches() ? given : UUID.randomUUID().toString();
    Exchange exchange = new Exchange(request, Vertx.currentContext(), id);
    request.exceptionHandler(broken -> {});
    try {
      access.allowOrigin(request);
      if (request.method() == HttpMethod.OPTIONS) {
        access.preflight(request);
      } else if (request.path() != null && request.path().startsWith("/v1/")) {
        access.requireKey(request);
        api(exchange, request.path());
      } else {
        plain(exchange, String.valueOf(request.path()));
      }
    } catch (RuntimeException e) {
      exchange.fail(e);
    }
  }

  private void api(Exchange exchange, String path) {
    Matcher guidance = GUIDANCE.matcher(path);
    if (path.equals("/v1/completions")) {
      generate(exchange, body -> requireModels().completions(exchange, body));
    } else if (path.equals("/v1/chat/completions")) {
      generate(exchange, body -> requireModels().chat(exchange, body));
    } else if (guidance.matches()) {
      require(exchange, HttpMethod.PATCH);
      requireModels();
      read(exchange, body -> requireModels().guidance(exchange, guidance.group(1), body));
    } else if (path.equals(MODELS) || path.startsWith(MODELS + "/")) {
      require(exchange, HttpMethod.GET);
      ModelsJson models = requireModels().models();
      exchange.respond(200, path.equals(MODELS) ? models.list() : models.one(path.substring(MODELS.length() + 1)));
    } else {
      throw OpenAiError.notFound("unknown_url", "there is nothing at " + path);
    }
  }

  private void plain(Exchange exchange, String path) {
    require(exchange, HttpMethod.GET);
    Playground.File file = playground.at(path);
    if (file != null) {
      exchange.request().response().putHeader("Content-Security-Policy", Playground.CONTENT_SECURITY_POLICY)
          .putHeader("X-Content-Type-Options", "nosniff").putHeader("Cache-Control", "no-cache");
      exchange.respond(200, file.contentType(), file.bytes());
      return;
    }
    switch (path) {
      case "/health" -> status(exchange, endpoints == null || !endpoints.genArm().isOpen());
      case "/ready" -> status(exchange, draining || endpoints == null || !endpoints.genArm().isOpen());
      case "/metrics" -> exchange.respond(200, Metrics.CONTENT_TYPE, Buffer.buffer(service.metrics().text()));
      default -> throw OpenAiError.notFound("unknown_url", "there is nothing at " + path);
    }
  }

  private void status(Exchange exchange, boolean unavailable) {
    String status = endpoints == null ? "loading" : !endpoints.genArm().isOpen() ? "stopped" : draining ? "draining" : "ok";
    exchange.respond(unavailable ? 503 : 200, JsonNodeFactory.instance.objectNode().put("status", status));
  }

  private Endpoints requireModels() {
    if (endpoints == null) {
      throw OpenAiError.unavailable("loading", "the models are being loaded");
    }
    return endpoints;
  }

  private static void require(Exchange exchange, HttpMethod method) {
    HttpMethod found = exchange.request().method();
    if (found != method && !(method == HttpMethod.GET && found == HttpMethod.HEAD)) {
      exchange.request().response().putHeader("Allow", method.name());
      throw new OpenAiError(405, "invalid_request_error", null, "method_not_allowed",
          found + " is not allowed at " + exchange.request().path() + ", expected " + method);
    }
  }

  private void generate(Exchange exchange, Consumer<byte[]> handler) {
    require(exchange, HttpMethod.POST);
    requireModels();
    if (draining) {
      throw OpenAiError.unavailable("shutting_down", "the server shuts down");
    }
    read(exchange, handler);
  }

  private void read(Exchange exchange, Consumer<byte[]> handler) {
    RequestBody.read(exchange, service.vertx(), service.config(), body -> {
      try {
        service.workers().parsers().execute(() -> handler.accept(body));
      } catch (RuntimeException e) {
        exchange.fail(e);
      }
    });
  }
}

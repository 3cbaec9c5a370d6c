package org.genarm.server;

import io.vertx.core.Handler;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpServerRequest;
import org.genarm.openai.OpenAiError;

/** Collects one request's body within limits of size and time, on the event loop. */
final class RequestBody {
  /** A body that is too long is read to its end and thrown away up to here, so that its sender reads the answer. */
  private static final int DISCARDED_BYTES = 64 << 20;

  private final Exchange exchange;
  private final ServerConfig config;
  private final Handler<byte[]> whole;
  private final long timer;
  private final Vertx vertx;
  private Buffer collected = Buffer.buffer();
  private long received;
  private boolean over;

  private RequestBody(Exchange exchange, Vertx vertx, ServerConfig config, Handler<byte[]> whole) {
    this.exchange = exchange;
    this.config = config;
    this.whole = whole;
    this.vertx = vertx;
    timer = vertx.setTimer(config.bodyTimeout().toMillis(), late -> refuse(new OpenAiError(408, "invalid_request_error",
        null, "body_timeout", "the request's body did not come within " + config.bodyTimeout().toSeconds() + " s")));
  }

  /** Hands the whole body on, or answers with an error. */
  static void read(Exchange exchange, Vertx vertx, ServerConfig config, Handler<byte[]> whole) {
    HttpServerRequest request = exchange.request();
    RequestBody body = new RequestBody(exchange, vertx, config, whole);
    exchange.onClose(body::abandon);
    if (body.announced(request) > DISCARDED_BYTES) {
      body.refuse(OpenAiError.tooLarge(config.maxRequestBytes()));
      return;
    }
    request.handler(body::add);
    request.endHandler(end -> body.end());
    request.exceptionHandler(broken -> body.abandon());
  }

  private long announced(HttpServerRequest request) {
    String length = request.getHeader(HttpHeaders.CONTENT_LENGTH);
    try {
      return length == null ? 0 : Long.parseLong(length);
    } catch (NumberFormatException e) {
      return 0;
    }
  }

  private void add(Buffer part) {
    received += part.length();
    if (received <= config.maxRequestBytes()) {
      collected.appendBuffer(part);
    } else if (received <= DISCARDED_BYTES) {
      collected = Buffer.buffer();
    } else {
      refuse(OpenAiError.tooLarge(config.maxRequestBytes()));
    }
  }

  private void end() {
    if (over) {
      return;
    }
    abandon();
    if (received > config.maxRequestBytes()) {
      exchange.fail(OpenAiError.tooLarge(config.maxRequestBytes()));
    } else {
      whole.handle(collected.getBytes());
    }
  }

  private void refuse(OpenAiError error) {
    if (!over) {
      abandon();
      exchange.failAndClose(error);
    }
  }

  private void abandon() {
    over = true;
    vertx.cancelTimer(timer);
  }
}

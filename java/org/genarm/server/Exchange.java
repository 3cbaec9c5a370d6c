package org.genarm.server;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import org.genarm.openai.OpenAiError;
import org.genarm.openai.StrictJson;

/**
 * One HTTP request and its response. Any thread may answer; what touches the connection is done on its event loop, in
 * the order in which it was asked for. Once the response has ended, or its connection has, answers are dropped.
 */
final class Exchange {
  private static final System.Logger LOG = System.getLogger(Exchange.class.getName());

  private final HttpServerRequest request;
  private final HttpServerResponse response;
  private final Context context;
  private final String id;
  private volatile Runnable onClose = () -> {};

  /** On the event loop. */
  Exchange(HttpServerRequest request, Context context, String id) {
    this.request = request;
    this.response = request.response();
    this.context = context;
    this.id = id;
    response.putHeader("X-Request-Id", id);
    response.exceptionHandler(failure -> LOG.log(System.Logger.Level.DEBUG, "response " + id, failure));
    response.closeHandler(closed -> onClose.run());
  }

  HttpServerRequest request() {
    return request;
  }

  String id() {
    return id;
  }

  /** Told when the connection ends before the response has. At once where it already has. */
  void onClose(Runnable action) {
    onClose = action;
    run(() -> {
      if (response.closed()) {
        action.run();
      }
    });
  }

  void respond(int status, ObjectNode body) {
    respond(status, "application/json", Buffer.buffer(StrictJson.bytes(body)));
  }

  void respond(int status, String contentType, Buffer body) {
    run(() -> {
      if (!isOver()) {
        response.setStatusCode(status).putHeader(HttpHeaders.CONTENT_TYPE, contentType).end(body);
      }
    });
  }

  /** Answers with an error object; where the answer is a stream that has begun, with an event, and ends it. */
  void fail(Throwable failure) {
    OpenAiError error = OpenAiError.of(failure);
    if (error.status() == 500) {
      LOG.log(System.Logger.Level.ERROR, "request " + id + " failed", failure);
    }
    run(() -> {
      if (isOver()) {
        return;
      }
      if (response.headWritten()) {
        response.end(event(error.toJson()).appendString("data: [DONE]\n\n"));
        return;
      }
      if (error.retryAfterSeconds() > 0) {
        response.putHeader(HttpHeaders.RETRY_AFTER, String.valueOf(error.retryAfterSeconds()));
      }
      respond(error.status(), error.toJson());
    });
  }

  /** As {@link #fail}, and closes the connection: what the client still sends is not read. */
  void failAndClose(OpenAiError error) {
    run(() -> {
      if (!response.headWritten()) {
        response.putHeader(HttpHeaders.CONNECTION, "close");
      }
      fail(error);
      request.connection().close();
    });
  }

  /** Writes events; `ready` is told when the connection takes more, and never where it has ended. */
  void stream(Buffer events, Runnable ready) {
    run(() -> {
      if (isOver()) {
        return;
      }
      begin();
      response.write(events);
      if (response.writeQueueFull()) {
        response.drainHandler(drained -> ready.run());
      } else {
        ready.run();
      }
    });
  }

  void endStream(Buffer events) {
    run(() -> {
      if (!isOver()) {
        begin();
        response.end(events);
      }
    });
  }

  private void begin() {
    if (!response.headWritten()) {
      response.setChunked(true)
          .putHeader(HttpHeaders.CONTENT_TYPE, "text/event-stream; charset=utf-8")
          .putHeader(HttpHeaders.CACHE_CONTROL, "no-cache")
          .putHeader("X-Accel-Buffering", "no");
    }
  }

  /** One server-sent event. */
  static Buffer event(ObjectNode data) {
    return Buffer.buffer("data: ").appendBytes(StrictJson.bytes(data)).appendString("\n\n");
  }

  private boolean isOver() {
    return response.ended() || response.closed();
  }

  private void run(Runnable action) {
    if (Vertx.currentContext() == context) {
      action.run();
    } else {
      context.runOnContext(v -> action.run());
    }
  }
}

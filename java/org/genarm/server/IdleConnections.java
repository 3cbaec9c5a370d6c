package org.genarm.server;

import io.vertx.core.Vertx;
import io.vertx.core.http.HttpConnection;
import java.util.HashMap;
import java.util.Map;

/** Closes connections on which no request comes, half of a head among them. On the event loop. */
final class IdleConnections {
  private static final long KEEP_ALIVE_MS = 120_000;

  private final Vertx vertx;
  private final long headMs;
  private final Map<HttpConnection, Long> timers = new HashMap<>();

  IdleConnections(Vertx vertx, ServerConfig config) {
    this.vertx = vertx;
    headMs = config.bodyTimeout().toMillis();
  }

  void opened(HttpConnection connection) {
    connection.closeHandler(closed -> busy(connection));
    arm(connection, headMs);
  }

  /** A request is there. */
  void busy(HttpConnection connection) {
    Long timer = timers.remove(connection);
    if (timer != null) {
      vertx.cancelTimer(timer);
    }
  }

  /** Its response has ended. */
  void idle(HttpConnection connection) {
    busy(connection);
    arm(connection, KEEP_ALIVE_MS);
  }

  private void arm(HttpConnection connection, long milliseconds) {
    timers.put(connection, vertx.setTimer(milliseconds, late -> {
      timers.remove(connection);
      connection.close();
    }));
  }
}

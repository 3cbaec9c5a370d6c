package org.genarm.server;

import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.file.FileSystemOptions;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.net.SocketAddress;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import org.genarm.GenArm;
import org.genarm.openai.OpenAiError;

/**
 * Serves a {@link GenArm} over HTTP. It listens from the start, answers 503 until {@link #open} brings models, and
 * {@link #drain} lets what runs come to its end.
 *
 * <p>The models are the caller's and stay open until the server is closed.
 */
public final class GenArmServer implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(GenArmServer.class.getName());
  private static final int MAX_HEADER_BYTES = 16 << 10;
  private static final int MAX_LINE_BYTES = 8 << 10;
  private static final long LAST_WORDS_MS = 2000;

  private final ServerConfig config;
  private final Vertx vertx;
  private final Service service;
  private final Routes routes;
  private final HttpServer server;
  private boolean closed;

  private GenArmServer(ServerConfig config) {
    this.config = config;
    vertx = Vertx.vertx(new VertxOptions()
        .setEventLoopPoolSize(1)
        .setUseDaemonThread(true)
        .setFileSystemOptions(new FileSystemOptions().setFileCachingEnabled(false).setClassPathResolvingEnabled(false)));
    service = new Service(config, vertx, new Workers(), new Metrics(), new Generations());
    routes = new Routes(service);
    IdleConnections connections = new IdleConnections(vertx, config);
    server = vertx.createHttpServer(new HttpServerOptions()
            // Over cleartext HTTP/2, which the JDK's client asks for, a shutdown would cut running streams off.
            .setHttp2ClearTextEnabled(false)
            .setHandle100ContinueAutomatically(true)
            .setMaxHeaderSize(MAX_HEADER_BYTES)
            .setMaxInitialLineLength(MAX_LINE_BYTES)
            .setTcpNoDelay(true))
        .connectionHandler(connections::opened)
        .requestHandler(request -> {
          connections.busy(request.connection());
          request.response().endHandler(end -> {
            connections.idle(request.connection());
            service.metrics().response(request.response().getStatusCode());
          });
          routes.handle(request);
        });
  }

  /**
   * Listens.
   *
   * @throws IllegalArgumentException where the host or the port cannot be had
   */
  public static GenArmServer start(ServerConfig config) {
    GenArmServer server = new GenArmServer(config);
    try {
      InetAddress host = InetAddress.getByName(config.host());
      server.server.listen(SocketAddress.inetSocketAddress(new InetSocketAddress(host, config.port())))
          .toCompletionStage().toCompletableFuture().join();
      return server;
    } catch (UnknownHostException | CompletionException e) {
      server.close();
      Throwable cause = e instanceof CompletionException ? e.getCause() : e;
      throw new IllegalArgumentException(
          "cannot listen on " + config.host() + ":" + config.port() + ": " + cause.getMessage(), cause);
    }
  }

  /** Serves these models from here on. */
  public void open(GenArm genArm) {
    service.metrics().observe(genArm);
    routes.open(new Endpoints(service, genArm));
  }

  public int port() {
    return server.actualPort();
  }

  /** As a browser spells it: "http://127.0.0.1:8000". */
  public String url() {
    return "http://" + (config.host().contains(":") ? "[" + config.host() + "]" : config.host()) + ":" + port();
  }

  /** Requests whose response has not ended. */
  public int running() {
    return service.generations().size();
  }

  /**
   * Takes no new work, and waits until what runs has ended; after {@link ServerConfig#drain} that ends with a 503.
   * Tells whether everything came to its own end.
   */
  public boolean drain() throws InterruptedException {
    routes.drain();
    if (service.generations().awaitNone(config.drain().toNanos())) {
      return true;
    }
    service.generations().all().forEach(run -> run.fail(
        OpenAiError.unavailable("shutting_down", "the server shuts down")));
    return false;
  }

  /** Stops listening, gives last bytes a moment to leave, and cuts off what is left. A second call does nothing. */
  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    closed = true;
    routes.drain();
    service.generations().all().forEach(run -> run.fail(
        OpenAiError.unavailable("shutting_down", "the server shuts down")));
    // One after the other from this thread: what follows a close on the event loop would never run.
    await(server.shutdown(LAST_WORDS_MS, TimeUnit.MILLISECONDS));
    await(vertx.close());
    service.workers().close();
  }

  private static void await(Future<?> done) {
    try {
      done.toCompletionStage().toCompletableFuture().join();
    } catch (CompletionException e) {
      LOG.log(System.Logger.Level.WARNING, "closing the server", e.getCause());
    }
  }
}

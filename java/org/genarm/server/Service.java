package org.genarm.server;

import io.vertx.core.Vertx;

/** What the endpoints share. */
record Service(ServerConfig config, Vertx vertx, Workers workers, Metrics metrics, Generations generations) {}

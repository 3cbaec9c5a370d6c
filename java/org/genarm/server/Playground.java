package org.genarm.server;

import io.vertx.core.buffer.Buffer;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.Map;

/** The page at {@code /}: three files of the class path, which ask nothing of anyone but this server. */
final class Playground {
  /** What a browser lets the page do. */
  static final String CONTENT_SECURITY_POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; "
      + "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

  /** One of its files. */
  record File(String contentType, Buffer bytes) {}

  private final Map<String, File> byPath = new LinkedHashMap<>();

  Playground() {
    byPath.put("/", read("playground.html", "text/html; charset=utf-8"));
    byPath.put("/playground.css", read("playground.css", "text/css; charset=utf-8"));
    byPath.put("/playground.js", read("playground.js", "text/javascript; charset=utf-8"));
  }

  private static File read(String name, String contentType) {
    try (InputStream in = Playground.class.getResourceAsStream(name)) {
      return new File(contentType, Buffer.buffer(in.readAllBytes()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The file at a path, or null. */
  File at(String path) {
    return byPath.get(path);
  }
}

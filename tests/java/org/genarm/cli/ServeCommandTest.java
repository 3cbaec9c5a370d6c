package org.genarm.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code genarm serve} as a process of its own. */
class ServeCommandTest {
  private static final String BODY = "{\"prompt\": \"The year\", \"max_tokens\": 300, \"ignore_eos\": true,"
      + " \"seed\": 1, \"stream\": true}";

  @TempDir Path folder;

  private Path says() {
    return folder.resolve("says");
  }

  private Process serve(String... options) throws Exception {
    List<String> command = new ArrayList<>(List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "-cp", System.getProperty("java.class.path"), Main.class.getName(), "serve",
        "--base", "models/demo-base", "--arm", "positive=models/demo-arm-positive", "--port", "0"));
    command.addAll(List.of(options));
    return new ProcessBuilder(command).redirectError(says().toFile()).start();
  }

  /** Waits until it is ready, and returns where it listens. */
  private String url(Process process) throws Exception {
    List<String> lines = List.of();
    while (!lines.contains("genarm: ready")) {
      assertTrue(process.isAlive(), "it ended before it was ready: " + lines);
      Thread.sleep(20);
      lines = Files.readAllLines(says());
    }
    return lines.get(0).substring("genarm: listening on ".length());
  }

  private static HttpRequest.Builder request(String url, String key) {
    return HttpRequest.newBuilder(URI.create(url + "/v1/completions")).header("Authorization", "Bearer " + key)
        .POST(HttpRequest.BodyPublishers.ofString(BODY));
  }

  @Test
  void sigtermUnderLoadLetsStreamsFinishAndExitsWithZero() throws Exception {
    Path keys = Files.writeString(folder.resolve("keys"), "a key\n\n");
    Process process = serve("--api-key-file", keys.toString(), "--max-num-seqs", "4");
    try {
      String url = url(process);
      HttpClient client = HttpClient.newHttpClient();
      assertEquals(401, client.send(request(url, "none").build(), HttpResponse.BodyHandlers.discarding()).statusCode());
      List<CompletableFuture<HttpResponse<String>>> streams = new ArrayList<>();
      for (int i = 0; i < 12; i++) {
        streams.add(client.sendAsync(request(url, "a key").build(), HttpResponse.BodyHandlers.ofString()));
      }
      awaitRunning(client, url);

      process.destroy();

      int finished = 0;
      for (CompletableFuture<HttpResponse<String>> stream : streams) {
        HttpResponse<String> response = stream.handle((answer, failure) -> answer).get();
        if (response != null && response.statusCode() == 200) {
          assertTrue(response.body().contains("\"finish_reason\":\"length\""), "a stream is cut off");
          assertTrue(response.body().endsWith("data: [DONE]\n\n"));
          finished++;
        }
      }
      assertTrue(finished >= 4, "those that ran came to their end: " + finished);
      assertTrue(process.waitFor(60, TimeUnit.SECONDS));
      assertEquals(0, process.exitValue());
      assertTrue(Files.readAllLines(says()).contains("genarm: drained"));
    } finally {
      process.destroyForcibly();
    }
  }

  private static void awaitRunning(HttpClient client, String url) throws Exception {
    HttpRequest metrics = HttpRequest.newBuilder(URI.create(url + "/metrics")).build();
    for (int i = 0; i < 4000; i++) {
      if (client.send(metrics, HttpResponse.BodyHandlers.ofString()).body().contains("genarm_requests_running 4.0")) {
        return;
      }
      Thread.sleep(5);
    }
    throw new AssertionError("they never ran");
  }

  @Test
  void anUnknownTemplateIsRefusedBeforeAnythingIsLoaded() throws Exception {
    Process process = serve("--template", "sonnet");

    assertEquals(2, process.waitFor());
    String said = Files.readString(says());
    assertTrue(said.contains("--template: expected one of"), said);
  }

  @Test
  void aModelThatIsNotThereEndsTheServer() throws Exception {
    Process process = serve("--arm", "other=models/nothing");

    assertEquals(3, process.waitFor());
    String said = Files.readString(says());
    assertTrue(said.contains("models/nothing"), said);
  }
}

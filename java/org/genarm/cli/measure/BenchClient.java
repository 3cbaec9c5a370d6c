package org.genarm.cli.measure;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** Speaks to a server as its clients do. Any thread may use it. */
final class BenchClient {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final HttpClient http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private final String server;
  private final String apiKey;
  private final JsonNode models;

  /**
   * Asks the server which models it has.
   *
   * @param apiKey null where it needs none
   * @throws IllegalArgumentException where it does not answer
   */
  BenchClient(URI server, String apiKey) throws InterruptedException {
    this.server = server.toString().replaceFirst("/(v1/?)?$", "");
    this.apiKey = apiKey;
    try {
      HttpResponse<String> answer = http.send(request("/v1/models").build(), HttpResponse.BodyHandlers.ofString());
      if (answer.statusCode() != 200) {
        throw new IOException("HTTP " + answer.statusCode() + " " + answer.body());
      }
      models = JSON.readTree(answer.body()).path("data");
    } catch (IOException | IllegalArgumentException e) {
      throw new IllegalArgumentException("--url: " + server + " does not tell its models: " + e, e);
    }
  }

  private HttpRequest.Builder request(String path) {
    HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(server + path))
        .header("Content-Type", "application/json");
    return apiKey == null ? request : request.header("Authorization", "Bearer " + apiKey);
  }

  /** What requests name as their model. */
  String model() {
    return models.path(0).path("id").asText();
  }

  /** Prompt ids are below this; 0 where the server does not say. */
  int vocabSize() {
    return models.path(0).path("vocab_size").asInt();
  }

  /** The reward models' names. */
  List<String> arms() {
    List<String> arms = new ArrayList<>();
    for (JsonNode model : models) {
      if (model.path("kind").asText().equals("arm")) {
        arms.add(model.path("id").asText());
      }
    }
    return arms;
  }

  /** Asks for a stream. What comes back always completes; a failure is told by {@link StreamTimes#failure}. */
  CompletableFuture<StreamTimes> stream(ObjectNode body) {
    String path = body.has("messages") ? "/v1/chat/completions" : "/v1/completions";
    HttpRequest request = request(path).POST(HttpRequest.BodyPublishers.ofString(body.toString())).build();
    StreamTimes times = new StreamTimes();
    return http.sendAsync(request, times.handler()).handle((answer, failure) -> {
      times.ended(failure);
      return times;
    });
  }
}

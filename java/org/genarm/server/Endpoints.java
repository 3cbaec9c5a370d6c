package org.genarm.server;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.UUID;
import org.genarm.GenArm;
import org.genarm.Generation;
import org.genarm.openai.ChatHandler;
import org.genarm.openai.CompletionsHandler;
import org.genarm.openai.Envelope;
import org.genarm.openai.Fields;
import org.genarm.openai.GuidanceField;
import org.genarm.openai.Job;
import org.genarm.openai.JobHandler;
import org.genarm.openai.ModelsJson;
import org.genarm.openai.OpenAiError;
import org.genarm.openai.StrictJson;

/** What the server does with a parsed body, once there are models. On a parser's thread. */
final class Endpoints {
  private final Service service;
  private final GenArm genArm;
  private final ModelsJson models;
  private final JobHandler completions;
  private final JobHandler chat;

  Endpoints(Service service, GenArm genArm) {
    this.service = service;
    this.genArm = genArm;
    models = new ModelsJson(genArm, service.config().modelName());
    completions = new CompletionsHandler(genArm, service.config().template(), service.config().armTemplates());
    chat = new ChatHandler(genArm);
  }

  GenArm genArm() {
    return genArm;
  }

  ModelsJson models() {
    return models;
  }

  void completions(Exchange exchange, byte[] body) {
    generate(exchange, body, completions);
  }

  void chat(Exchange exchange, byte[] body) {
    generate(exchange, body, chat);
  }

  private void generate(Exchange exchange, byte[] body, JobHandler handler) {
    try {
      Fields fields = new Fields(StrictJson.parse(body));
      models.requireBase(fields.text("model"));
      Job job = handler.job(fields);
      service.metrics().unknownFields(fields.unread().size());
      start(exchange, job);
    } catch (InterruptedException e) {
      exchange.fail(OpenAiError.unavailable("shutting_down", "the server shuts down"));
    } catch (RuntimeException e) {
      exchange.fail(e);
    }
  }

  private void start(Exchange exchange, Job job) {
    List<Generation> generations = job.submit(genArm);
    String id = job.shape().idPrefix() + UUID.randomUUID().toString().replace("-", "");
    OptionalLong seed = generations.size() == 1 ? OptionalLong.of(generations.get(0).seed()) : OptionalLong.empty();
    Envelope envelope = new Envelope(id, service.config().modelName(), job.shape(), seed, Instant.now().getEpochSecond());
    RunWriter writer = job.stream()
        ? new StreamedResponse(exchange, job, envelope)
        : new WholeResponse(exchange, job, envelope);
    new GenerationRun(id, service, exchange, job, generations, writer).start();
  }

  /** {@code PATCH /v1/generations/{id}/guidance} */
  void guidance(Exchange exchange, String id, byte[] body) {
    try {
      Map<String, Double> weights = GuidanceField.change(new Fields(StrictJson.parse(body)), genArm.arms());
      service.generations().get(id).guidance(weights);
      service.metrics().guidanceChange();
      ObjectNode answer = JsonNodeFactory.instance.objectNode();
      answer.put("id", id).put("object", "generation.guidance");
      ObjectNode changed = answer.putObject("weights");
      weights.forEach(changed::put);
      exchange.respond(200, answer);
    } catch (RuntimeException e) {
      exchange.fail(e);
    }
  }
}

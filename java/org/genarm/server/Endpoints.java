package org.genarm.server;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.UUID;
import org.genarm.GenArm;
import org.genarm.Generation;
import org.genarm.Request;
import org.genarm.tokenizer.jinja.TemplateException;

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
    completions = new CompletionsHandler(genArm, service.config());
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
      requireRoom(job);
      start(exchange, job);
    } catch (InterruptedException e) {
      exchange.fail(OpenAiError.unavailable("shutting_down", "the server shuts down"));
    } catch (TemplateException e) {
      exchange.fail(OpenAiError.field("messages", e.getMessage()));
    } catch (RuntimeException e) {
      exchange.fail(e);
    }
  }

  private void requireRoom(Job job) {
    int most = genArm.config().maxQueue();
    if ((long) job.prompts().size() * job.n() > most) {
      String field = job.n() > 1 ? "n" : job.promptField();
      throw OpenAiError.field(field, field + ": a request may have at most " + most
          + " choices over all its prompts, got " + (long) job.prompts().size() * job.n());
    }
  }

  private void start(Exchange exchange, Job job) {
    List<Generation> generations = new ArrayList<>();
    try {
      for (Job.Prompt prompt : job.prompts()) {
        if (prompt.request() != null) {
          generations.add(submit(prompt.request(), job));
        }
      }
    } catch (RuntimeException e) {
      generations.forEach(Generation::cancel);
      throw e;
    }
    String id = job.shape().idPrefix() + UUID.randomUUID().toString().replace("-", "");
    OptionalLong seed = generations.size() == 1 ? OptionalLong.of(generations.get(0).seed()) : OptionalLong.empty();
    Envelope envelope = new Envelope(id, service.config().modelName(), job.shape(), seed);
    RunWriter writer = job.stream()
        ? new StreamedResponse(exchange, job, envelope)
        : new WholeResponse(exchange, job, envelope);
    new GenerationRun(id, service, exchange, job, generations, writer).start();
  }

  /** What the engine refuses about a request that passed every check of its fields lies in its prompt. */
  private Generation submit(Request request, Job job) {
    try {
      return genArm.submit(request);
    } catch (IllegalArgumentException e) {
      throw OpenAiError.field(job.promptField(), job.promptField() + ": " + e.getMessage());
    }
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

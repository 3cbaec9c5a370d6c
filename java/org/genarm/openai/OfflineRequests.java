package org.genarm.openai;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Map;
import org.genarm.GenArm;

/** OpenAI's completions and chat without HTTP: fields, checks and answers are the server's. Any thread may use it. */
public final class OfflineRequests {
  private static final String COMPLETIONS = "/v1/completions";
  private static final String CHAT = "/v1/chat/completions";

  /** Paths of the endpoints that are answered. */
  public static final List<String> URLS = List.of(COMPLETIONS, CHAT);

  private final GenArm genArm;
  private final String modelName;
  private final ModelsJson models;
  private final Map<String, JobHandler> handlers;

  /**
   * @param modelName what requests and answers call the base
   * @param template what a completion's text prompt is put into; a chat goes through the models' own templates
   * @param armTemplates as {@code template}, by reward model
   */
  public OfflineRequests(GenArm genArm, String modelName, String template, Map<String, String> armTemplates) {
    this.genArm = genArm;
    this.modelName = modelName;
    models = new ModelsJson(genArm, modelName);
    handlers = Map.of(
        COMPLETIONS, new CompletionsHandler(genArm, template, Map.copyOf(armTemplates)),
        CHAT, new ChatHandler(genArm));
  }

  /**
   * Reads a request's body; nothing runs before {@link OfflineRequest#submit}. Its answer has no clock in it, so that
   * the same request is always answered with the same bytes.
   *
   * @param id what the answer's own id ends with
   * @param seed counts where the body has none; it is then put into it
   * @throws OpenAiError names the field that cannot be served
   */
  public OfflineRequest prepare(String url, ObjectNode body, String id, long seed) throws InterruptedException {
    JobHandler handler = handlers.get(url);
    if (handler == null) {
      throw OpenAiError.notFound("unknown_url", "url must be one of " + String.join(", ", URLS) + ", got " + url);
    }
    if (!body.hasNonNull("seed")) {
      body.put("seed", seed);
    }
    Fields fields = new Fields(body);
    models.requireBase(fields.text("model"));
    Job job = handler.job(fields);
    if (job.stream()) {
      throw OpenAiError.field("stream", "stream must be false: there is nobody to stream to");
    }
    return new OfflineRequest(genArm, job, modelName, id);
  }
}

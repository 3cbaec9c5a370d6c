package org.genarm.openai;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.genarm.GenArm;
import org.genarm.Request;

/** {@code POST /v1/chat/completions}: a conversation, rendered by each model's template. */
public final class ChatHandler implements JobHandler {
  private static final Set<String> ROLES = Set.of("system", "developer", "user", "assistant", "tool", "function");

  private final GenArm genArm;

  public ChatHandler(GenArm genArm) {
    this.genArm = genArm;
  }

  @Override
  public Job job(Fields body) {
    GenerationFields fields = GenerationFields.of(body, genArm);
    boolean laws = body.flag("logprobs") || fields.guidance().components();
    Integer topLogprobs = body.integer("top_logprobs", 0, GenerationFields.MAX_LOGPROBS);
    if (topLogprobs != null && !laws) {
      throw OpenAiError.field("top_logprobs", "top_logprobs needs logprobs to be true");
    }
    if (body.flag("continue_final_message")) {
      throw OpenAiError.unsupported("continue_final_message", "");
    }
    if (fields.maxTokens() != null && fields.maxTokens() == 0) {
      throw OpenAiError.field("max_tokens", "max_tokens must be at least 1, got 0");
    }
    Request.Builder request = Request.ofMessages(messages(body)).variables(variables(body));
    fields.apply(request);
    request.maxNewTokens(fields.maxTokens() == null ? genArm.config().maxModelLen() : fields.maxTokens());
    request.topLogprobs(laws ? topLogprobs == null ? 0 : topLogprobs : -1);
    ResponseShape shape = new ChatShape(
        laws ? new LogprobsJson(genArm, fields.guidance().components()) : null,
        fields.returnTokenIds() || !genArm.hasTokenizer());
    return new Job(List.of(new Job.Prompt(request.build(), null)), fields.n(), "messages", fields.stream(),
        fields.includeUsage(), shape);
  }

  private static Map<String, Object> variables(Fields body) {
    Map<String, Object> variables = new LinkedHashMap<>();
    Fields own = body.object("chat_template_kwargs");
    if (own != null) {
      own.names().forEach(name -> variables.put(name, StrictJson.toPlain(own.node(name))));
    }
    if (body.has("add_generation_prompt")) {
      variables.put("add_generation_prompt", body.flag("add_generation_prompt"));
    }
    return variables;
  }

  private static List<Map<String, Object>> messages(Fields body) {
    JsonNode messages = body.node("messages");
    if (messages == null || !messages.isArray() || messages.isEmpty()) {
      throw body.refused("messages", "a list with at least one message", messages);
    }
    List<Map<String, Object>> plain = new ArrayList<>();
    for (int i = 0; i < messages.size(); i++) {
      plain.add(message(messages.get(i), "messages[" + i + "]"));
    }
    return plain;
  }

  private static Map<String, Object> message(JsonNode message, String path) {
    String role = message.path("role").asText("");
    if (!ROLES.contains(role)) {
      throw OpenAiError.field(path + ".role", path + ".role must be one of system, developer, user, assistant, tool");
    }
    Map<String, Object> plain = new LinkedHashMap<>();
    message.properties().forEach(field -> plain.put(field.getKey(), StrictJson.toPlain(field.getValue())));
    // What OpenAI calls a developer, every template calls system.
    plain.put("role", role.equals("developer") ? "system" : role);
    plain.put("content", content(message.get("content"), path + ".content"));
    return plain;
  }

  /** Text, or null; the text of a list of parts is put together. */
  private static String content(JsonNode content, String path) {
    if (content == null || content.isNull()) {
      return null;
    }
    if (content.isTextual()) {
      return content.textValue();
    }
    List<String> parts = new ArrayList<>();
    for (JsonNode part : content) {
      if (!part.path("type").asText().equals("text") || !part.path("text").isTextual()) {
        throw OpenAiError.field(path, path + " may have parts of type text alone");
      }
      parts.add(part.get("text").textValue());
    }
    if (!content.isArray()) {
      throw OpenAiError.field(path, path + " must be a string or a list of parts");
    }
    return String.join("\n", parts);
  }
}

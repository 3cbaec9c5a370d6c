package org.genarm.openai;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.genarm.GenArm;
import org.genarm.Request;
import org.genarm.server.ServerConfig;
import org.genarm.tokenizer.jinja.TemplateException;

/** {@code POST /v1/completions}: a prompt as text or token ids, one or a list of them. */
public final class CompletionsHandler implements JobHandler {
  private static final int DEFAULT_MAX_TOKENS = 16;

  private final GenArm genArm;
  private final String template;
  private final Map<String, String> armTemplates;

  /** template and armTemplates: what a text prompt is put into, as {@link ServerConfig} has them. */
  public CompletionsHandler(GenArm genArm, String template, Map<String, String> armTemplates) {
    this.genArm = genArm;
    this.template = template;
    this.armTemplates = armTemplates;
  }

  @Override
  public Job job(Fields body) throws InterruptedException {
    GenerationFields fields = GenerationFields.of(body, genArm);
    boolean echo = body.flag("echo");
    Integer asked = body.integer("logprobs", 0, GenerationFields.MAX_LOGPROBS);
    boolean laws = asked != null || fields.guidance().components();
    int topLogprobs = asked == null ? 0 : asked;
    int maxTokens = fields.maxTokens() == null ? DEFAULT_MAX_TOKENS : fields.maxTokens();
    if (maxTokens == 0 && !echo) {
      throw OpenAiError.field("max_tokens", "max_tokens may be 0 only where echo is true");
    }

    List<Job.Prompt> prompts = new ArrayList<>();
    for (Request.Builder builder : prompts(body)) {
      fields.apply(builder);
      Request request = builder.maxNewTokens(Math.max(1, maxTokens)).topLogprobs(laws ? topLogprobs : -1).build();
      prompts.add(new Job.Prompt(maxTokens == 0 ? null : request, echo ? echo(request, laws) : null));
    }
    ResponseShape shape = new CompletionsShape(
        laws ? new LogprobsJson(genArm, fields.guidance().components()) : null,
        fields.returnTokenIds() || !genArm.hasTokenizer());
    return new Job(prompts, fields.n(), "prompt", fields.stream(), fields.includeUsage(), shape);
  }

  private Echo echo(Request request, boolean laws) throws InterruptedException {
    try {
      return Echo.of(genArm, request, laws);
    } catch (IllegalArgumentException | TemplateException e) {
      throw OpenAiError.field("prompt", "prompt: " + e.getMessage());
    }
  }

  private List<Request.Builder> prompts(Fields body) {
    JsonNode prompt = body.node("prompt");
    List<Request.Builder> prompts = new ArrayList<>();
    if (prompt != null && prompt.isArray() && !prompt.isEmpty() && !prompt.get(0).isNumber()) {
      prompt.forEach(one -> prompts.add(prompt(one, body)));
    } else {
      prompts.add(prompt(prompt, body));
    }
    return prompts;
  }

  private Request.Builder prompt(JsonNode prompt, Fields body) {
    if (prompt != null && prompt.isTextual()) {
      Request.Builder request = Request.of(prompt.textValue()).template(template);
      armTemplates.forEach(request::armTemplate);
      return request;
    }
    if (prompt == null || !prompt.isArray() || prompt.isEmpty()) {
      throw body.refused("prompt", "a string, a list of token ids, or a list of either", prompt);
    }
    int[] ids = new int[prompt.size()];
    for (int i = 0; i < ids.length; i++) {
      if (!prompt.get(i).isIntegralNumber() || !prompt.get(i).canConvertToInt()) {
        throw body.refused("prompt", "a string, a list of token ids, or a list of either", prompt.get(i));
      }
      ids[i] = prompt.get(i).intValue();
    }
    return Request.ofIds(ids);
  }
}

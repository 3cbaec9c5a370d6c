package org.genarm.openai;

import java.util.ArrayList;
import java.util.List;
import org.genarm.GenArm;
import org.genarm.Generation;
import org.genarm.Request;
import org.genarm.tokenizer.jinja.TemplateException;

/**
 * What one request of the API asks to be generated, and how it is answered.
 *
 * @param prompts each has n choices; their choices are numbered one prompt after the other
 * @param n choices of a prompt
 * @param promptField the field that a prompt which cannot be served is told by
 */
public record Job(List<Prompt> prompts, int n, String promptField, boolean stream, boolean includeUsage, ResponseShape shape) {
  /**
   * One of the prompts.
   *
   * @param request null where nothing is to be generated: only the prompt is told again
   * @param echo null unless the prompt is told before its completions
   */
  public record Prompt(Request request, Echo echo) {}

  public Job {
    prompts = List.copyOf(prompts);
  }

  int choices() {
    return prompts.size() * n;
  }

  /**
   * Hands every prompt to the engine, or none: what is refused is an {@link OpenAiError} that names its field.
   *
   * @throws java.util.concurrent.RejectedExecutionException where too many requests wait already
   */
  public List<Generation> submit(GenArm genArm) {
    int most = genArm.config().maxQueue();
    long choices = (long) prompts.size() * n;
    if (choices > most) {
      String field = n > 1 ? "n" : promptField;
      throw OpenAiError.field(
          field, field + ": a request may have at most " + most + " choices over all its prompts, got " + choices);
    }
    List<Generation> generations = new ArrayList<>();
    try {
      for (Prompt prompt : prompts) {
        if (prompt.request() != null) {
          generations.add(submit(genArm, prompt.request()));
        }
      }
    } catch (RuntimeException e) {
      generations.forEach(Generation::cancel);
      throw e;
    }
    return generations;
  }

  /** What the engine refuses about a request that passed every check of its fields lies in its prompt. */
  private Generation submit(GenArm genArm, Request request) {
    try {
      return genArm.submit(request);
    } catch (IllegalArgumentException e) {
      throw OpenAiError.field(promptField, promptField + ": " + e.getMessage());
    } catch (TemplateException e) {
      throw OpenAiError.field(promptField, e.getMessage());
    }
  }

  public Usage usage(List<Generation> generations, int completionTokens) {
    int promptTokens = 0;
    for (Prompt prompt : prompts) {
      promptTokens += prompt.request() == null ? prompt.echo().ids().length : 0;
    }
    for (Generation generation : generations) {
      promptTokens += generation.promptIds().length;
    }
    return new Usage(promptTokens, completionTokens);
  }

  /** Tokens and choices, as an answer's {@code usage} tells them. */
  public record Usage(int promptTokens, int completionTokens) {}
}

package org.genarm.server;

import java.util.List;
import org.genarm.Request;

/**
 * What one HTTP request asks to be generated, and how it is answered.
 *
 * @param prompts each has n choices; their choices are numbered one prompt after the other
 * @param n choices of a prompt
 * @param promptField the field that a prompt which cannot be served is told by
 */
record Job(List<Prompt> prompts, int n, String promptField, boolean stream, boolean includeUsage, ResponseShape shape) {
  /**
   * One of the prompts.
   *
   * @param request null where nothing is to be generated: only the prompt is told again
   * @param echo null unless the prompt is told before its completions
   */
  record Prompt(Request request, Echo echo) {}

  Job {
    prompts = List.copyOf(prompts);
  }

  /** Tokens and choices, as an answer's {@code usage} tells them. */
  record Usage(int promptTokens, int completionTokens) {}
}

package org.genarm.tokenizer;

import java.time.Clock;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.genarm.tokenizer.jinja.Template;

/**
 * The chat template of a model: messages to the text it was trained on, as transformers' {@code apply_chat_template}.
 *
 * <p>A template comes with a checkpoint and messages come from anyone: a message's text is never read as a template, and a
 * rendering is bounded in steps, size, depth and time. What a template cannot render exactly it refuses with a {@link
 * org.genarm.tokenizer.jinja.TemplateException}; that includes what the template itself refuses, such as two user messages
 * in a row. Not supported: inheritance, imports, {@code call} blocks, powers, and str methods and filters that no template
 * known to us uses.
 *
 * <p>The text is encoded as it is, without special tokens: a template that wants BOS writes it.
 */
public final class ChatTemplate {
  private static final Duration TIME = Duration.ofSeconds(5);

  private final Template template;
  private final Template withTools;
  private final Map<String, String> specialTokens;
  private final Clock clock;

  /** A template of one's own; {@code specialTokens} by the names a template knows them by, such as {@code bos_token}. */
  public ChatTemplate(String source, Map<String, String> specialTokens) {
    this(Map.of("default", source), specialTokens);
  }

  ChatTemplate(Map<String, String> sources, Map<String, String> specialTokens) {
    this(sources, specialTokens, Clock.systemDefaultZone());
  }

  ChatTemplate(Map<String, String> sources, Map<String, String> specialTokens, Clock clock) {
    this.template = Template.parse(sources.get("default"));
    this.withTools = sources.containsKey("tool_use") ? Template.parse(sources.get("tool_use")) : template;
    this.specialTokens = Map.copyOf(specialTokens);
    this.clock = clock;
  }

  /** The messages and, if asked, the header of the assistant's turn that follows them. */
  public String render(List<? extends Map<String, ?>> messages, boolean addGenerationPrompt) {
    return render(messages, addGenerationPrompt, Map.of());
  }

  /**
   * Renders messages as OpenAI's API writes them: {@code role}, {@code content} (text, null or a list of parts), {@code
   * tool_calls}, {@code tool_call_id}. Values are null, Boolean, a number, String, List or Map.
   *
   * @param variables what the template may read besides, such as {@code tools} or {@code enable_thinking}
   */
  public String render(List<? extends Map<String, ?>> messages, boolean addGenerationPrompt, Map<String, ?> variables) {
    Map<String, Object> all = new HashMap<>(specialTokens);
    all.put("tools", null);
    all.put("documents", null);
    all.putAll(variables);
    all.put("messages", messages);
    all.put("add_generation_prompt", addGenerationPrompt);
    return (all.get("tools") == null ? template : withTools).render(all, clock, TIME);
  }
}

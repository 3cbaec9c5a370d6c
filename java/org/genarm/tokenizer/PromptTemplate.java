package org.genarm.tokenizer;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * How a view wraps a user's prompt: one of the literal templates of the GenARM experiments, nothing, or the model's own
 * chat template. Each view of a request may have another; they share the tokens that follow.
 */
public final class PromptTemplate {
  /** As the reference writes them, without the second BOS that some of its scripts wrote as text. */
  private static final Map<String, String[]> LITERAL = new LinkedHashMap<>();

  static {
    LITERAL.put("raw", new String[] {"", ""});
    LITERAL.put("tulu", new String[] {"<|user|>\n", "\n<|assistant|>\n"});
    LITERAL.put("pku", new String[] {"BEGINNING OF CONVERSATION: USER: ", " ASSISTANT:"});
    LITERAL.put("alpaca", new String[] {
      "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n"
          + "### Instruction:\n", "\n\n### Response:\n"
    });
    LITERAL.put("llama-2-chat", new String[] {"[INST] ", " [/INST]\n"});
    LITERAL.put("none", new String[] {"", ""});
  }

  private final String name;
  private final ChatTemplate chat;
  private final String[] around;

  /** One of chat and around is null. */
  private PromptTemplate(String name, ChatTemplate chat, String[] around) {
    this.name = name;
    this.chat = chat;
    this.around = around;
  }

  /** The names {@link #of} knows. */
  public static List<String> names() {
    List<String> names = new java.util.ArrayList<>(LITERAL.keySet());
    names.add("auto");
    return names;
  }

  /**
   * The template of a name. {@code auto} is the tokenizer's chat template with the prompt as the user's one message, or
   * {@code none} where it has no chat template.
   *
   * @throws IllegalArgumentException if the name is not known
   */
  public static PromptTemplate of(String name, Tokenizer tokenizer) {
    if (name.equals("auto")) {
      Optional<ChatTemplate> chat = tokenizer.chatTemplate();
      return chat.isEmpty() ? of("none", tokenizer) : new PromptTemplate(name, chat.get(), null);
    }
    String[] around = LITERAL.get(name);
    if (around == null) {
      throw new IllegalArgumentException("unknown template '" + name + "', expected one of " + String.join(", ", names()));
    }
    return new PromptTemplate(name, null, around);
  }

  public String name() {
    return name;
  }

  /** The prompt as the user's one message. */
  public Prompt apply(String prompt) {
    return apply(List.of(Map.of("role", "user", "content", prompt)), Map.of());
  }

  /**
   * A conversation, and what comes before the assistant's next turn. A literal template wraps every user's message and
   * leaves the others as they are, each on a line of its own.
   *
   * @param variables what a chat template may read besides; {@code add_generation_prompt} is true where it is absent
   */
  public Prompt apply(List<? extends Map<String, ?>> messages, Map<String, ?> variables) {
    if (chat != null) {
      boolean addGenerationPrompt = !Boolean.FALSE.equals(variables.get("add_generation_prompt"));
      return new Prompt(chat.render(messages, addGenerationPrompt, variables), false);
    }
    StringBuilder text = new StringBuilder();
    boolean open = true;
    for (Map<String, ?> message : messages) {
      boolean user = "user".equals(message.get("role"));
      String content = String.valueOf(message.get("content") == null ? "" : message.get("content"));
      text.append(open ? "" : "\n").append(user ? around[0] + content + around[1] : content);
      open = user && !around[1].isEmpty();
    }
    return new Prompt(text.toString(), true);
  }
}

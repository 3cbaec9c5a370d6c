package org.genarm.tokenizer;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

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
  private final Function<String, Prompt> apply;

  private PromptTemplate(String name, Function<String, Prompt> apply) {
    this.name = name;
    this.apply = apply;
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
      return chat.isEmpty() ? of("none", tokenizer)
          : new PromptTemplate(name, prompt ->
              new Prompt(chat.get().render(List.of(Map.of("role", "user", "content", prompt)), true), false));
    }
    String[] around = LITERAL.get(name);
    if (around == null) {
      throw new IllegalArgumentException("unknown template '" + name + "', expected one of " + String.join(", ", names()));
    }
    return new PromptTemplate(name, prompt -> new Prompt(around[0] + prompt + around[1], true));
  }

  public String name() {
    return name;
  }

  public Prompt apply(String prompt) {
    return apply.apply(prompt);
  }
}

package org.genarm.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What stands beside {@code tokenizer.json}: the special tokens by name ({@code bos_token} …), whether a BOS is wanted,
 * and the chat templates by name ({@code default}, {@code tool_use} …).
 *
 * @param addBos {@code add_bos_token}, or null where the file leaves it to the tokenizer
 */
record TokenizerSettings(Map<String, String> specialTokens, Boolean addBos, Map<String, String> chatTemplates) {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final long MAX_BYTES = 64L << 20;

  /** Reads the directory's {@code tokenizer_config.json}, {@code special_tokens_map.json}, chat templates. */
  static TokenizerSettings read(Path directory) {
    Map<String, String> tokens = new LinkedHashMap<>();
    Path map = directory.resolve("special_tokens_map.json");
    readTokens(object(map), tokens, map);
    Path config = directory.resolve("tokenizer_config.json");
    JsonNode root = object(config);
    readTokens(root, tokens, config);
    Map<String, String> templates = readTemplates(root.get("chat_template"), config);
    Path template = directory.resolve("chat_template.jinja");
    if (Files.exists(template)) {
      templates.put("default", text(template));
    }
    JsonNode addBos = root.get("add_bos_token");
    return new TokenizerSettings(tokens, addBos != null && addBos.isBoolean() ? addBos.booleanValue() : null, templates);
  }

  private static JsonNode object(Path file) {
    if (!Files.exists(file)) {
      return JSON.createObjectNode();
    }
    try {
      JsonNode root = JSON.readTree(text(file));
      if (root != null && root.isObject()) {
        return root;
      }
    } catch (IOException e) {
      throw new TokenizerException(file, "not JSON: " + e.getMessage(), e);
    }
    throw new TokenizerException(file, "expected an object");
  }

  private static String text(Path file) {
    try {
      if (Files.size(file) > MAX_BYTES) {
        throw new TokenizerException(file, "has " + Files.size(file) + " bytes, at most " + MAX_BYTES + " are read");
      }
      return Files.readString(file);
    } catch (IOException e) {
      throw new TokenizerException(file, "cannot be read: " + e, e);
    }
  }

  /** A special token is written as its text or as {@code {"content": text, …}}; null takes it back. */
  private static void readTokens(JsonNode root, Map<String, String> tokens, Path file) {
    root.properties().forEach(field -> {
      String name = field.getKey();
      if (!name.endsWith("_token") || field.getValue().isBoolean()) {
        return;
      }
      JsonNode value = field.getValue().isObject() ? field.getValue().get("content") : field.getValue();
      if (value == null || !value.isNull() && !value.isTextual()) {
        throw new TokenizerException(
            file, "expected text or {\"content\": text} in " + name + ", found " + field.getValue());
      }
      if (value.isNull()) {
        tokens.remove(name);
      } else {
        tokens.put(name, value.textValue());
      }
    });
  }

  private static Map<String, String> readTemplates(JsonNode node, Path file) {
    Map<String, String> templates = new LinkedHashMap<>();
    if (node == null || node.isNull()) {
      return templates;
    }
    if (node.isTextual()) {
      templates.put("default", node.textValue());
      return templates;
    }
    for (JsonNode named : node) {
      if (!node.isArray() || !named.path("name").isTextual() || !named.path("template").isTextual()) {
        throw new TokenizerException(file, "expected chat_template as text or as a list of {name, template}");
      }
      templates.put(named.get("name").textValue(), named.get("template").textValue());
    }
    return templates;
  }
}

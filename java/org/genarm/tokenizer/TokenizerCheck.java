package org.genarm.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;

/**
 * What a {@code tokenizer.json} may not ask for: the library (0.38, checked one by one) does not report these but aborts the
 * whole process, some only when the first text is encoded.
 */
final class TokenizerCheck {
  private TokenizerCheck() {}

  /** Checks the normalizer, post_processor or decoder, and whatever they are made of. */
  static void section(JsonNode node, Path file) {
    String type = node.path("type").asText();
    switch (type) {
      case "Precompiled":
        // Its trie is trusted by the library: one wrong offset in it is an abort.
        throw new TokenizerException(file, "the normalizer Precompiled is not supported");
      case "Strip":
        if (node.path("stop").asLong() != 0) {
          throw new TokenizerException(file, "the decoder Strip is supported with stop 0, found " + node.get("stop"));
        }
        break;
      case "TemplateProcessing":
        template(node, file);
        break;
      default:
    }
    node.forEach(child -> section(child, file));
  }

  private static void template(JsonNode node, Path file) {
    for (JsonNode piece : node.path("single")) {
      String token = piece.path("SpecialToken").path("id").asText(null);
      if (token != null && !node.path("special_tokens").has(token)) {
        throw new TokenizerException(file, "TemplateProcessing names '" + token + "', which is not in its special_tokens");
      }
      String sequence = piece.path("Sequence").path("id").asText("A");
      if (!sequence.equals("A")) {
        throw new TokenizerException(file, "TemplateProcessing for one text names the sequence '" + sequence + "'");
      }
    }
  }

  /** A BPE model's prefix is cut off the pieces of its merges, however short they are. */
  static void subwordPrefix(String prefix, Path file) {
    if (prefix != null && !prefix.isEmpty()) {
      throw new TokenizerException(file, "continuing_subword_prefix '" + prefix + "' is not supported");
    }
  }
}

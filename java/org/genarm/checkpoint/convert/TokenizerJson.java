package org.genarm.checkpoint.convert;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.List;
import org.genarm.checkpoint.CheckpointException;

/**
 * A {@code tokenizer.json} that encodes and decodes as a SentencePiece model does.
 *
 * <p>Source: transformers 4, LlamaConverter and LlamaTokenizerFast. As there, {@code legacy} (true unless
 * tokenizer_config.json says otherwise) puts the leading space before every stretch of text between special tokens, and not
 * before the first alone.
 */
final class TokenizerJson {
  private static final String SPACE = "\u2581";

  private final ObjectMapper json = new ObjectMapper();
  private final SentencePieceModel model;
  private final JsonNode config;
  private final boolean prefix;
  private final ObjectNode root;
  private final int size;

  private TokenizerJson(SentencePieceModel model, Collection<AddedTokens.AddedToken> added, JsonNode config) {
    this.model = model;
    this.config = config;
    prefix = config.path("add_prefix_space").asBoolean(model.addDummyPrefix());
    boolean legacy = config.path("legacy").asBoolean(true);
    root = json.createObjectNode().put("version", "1.0").putNull("truncation").putNull("padding");
    root.set("added_tokens", addedTokens(added));
    root.set("normalizer", normalizer(legacy));
    root.set("pre_tokenizer", legacy ? json.nullNode() : metaspace());
    root.set("post_processor", postProcessor());
    root.set("decoder", decoder());
    root.set("model", bpe());
    size = (int) (model.pieces().size() + added.stream().filter(t -> t.id() >= model.pieces().size()).count());
  }

  /** Of a tokenizer.model and the files beside it. */
  static TokenizerJson of(Path sentencePiece) {
    Path folder = sentencePiece.toAbsolutePath().getParent();
    SentencePieceModel model = SentencePieceModel.read(sentencePiece);
    return new TokenizerJson(
        model, AddedTokens.of(folder, model), AddedTokens.read(folder, "tokenizer_config.json"));
  }

  /** Tokens, the added ones among them. */
  int size() {
    return size;
  }

  void write(Path path) {
    try {
      Files.write(path, json.writerWithDefaultPrettyPrinter().writeValueAsBytes(root));
    } catch (IOException failure) {
      throw new CheckpointException(path, "a place to write to", failure);
    }
  }

  private ArrayNode addedTokens(Collection<AddedTokens.AddedToken> added) {
    ArrayNode array = json.createArrayNode();
    for (AddedTokens.AddedToken token : added) {
      array
          .addObject()
          .put("id", token.id())
          .put("content", token.content())
          .put("single_word", token.singleWord())
          .put("lstrip", token.lstrip())
          .put("rstrip", token.rstrip())
          .put("normalized", token.normalized())
          .put("special", token.special());
    }
    return array;
  }

  private JsonNode normalizer(boolean legacy) {
    List<ObjectNode> steps = new ArrayList<>();
    if (model.charsMap().length > 0) {
      steps.add(typed("Precompiled").put("precompiled_charsmap", Base64.getEncoder().encodeToString(model.charsMap())));
    }
    if (model.removeExtraWhitespaces()) {
      steps.add(typed("Strip").put("strip_left", true).put("strip_right", true));
      steps.add(replace("Regex", " {2,}", " "));
    }
    if (legacy && prefix) {
      steps.add(typed("Prepend").put("prepend", SPACE));
    }
    if (legacy) {
      steps.add(replace("String", " ", SPACE));
    }
    return steps.isEmpty() ? json.nullNode() : sequence("normalizers", steps);
  }

  private ObjectNode metaspace() {
    return typed("Metaspace")
        .put("replacement", SPACE)
        .put("prepend_scheme", prefix ? "first" : "never")
        .put("split", false);
  }

  private ObjectNode decoder() {
    List<ObjectNode> steps = new ArrayList<>();
    steps.add(replace("String", SPACE, " "));
    steps.add(typed("ByteFallback"));
    steps.add(typed("Fuse"));
    if (prefix) {
      steps.add(typed("Strip").put("content", " ").put("start", 1).put("stop", 0));
    }
    return sequence("decoders", steps);
  }

  private JsonNode postProcessor() {
    boolean bos = model.bos() >= 0 && config.path("add_bos_token").asBoolean(true);
    boolean eos = model.eos() >= 0 && config.path("add_eos_token").asBoolean(false);
    if (!bos && !eos) {
      return json.nullNode();
    }
    ObjectNode template = typed("TemplateProcessing");
    ArrayNode single = template.putArray("single");
    ArrayNode pair = template.putArray("pair");
    addSequence(single, "A", 0, bos, eos);
    addSequence(pair, "A", 0, bos, eos);
    addSequence(pair, "B", 1, bos, eos);
    ObjectNode special = template.putObject("special_tokens");
    if (bos) {
      addSpecial(special, model.bos());
    }
    if (eos) {
      addSpecial(special, model.eos());
    }
    return template;
  }

  private void addSequence(ArrayNode template, String name, int typeId, boolean bos, boolean eos) {
    if (bos) {
      template.addObject().putObject("SpecialToken").put("id", text(model.bos())).put("type_id", typeId);
    }
    template.addObject().putObject("Sequence").put("id", name).put("type_id", typeId);
    if (eos) {
      template.addObject().putObject("SpecialToken").put("id", text(model.eos())).put("type_id", typeId);
    }
  }

  private void addSpecial(ObjectNode special, int id) {
    ObjectNode token = special.putObject(text(id)).put("id", text(id));
    token.putArray("ids").add(id);
    token.putArray("tokens").add(text(id));
  }

  private ObjectNode bpe() {
    ObjectNode bpe = typed("BPE").putNull("dropout").put("unk_token", text(model.unk()));
    bpe.putNull("continuing_subword_prefix").putNull("end_of_word_suffix");
    bpe.put("fuse_unk", true).put("byte_fallback", model.byteFallback()).put("ignore_merges", false);
    ObjectNode vocab = bpe.putObject("vocab");
    for (int id = 0; id < model.pieces().size(); id++) {
      vocab.put(text(id), id);
    }
    ArrayNode merges = bpe.putArray("merges");
    for (BpeMerges.Merge merge : BpeMerges.of(model.pieces())) {
      merges.add(text(merge.left()) + " " + text(merge.right()));
    }
    return bpe;
  }

  private String text(int id) {
    return model.pieces().get(id).text();
  }

  private ObjectNode typed(String type) {
    return json.createObjectNode().put("type", type);
  }

  private ObjectNode replace(String pattern, String what, String content) {
    ObjectNode replace = typed("Replace");
    replace.putObject("pattern").put(pattern, what);
    return replace.put("content", content);
  }

  private ObjectNode sequence(String name, List<ObjectNode> steps) {
    ObjectNode sequence = typed("Sequence");
    sequence.putArray(name).addAll(steps);
    return sequence;
  }
}

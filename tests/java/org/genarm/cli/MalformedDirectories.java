package org.genarm.cli;

import static org.genarm.cli.Malformed.row;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.genarm.model.ModelFixture;

/** Directories whose files are missing, of another format, or do not fit together. */
final class MalformedDirectories {
  private static final String NORM = "model.norm.weight";

  private static final String TWO_SHARDS =
      "{\"weight_map\":{\"%s\":\"a.safetensors\",\"lm_head.weight\":\"b.safetensors\"}}".formatted(NORM);

  private MalformedDirectories() {}

  static List<Malformed> rows() {
    return List.of(
        row("no weights", ModelFixture::withoutWeights,
            "DIR: expected model.safetensors or model.safetensors.index.json, found none"),
        row("pickled weights", model -> model.withoutWeights().file("pytorch_model.bin", "PK"),
            "DIR: expected model.safetensors or model.safetensors.index.json, found pytorch_model.bin: "
                + "PyTorch's pickled .bin files are not read, genarm convert makes safetensors of them"),
        row("GGUF weights", model -> model.withoutWeights().file("tiny.gguf", "GGUF"),
            "DIR: expected model.safetensors or model.safetensors.index.json, found tiny.gguf: GGUF is not read"),
        row("weights under another name", model -> model.withoutWeights().file("weights.safetensors", " "),
            "DIR: expected model.safetensors or model.safetensors.index.json, found only weights.safetensors"),
        row("an index that is no JSON", index("]"),
            "DIR/model.safetensors.index.json: expected JSON, found Unexpected close marker ']': no open "
                + "Array to close at line 1, column 1"),
        row("an index without a map", index("{\"metadata\":{}}"),
            "DIR/model.safetensors.index.json: weight_map: expected an object of tensor: shard, found nothing"),
        row("an empty map", index("{\"weight_map\":{}}"),
            "DIR/model.safetensors.index.json: weight_map: expected an object of tensor: shard, found an empty object"),
        row("a shard that is a number", index("{\"weight_map\":{\"a\":1}}"),
            "DIR/model.safetensors.index.json: a: expected the name of a .safetensors file beside it, found 1"),
        row("a shard in another directory", index("{\"weight_map\":{\"a\":\"../b.safetensors\"}}"),
            "DIR/model.safetensors.index.json: a: expected the name of a .safetensors file beside it, "
                + "found the string \"../b.safetensors\""),
        row("a shard anywhere", index("{\"weight_map\":{\"a\":\"/etc/b.safetensors\"}}"),
            "DIR/model.safetensors.index.json: a: expected the name of a .safetensors file beside it, "
                + "found the string \"/etc/b.safetensors\""),
        row("a shard of another format", index("{\"weight_map\":{\"a\":\"b.bin\"}}"),
            "DIR/model.safetensors.index.json: a: expected the name of a .safetensors file beside it, "
                + "found the string \"b.bin\""),
        row("a shard that is missing", index("{\"weight_map\":{\"a\":\"b.safetensors\"}}"),
            "DIR/model.safetensors.index.json: expected the shard b.safetensors, found no such file"),
        row("a tensor that its shard lacks", MalformedDirectories::absent,
            "DIR/a.safetensors: x: expected this tensor, as the index says, found none"),
        row("a tensor in two shards", MalformedDirectories::twice,
            "DIR/b.safetensors: model.norm.weight: expected a tensor in one shard, found it in a.safetensors too"),
        row("a shard cut off", MalformedDirectories::cutOff,
            "DIR/b.safetensors: model.layers.0.mlp.down_proj.weight: expected bytes 1120 to 1312, found "
                + "1311 bytes of data in the file"),
        row("tensors missing", model -> model.without(NORM).without("lm_head.weight"),
            "DIR: expected 12 tensors as config.json asks for, found missing model.norm.weight, lm_head.weight"),
        row("a tensor too many", model -> model.tensor("model.layers.1.mlp.up_proj.weight", 12, 8),
            "DIR: expected 12 tensors as config.json asks for, found unexpected model.layers.1.mlp.up_proj.weight"),
        row("a bias that the configuration does not have", model -> model.tensor(NORM.replace("weight", "bias"), 8),
            "DIR: expected 12 tensors as config.json asks for, found unexpected model.norm.bias"),
        row("a tensor of another shape", model -> model.tensor(NORM, 9),
            "DIR: expected 12 tensors as config.json asks for, found misshapen model.norm.weight [9] instead of [8]"),
        row("a tensor of integers", model -> model.tensor(NORM, "I32", 4, 0, 8),
            "DIR: expected 12 tensors as config.json asks for, found misshapen model.norm.weight I32 "
                + "instead of F32, F16 or BF16"),
        row(
            "all of that at once",
            model -> model.without("lm_head.weight").tensor("score.weight", 1, 8).tensor(NORM, 9),
            "DIR: expected 12 tensors as config.json asks for, found missing lm_head.weight; unexpected "
                + "score.weight; misshapen model.norm.weight [9] instead of [8]"),
        row("a scalar", model -> model.tensor(NORM, "F32", 4, 0),
            "DIR: expected 12 tensors as config.json asks for, found misshapen model.norm.weight [] instead of [8]"),
        row(
            "a tied head of its own",
            model -> model.config("tie_word_embeddings", "true").tensor("lm_head.weight", "BF16", 2, 1, 10, 8),
            "DIR/model.safetensors: lm_head.weight: expected the values of model.embed_tokens.weight, for "
                + "tie_word_embeddings is true, found other values"),
        row("a head that neither is there nor tied", model -> model.without("lm_head.weight"),
            "DIR: expected 12 tensors as config.json asks for, found missing lm_head.weight"));
  }

  private static ModelFixture.Spoiler index(String json) {
    return model -> model.withoutWeights().file("model.safetensors.index.json", json);
  }

  private static void absent(ModelFixture model) {
    index("{\"weight_map\":{\"%s\":\"a.safetensors\",\"x\":\"a.safetensors\"}}".formatted(NORM)).spoil(model);
    model.file("a.safetensors", model.shard(NORM));
  }

  private static void twice(ModelFixture model) {
    index(TWO_SHARDS).spoil(model);
    model.file("a.safetensors", model.shard(NORM)).file("b.safetensors", model.shard("lm_head.weight", NORM));
  }

  private static void cutOff(ModelFixture model) {
    String[] others = Stream.of(model.names()).filter(name -> !name.equals(NORM)).toArray(String[]::new);
    index(TWO_SHARDS).spoil(model);
    byte[] whole = model.shard(others);
    model.file("a.safetensors", model.shard(NORM)).file("b.safetensors", Arrays.copyOf(whole, whole.length - 1));
  }
}

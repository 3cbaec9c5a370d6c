package org.genarm.cli;

import static org.genarm.cli.Malformed.row;

import java.util.List;
import java.util.stream.Stream;
import org.genarm.model.ModelFixture;

/** config.json and generation_config.json that are no JSON, no model, or a model that is not understood. */
final class MalformedConfigs {
  private MalformedConfigs() {}

  static List<Malformed> rows() {
    return Stream.of(files(), models(), numbers(), ropes(), windows()).flatMap(List::stream).toList();
  }

  private static List<Malformed> files() {
    return List.of(
        row("nothing in it", whole(""),
            "DIR/config.json: expected a JSON object, found nothing"),
        row("no JSON", whole("{model_type}"),
            "DIR/config.json: expected JSON, found Unexpected character ('m' (code 109)): was expecting "
                + "double-quote to start field name at line 1, column 2"),
        row("an array", whole("[]"),
            "DIR/config.json: expected a JSON object, found an empty array"),
        row("a key twice", whole("{\"vocab_size\":10,\"vocab_size\":11}"),
            "DIR/config.json: expected JSON, found Duplicate field 'vocab_size' at line 1, column 30"),
        row("more after the object", whole("{} x"),
            "DIR/config.json: expected JSON, found Unrecognized token 'x' at line 1, column 4"),
        row("a bomb", whole("[".repeat(5000)),
            "DIR/config.json: expected JSON, found Document nesting depth (65) exceeds the maximum allowed (64)"),
        row("64 MiB and a byte", whole(" ".repeat((64 << 20) + 1)),
            "DIR/config.json: expected at most 67108864 bytes of JSON, found 67108865 bytes"),
        row("a broken generation_config.json", model -> model.file("generation_config.json", "{"),
            "DIR/generation_config.json: expected JSON, found Unexpected end-of-input: expected close "
                + "marker for Object at line 1, column 2"),
        row(
            "an id below 0 in generation_config.json",
            model -> model.file("generation_config.json", "{\"eos_token_id\":[2,-1]}"),
            "DIR/generation_config.json: eos_token_id: expected a token id or an array of them, found -1"));
  }

  private static List<Malformed> models() {
    return List.of(
        row("another family", config("model_type", "\"gemma3\""),
            "DIR/config.json: model_type: expected llama, mistral, qwen2 or qwen3, found the string \"gemma3\""),
        row("no family", config("model_type", null),
            "DIR/config.json: model_type: expected llama, mistral, qwen2 or qwen3, found nothing"),
        row("a family that is a number", config("model_type", "7"),
            "DIR/config.json: model_type: expected a string, found 7"),
        row("a classifier", config("architectures", "[\"LlamaForSequenceClassification\"]"),
            "DIR/config.json: architectures: expected a causal language model (...ForCausalLM), found "
                + "[LlamaForSequenceClassification]"),
        row("another activation", config("hidden_act", "\"gelu\""),
            "DIR/config.json: hidden_act: expected silu, found the string \"gelu\""),
        row("GPTQ of eight bits", config("quantization_config", "{\"quant_method\":\"gptq\",\"bits\":8}"),
            "DIR/config.json: quantization_config.bits: expected 4, found 8"),
        row("another GPTQ format",
            config("quantization_config", "{\"quant_method\":\"gptq\",\"bits\":4,\"checkpoint_format\":\"marlin\"}"),
            "DIR/config.json: quantization_config.checkpoint_format: expected gptq or gptq_v2, found the string "
                + "\"marlin\""),
        row("bitsandbytes", config("quantization_config", "{\"quant_method\":\"bitsandbytes\"}"),
            "DIR/config.json: quantization_config: expected weights in F32, F16, BF16 or GPTQ's int4, found weights "
                + "quantised by bitsandbytes"),
        row("quantised without a method", config("quantization_config", "{\"load_in_4bit\":true}"),
            "DIR/config.json: quantization_config: expected weights in F32, F16, BF16 or GPTQ's int4, found weights "
                + "quantised by unnamed"),
        row("an end that is text", config("eos_token_id", "\"</s>\""),
            "DIR/config.json: eos_token_id: expected a token id or an array of them, found the string \"</s>\""),
        row("a flag that is text", config("tie_word_embeddings", "\"yes\""),
            "DIR/config.json: tie_word_embeddings: expected true or false, found the string \"yes\""));
  }

  private static List<Malformed> numbers() {
    return List.of(
        row("no hidden_size", config("hidden_size", null),
            "DIR/config.json: hidden_size: expected a whole number from 1 to 1048576, found nothing"),
        row("no layers", config("num_hidden_layers", "0"),
            "DIR/config.json: num_hidden_layers: expected a whole number from 1 to 4096, found 0"),
        row("a billion layers", config("num_hidden_layers", "1000000000"),
            "DIR/config.json: num_hidden_layers: expected a whole number from 1 to 4096, found 1000000000"),
        row("heads as text", config("num_attention_heads", "\"2\""),
            "DIR/config.json: num_attention_heads: expected a whole number from 1 to 4096, found the string \"2\""),
        row("half a neuron", config("intermediate_size", "12.5"),
            "DIR/config.json: intermediate_size: expected a whole number from 1 to 1048576, found 12.5"),
        row("a vocabulary beyond 64 bits", config("vocab_size", "99999999999999999999"),
            "DIR/config.json: vocab_size: expected a whole number from 1 to 16777216, found 99999999999999999999"),
        row("heads that do not divide", config("num_attention_heads", "3"),
            "DIR/config.json: hidden_size: expected num_attention_heads (3) times an even head of at most "
                + "256, found 8"),
        row("key-value heads that do not divide", model -> model.config("num_attention_heads", "4")
            .config("head_dim", "2").config("num_key_value_heads", "3"),
            "DIR/config.json: num_key_value_heads: expected a divisor of num_attention_heads, 4, found 3"),
        row("more key-value heads than heads", config("num_key_value_heads", "4"),
            "DIR/config.json: num_key_value_heads: expected a whole number from 1 to 2, found 4"),
        row("an odd head", config("head_dim", "3"),
            "DIR/config.json: head_dim: expected an even number, found 3"),
        row("a head of 512", config("head_dim", "512"),
            "DIR/config.json: head_dim: expected a whole number from 2 to 256, found 512"),
        row("epsilon as text", config("rms_norm_eps", "\"1e-5\""),
            "DIR/config.json: rms_norm_eps: expected a number of at least 0, found the string \"1e-5\""),
        row("epsilon that is no number", config("rms_norm_eps", "\"NaN\""),
            "DIR/config.json: rms_norm_eps: expected a number of at least 0, found the string \"NaN\""),
        row("epsilon below 0", config("rms_norm_eps", "-1e-5"),
            "DIR/config.json: rms_norm_eps: expected a number of at least 0, found -1.0E-5"),
        row("no positions", config("max_position_embeddings", "0"),
            "DIR/config.json: max_position_embeddings: expected a whole number from 1 to 1073741824, found 0"));
  }

  private static List<Malformed> ropes() {
    return List.of(
        row("dynamic rope", config("rope_scaling", "{\"rope_type\":\"dynamic\",\"factor\":2}"),
            "DIR/config.json: rope_scaling.rope_type: expected default, linear, llama3 or yarn, found \"dynamic\""),
        row("longrope", config("rope_scaling", "{\"type\":\"longrope\"}"),
            "DIR/config.json: rope_scaling.type: expected default, linear, llama3 or yarn, found \"longrope\""),
        row("rope that is text", config("rope_scaling", "\"linear\""),
            "DIR/config.json: rope_scaling: expected an object, found the string \"linear\""),
        row("linear without a factor", config("rope_parameters", "{\"rope_type\":\"linear\"}"),
            "DIR/config.json: rope_parameters.factor: expected a number of at least 1, found nothing"),
        row("a factor below 1", config("rope_scaling", "{\"type\":\"linear\",\"factor\":0.5}"),
            "DIR/config.json: rope_scaling.factor: expected a number of at least 1, found 0.5"),
        row("a factor as text", config("rope_scaling", "{\"type\":\"linear\",\"factor\":\"2\"}"),
            "DIR/config.json: rope_scaling.factor: expected a number of at least 1, found the string \"2\""),
        row("theta below 1", config("rope_theta", "0.5"),
            "DIR/config.json: rope_theta: expected a number of at least 1, found 0.5"),
        row(
            "llama3 the wrong way round",
            config(
                "rope_scaling",
                "{\"rope_type\":\"llama3\",\"factor\":8,\"low_freq_factor\":4,\"high_freq_factor\":1}"),
            "DIR/config.json: rope_scaling.high_freq_factor: expected more than low_freq_factor, 4.0, found 1.0"),
        row("llama3 without its factors", config("rope_scaling", "{\"rope_type\":\"llama3\",\"factor\":8}"),
            "DIR/config.json: rope_scaling.low_freq_factor: expected a number of at least 0, found nothing"),
        row("a part of each head rotated", config("partial_rotary_factor", "0.5"),
            "DIR/config.json: partial_rotary_factor: expected rotation of whole heads (1), found 0.5"),
        row("rope by layer type", config("rope_parameters", "{\"full_attention\":{\"rope_type\":\"default\"}}"),
            "DIR/config.json: rope_parameters: expected one set of rotary parameters, found one for each layer type"));
  }

  private static List<Malformed> windows() {
    return List.of(
        row("a window of 0", mistral("sliding_window", "0"),
            "DIR/config.json: sliding_window: expected a whole number from 1 to 2147483647, found 0"),
        row("types of too few layers", qwen("layer_types", "[]"),
            "DIR/config.json: layer_types: expected one for each of 1 layers, found 0"),
        row("a type of layer unheard of", qwen("layer_types", "[\"chunked_attention\"]"),
            "DIR/config.json: layer_types: expected full_attention, for no window is set, found \"chunked_attention\""),
        row("a sliding layer without a window", qwen("layer_types", "[\"sliding_attention\"]"),
            "DIR/config.json: layer_types: expected full_attention, for no window is set, found "
                + "\"sliding_attention\""));
  }

  private static ModelFixture.Spoiler whole(String text) {
    return model -> model.file("config.json", text);
  }

  private static ModelFixture.Spoiler config(String name, String json) {
    return model -> model.config(name, json);
  }

  private static ModelFixture.Spoiler mistral(String name, String json) {
    return model -> model.config("model_type", "\"mistral\"").config(name, json);
  }

  private static ModelFixture.Spoiler qwen(String name, String json) {
    return model -> model.config("model_type", "\"qwen2\"").config(name, json);
  }
}

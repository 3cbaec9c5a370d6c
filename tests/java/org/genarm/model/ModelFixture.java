package org.genarm.model;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A small, whole Llama checkpoint to be spoilt: one layer, 8 hidden, 2 heads, 10 tokens, all zero. */
public final class ModelFixture {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Path directory;
  private final ObjectNode config = JSON.createObjectNode();
  private final Map<String, Entry> tensors = new LinkedHashMap<>();
  private final Map<String, byte[]> files = new LinkedHashMap<>();
  private boolean withWeights = true;

  /** Breaks something. */
  @FunctionalInterface
  public interface Spoiler {
    void spoil(ModelFixture model);
  }

  private record Entry(String dtype, int elementBytes, List<Integer> shape, byte fill) {
    int bytes() {
      return shape.stream().reduce(elementBytes, (a, b) -> a * b);
    }
  }

  public ModelFixture(Path directory) {
    this.directory = directory;
    config("model_type", "\"llama\"").config("architectures", "[\"LlamaForCausalLM\"]");
    config("hidden_size", "8").config("intermediate_size", "12").config("num_hidden_layers", "1");
    config("num_attention_heads", "2").config("num_key_value_heads", "1").config("vocab_size", "10");
    config("eos_token_id", "2");
    tensor("model.embed_tokens.weight", 10, 8).tensor("model.norm.weight", 8).tensor("lm_head.weight", 10, 8);
    String layer = "model.layers.0.";
    tensor(layer + "input_layernorm.weight", 8).tensor(layer + "post_attention_layernorm.weight", 8);
    tensor(layer + "self_attn.q_proj.weight", 8, 8).tensor(layer + "self_attn.k_proj.weight", 4, 8);
    tensor(layer + "self_attn.v_proj.weight", 4, 8).tensor(layer + "self_attn.o_proj.weight", 8, 8);
    tensor(layer + "mlp.gate_proj.weight", 12, 8).tensor(layer + "mlp.up_proj.weight", 12, 8);
    tensor(layer + "mlp.down_proj.weight", 8, 12);
  }

  /** Sets a field of config.json to this JSON; null leaves the field out. */
  public ModelFixture config(String name, String json) {
    try {
      if (json == null) {
        config.remove(name);
      } else {
        config.set(name, JSON.readTree(json));
      }
      return this;
    } catch (IOException broken) {
      throw new UncheckedIOException(broken);
    }
  }

  public ModelFixture tensor(String name, Integer... shape) {
    return tensor(name, "BF16", 2, 0, shape);
  }

  public ModelFixture tensor(String name, String dtype, int elementBytes, int fill, Integer... shape) {
    tensors.put(name, new Entry(dtype, elementBytes, List.of(shape), (byte) fill));
    return this;
  }

  public ModelFixture without(String tensor) {
    tensors.remove(tensor);
    return this;
  }

  public ModelFixture withoutWeights() {
    withWeights = false;
    return this;
  }

  public ModelFixture file(String name, String text) {
    return file(name, text.getBytes(StandardCharsets.UTF_8));
  }

  public ModelFixture file(String name, byte[] bytes) {
    files.put(name, bytes);
    return this;
  }

  /** A safetensors file of this header, then this many bytes. */
  public static byte[] safetensors(String header, int dataBytes) {
    byte[] text = header.getBytes(StandardCharsets.UTF_8);
    return ByteBuffer.allocate(Long.BYTES + text.length + dataBytes)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(text.length)
        .put(text)
        .array();
  }

  /** The safetensors file of some of the tensors. */
  public byte[] shard(String... names) {
    List<String> entries = new ArrayList<>();
    int end = 0;
    for (String name : names) {
      Entry entry = tensors.get(name);
      entries.add(
          "\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
              .formatted(name, entry.dtype(), entry.shape(), end, end + entry.bytes()));
      end += entry.bytes();
    }
    byte[] file = safetensors("{" + String.join(",", entries) + "}", end);
    int at = file.length - end;
    for (String name : names) {
      Entry entry = tensors.get(name);
      Arrays.fill(file, at, at + entry.bytes(), entry.fill());
      at += entry.bytes();
    }
    return file;
  }

  public String[] names() {
    return tensors.keySet().toArray(String[]::new);
  }

  /** Writes what was not given as a file, then the files. */
  public Path write() {
    try {
      Files.createDirectories(directory);
      Files.write(directory.resolve("config.json"), JSON.writeValueAsBytes(config));
      if (withWeights) {
        Files.write(directory.resolve("model.safetensors"), shard(names()));
      }
      for (Map.Entry<String, byte[]> file : files.entrySet()) {
        Files.write(directory.resolve(file.getKey()), file.getValue());
      }
      return directory;
    } catch (IOException failure) {
      throw new UncheckedIOException(failure);
    }
  }
}

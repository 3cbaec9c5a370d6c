package org.genarm;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.genarm.checkpoint.CheckpointException;
import org.genarm.checkpoint.Safetensors;
import org.genarm.checkpoint.SafetensorsWriter;
import org.genarm.checkpoint.StoredTensor;
import org.genarm.checkpoint.TensorType;
import org.genarm.guidance.SamplingParams;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** GPTQ checkpoints, as AutoGPTQ and its successors write them. */
class GptqTest {
  private static final double TOLERANCE = 2e-3;
  private static final String CONFIG = "config.json";
  private static final String WEIGHTS = "model.safetensors";
  private static final Path GROUPS = Golden.ROOT.resolve("llama-gptq-int4");

  @TempDir private Path directory;

  @ParameterizedTest
  @ValueSource(strings = {"llama-gptq-int4", "llama-gptq-act-order", "llama-gptq-one-group-act-order"})
  void theLawIsThatOfTheDequantisedWeights(String name) throws Exception {
    Path expected = Golden.ROOT.resolve(name).resolve("expected.safetensors");

    double[] law = law(Golden.ROOT.resolve(name));

    double[] reference = Golden.logSoftmax(Golden.floats(expected, "logits"), law.length / 80);
    double worst = 0;
    for (int i = 0; i < law.length; i++) {
      worst = Math.max(worst, Math.abs(law[i] - reference[i]));
    }
    assertEquals(reference.length, law.length);
    assertTrue(worst < TOLERANCE, "largest error " + worst);
  }

  @Test
  void theSecondFormatStoresTheZerosThemselves() throws Exception {
    copy(GROUPS);
    ObjectNode config = config();
    config.withObject("/quantization_config").put("checkpoint_format", "gptq_v2");
    write(CONFIG, config);
    addOneToTheZeros();

    assertArrayEquals(law(GROUPS), law(directory));
  }

  @ParameterizedTest
  @ValueSource(strings = {"quantize_config.json", "quant_config.json"})
  void theConfigurationMayStandBesideAFileOfItsOwnName(String name) throws Exception {
    copy(GROUPS);
    ObjectNode config = config();
    ObjectNode gptq = config.withObject("/quantization_config");
    config.remove("quantization_config");
    gptq.remove("quant_method");
    write(CONFIG, config);
    write(name, gptq);
    Files.move(directory.resolve(WEIGHTS), directory.resolve("gptq_model-4bit-64g.safetensors"));

    assertArrayEquals(law(GROUPS), law(directory));
  }

  @Test
  void biasesOfZeroAreSkipped() throws Exception {
    copy(GROUPS);
    addTensor("model.layers.0.mlp.up_proj.bias", 256, 0);

    assertArrayEquals(law(GROUPS), law(directory));
  }

  @Test
  void anyOtherBiasIsRefused() throws Exception {
    copy(GROUPS);
    addTensor("model.layers.0.mlp.up_proj.bias", 256, 1);

    assertRefused(
        directory.resolve(WEIGHTS) + ": model.layers.0.mlp.up_proj.bias: expected zeros, for the model has no such bias, "
            + "found other values");
  }

  @Test
  void groupsBeyondTheScalesAreRefused() throws Exception {
    copy(GROUPS);
    overwrite("model.layers.0.self_attn.q_proj.g_idx", 4, new byte[] {2, 0, 0, 0});

    assertRefused(
        directory + ": expected a checkpoint that fits its configuration, found " + directory.resolve(WEIGHTS)
            + ": tensor model.layers.0.self_attn.q_proj.g_idx: element 1 must be in [0, 2), got 2");
  }

  @Test
  void scalesThatAreNotFiniteAreRefused() throws Exception {
    copy(GROUPS);
    overwrite("model.layers.1.mlp.down_proj.scales", 6, new byte[] {0, 0x7c});

    assertRefused(
        directory + ": expected a checkpoint that fits its configuration, found " + directory.resolve(WEIGHTS)
            + ": tensor model.layers.1.mlp.down_proj.scales: element 3 is not finite");
  }

  @Test
  void anotherGroupSizeThanTheTensorsHaveIsRefused() throws Exception {
    copy(GROUPS);
    ObjectNode config = config();
    config.withObject("/quantization_config").put("group_size", 128);
    write(CONFIG, config);

    CheckpointException refused = assertThrows(CheckpointException.class, () -> law(directory));

    assertTrue(
        refused.getMessage().contains("misshapen model.layers.0.mlp.down_proj.qzeros [4, 16] instead of [2, 16]"),
        refused.getMessage());
  }

  private void assertRefused(String message) {
    assertEquals(message, assertThrows(CheckpointException.class, () -> law(directory)).getMessage());
  }

  private static double[] law(Path folder) throws InterruptedException {
    List<int[]> rows = Golden.rows(GROUPS.resolve("expected.safetensors"), "input_ids");
    rows = folder.startsWith(Golden.ROOT) ? Golden.rows(folder.resolve("expected.safetensors"), "input_ids") : rows;
    try (GenArm genArm = GenArm.builder().base(folder).maxSequences(4).build()) {
      int size = genArm.config().vocabSize();
      int length = rows.get(0).length;
      double[] laws = new double[rows.size() * length * size];
      genArm.logprobs(rows, Map.of(), SamplingParams.of(0), false, (row, position, model, values) -> {
        for (int v = 0; v < size; v++) {
          laws[(row * length + position) * size + v] = values[v];
        }
      });
      return laws;
    }
  }

  private void copy(Path folder) throws IOException {
    for (String name : List.of(CONFIG, WEIGHTS)) {
      Files.copy(folder.resolve(name), directory.resolve(name));
    }
  }

  private ObjectNode config() {
    return (ObjectNode) Golden.json(directory.resolve(CONFIG));
  }

  private void write(String name, ObjectNode json) throws IOException {
    Files.writeString(directory.resolve(name), json.toString());
  }

  /** Every stored zero, modulo 16. */
  private void addOneToTheZeros() throws IOException {
    List<StoredTensor> zeros = new ArrayList<>();
    try (Safetensors file = Safetensors.open(directory.resolve(WEIGHTS))) {
      file.tensors().values().stream().filter(tensor -> tensor.name().endsWith(".qzeros")).forEach(zeros::add);
    }
    try (RandomAccessFile file = new RandomAccessFile(directory.resolve(WEIGHTS).toFile(), "rw")) {
      for (StoredTensor tensor : zeros) {
        byte[] bytes = new byte[Math.toIntExact(tensor.bytes())];
        file.seek(tensor.offset());
        file.readFully(bytes);
        for (int i = 0; i < bytes.length; i++) {
          bytes[i] = (byte) ((bytes[i] + 1 & 0x0f) | (bytes[i] + 0x10 & 0xf0));
        }
        file.seek(tensor.offset());
        file.write(bytes);
      }
    }
  }

  private void overwrite(String name, long at, byte[] bytes) throws IOException {
    long offset;
    try (Safetensors file = Safetensors.open(directory.resolve(WEIGHTS))) {
      offset = file.tensor(name).offset();
    }
    try (RandomAccessFile file = new RandomAccessFile(directory.resolve(WEIGHTS).toFile(), "rw")) {
      file.seek(offset + at);
      file.write(bytes);
    }
  }

  /** Writes the weights again with an F16 vector more, each byte of this value. */
  private void addTensor(String name, int size, int value) throws IOException {
    Path original = Files.move(directory.resolve(WEIGHTS), directory.resolve("original"));
    byte[] added = new byte[2 * size];
    Arrays.fill(added, (byte) value);
    try (Safetensors file = Safetensors.open(original)) {
      List<SafetensorsWriter.Plan> plans = new ArrayList<>();
      file.tensors().values().forEach(t -> plans.add(new SafetensorsWriter.Plan(t.name(), t.type(), t.shape())));
      plans.add(new SafetensorsWriter.Plan(name, TensorType.F16, List.of((long) size)));
      try (SafetensorsWriter writer = SafetensorsWriter.create(directory.resolve(WEIGHTS), plans)) {
        file.tensors().values().forEach(t -> writer.write(t.name(), 0, file.read(t)));
        writer.write(name, 0, ByteBuffer.wrap(added));
        writer.finish();
      }
    }
  }
}

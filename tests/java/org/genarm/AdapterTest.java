package org.genarm;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
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
import org.genarm.checkpoint.TensorValues;
import org.genarm.engine.LawSink;
import org.genarm.guidance.SamplingParams;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Reward models that are adapters of the resident base: PyTorch's laws, and nothing shared but the weights. */
class AdapterTest {
  private static final double TOLERANCE = 2e-3;
  private static final Path BASE = Golden.ROOT.resolve("llama-gqa");
  private static final Path LORA = Golden.ROOT.resolve("lora-arm-on-llama-gqa");
  private static final Path PBLORA = Golden.ROOT.resolve("pblora-arm-on-llama-gqa");

  @Test
  void aLoraRewardModelHasItsOwnLaw() throws Exception {
    Path expected = LORA.resolve("expected.safetensors");
    try (GenArm genArm = builder().arm("lora", LORA).build()) {
      double[] law = laws(genArm, Golden.rows(expected, "input_ids"), 1);

      assertClose(Golden.logSoftmax(Golden.floats(expected, "logits"), genArm.config().vocabSize()), law);
    }
  }

  @Test
  void anUpdateOfTheLmHeadMayComeWithACopyOfTheBases() throws Exception {
    Path adapter = Golden.ROOT.resolve("lora-lm-head-on-llama-gqa");
    Path expected = adapter.resolve("expected.safetensors");
    try (GenArm genArm = builder().arm("lora", adapter).build()) {
      double[] law = laws(genArm, Golden.rows(expected, "input_ids"), 1);

      assertClose(Golden.logSoftmax(Golden.floats(expected, "logits"), genArm.config().vocabSize()), law);
    }
  }

  @Test
  void aTrainedOrResizedLmHeadIsRefusedByName(@TempDir Path directory) throws Exception {
    Path adapter = Golden.ROOT.resolve("lora-lm-head-on-llama-gqa");
    Files.copy(adapter.resolve("adapter_config.json"), directory.resolve("adapter_config.json"));
    String copy = "base_model.model.lm_head.base_layer.weight";
    for (boolean resized : new boolean[] {false, true}) {
      try (Safetensors stored = Safetensors.open(adapter.resolve("adapter_model.safetensors"))) {
        write(directory.resolve("adapter_model.safetensors"), stored, copy, resized);
      }

      var refused = assertThrows(CheckpointException.class, () -> builder().arm("lora", directory).build());

      String found = resized ? "F32 [511, 64]" : "where it has";
      assertTrue(refused.getMessage().contains(copy + ": expected the base's own weights"), refused.getMessage());
      assertTrue(refused.getMessage().contains(found), refused.getMessage());
    }
  }

  /** The adapter again, but for the last value or row of one tensor. */
  private static void write(Path file, Safetensors stored, String changed, boolean resized) {
    List<SafetensorsWriter.Plan> plans = new ArrayList<>();
    for (StoredTensor tensor : stored.tensors().values()) {
      boolean cut = resized && tensor.name().equals(changed);
      List<Long> shape = cut ? List.of(tensor.shape().get(0) - 1, tensor.shape().get(1)) : tensor.shape();
      plans.add(new SafetensorsWriter.Plan(tensor.name(), TensorType.F32, shape));
    }
    try (SafetensorsWriter writer = SafetensorsWriter.create(file, plans)) {
      for (SafetensorsWriter.Plan plan : plans) {
        float[] values = TensorValues.read(stored.tensor(plan.name()));
        values = Arrays.copyOf(values, (int) (plan.shape().get(0) * plan.shape().get(1)));
        if (plan.name().equals(changed)) {
          values[values.length - 1] *= 1.01f;
        }
        writer.write(plan.name(), 0, values);
      }
      writer.finish();
    }
  }

  @Test
  void aPreferenceSelectsTheLaw() throws Exception {
    Path expected = PBLORA.resolve("expected.safetensors");
    JsonNode preferences = Golden.json(PBLORA.resolve("cases.json")).get("preferences");
    for (int i = 0; i < preferences.size(); i++) {
      List<Float> preference = new ArrayList<>();
      preferences.get(i).forEach(value -> preference.add(value.floatValue()));
      try (GenArm genArm = builder().arm("parm", PBLORA).preference("parm", preference).build()) {
        double[] law = laws(genArm, Golden.rows(expected, "input_ids"), 1);

        assertClose(Golden.logSoftmax(Golden.floats(expected, "logits." + i), genArm.config().vocabSize()), law);
      }
    }
  }

  @Test
  void theBaseBesideAdaptersIsTheBaseAlone() throws Exception {
    List<int[]> rows = Golden.rows(LORA.resolve("expected.safetensors"), "input_ids");
    try (GenArm alone = builder().build();
        GenArm beside = builder().arm("lora", LORA).arm("parm", PBLORA).build()) {
      assertArrayEquals(laws(alone, rows, 0), laws(beside, rows, 0));
    }
  }

  @Test
  void aMixedBatchEqualsEachRequestAlone() throws Exception {
    List<Request> requests = new ArrayList<>();
    List<List<Float>> vectors = List.of(List.of(1f, 0f), List.of(0f, 1f), List.of(0.25f, 0.75f));
    requests.add(request(1, 0, 0, vectors.get(0)));
    requests.add(request(2, 1.5, 0, vectors.get(0)));
    for (List<Float> vector : vectors) {
      requests.add(request(3, 0, 1, vector));
      requests.add(request(3, 0.5, -0.5, vector));
    }
    try (GenArm genArm = builder().arm("lora", LORA).arm("parm", PBLORA).build()) {
      List<List<Integer>> alone = new ArrayList<>();
      for (Request request : requests) {
        alone.add(genArm.generate(request).choices().get(0).tokenIds());
      }

      List<Generation> together = requests.stream().map(genArm::submit).toList();

      for (int i = 0; i < requests.size(); i++) {
        assertEquals(alone.get(i), together.get(i).result().choices().get(0).tokenIds(), "request " + i);
      }
      assertTrue(alone.stream().distinct().count() > 1);
    }
  }

  @Test
  void aPreferenceOfAnotherLengthIsRefused() throws Exception {
    try (GenArm genArm = builder().arm("parm", PBLORA).build()) {
      var thrown =
          assertThrows(
              IllegalArgumentException.class,
              () -> genArm.submit(Request.ofIds(1).preference("parm", List.of(1f)).build()));

      assertEquals("the preference of parm must have 2 values, got 1", thrown.getMessage());
    }
  }

  private static GenArmBuilder builder() {
    return GenArm.builder().base(BASE).maxSequences(16).components(true);
  }

  private static Request request(long seed, double lora, double parm, List<Float> preference) {
    return Request.ofIds(1, 7, 200, 31)
        .weight("lora", lora)
        .weight("parm", parm)
        .preference("parm", preference)
        .seed(seed)
        .maxNewTokens(24)
        .ignoreEos(true)
        .build();
  }

  /** One view's own laws, row after row. */
  private static double[] laws(GenArm genArm, List<int[]> rows, int view) throws InterruptedException {
    int vocabSize = genArm.config().vocabSize();
    int length = rows.get(0).length;
    double[] laws = new double[rows.size() * length * vocabSize];
    LawSink sink =
        (row, position, model, values) -> {
          for (int v = 0; model == view && v < vocabSize; v++) {
            laws[(row * length + position) * vocabSize + v] = values[v];
          }
        };
    genArm.logprobs(rows, Map.of(), SamplingParams.of(0), true, sink);
    return laws;
  }

  private static void assertClose(double[] expected, double[] found) {
    assertEquals(expected.length, found.length);
    for (int i = 0; i < expected.length; i++) {
      assertEquals(expected[i], found[i], TOLERANCE, "value " + i);
    }
  }
}

package org.genarm.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.genarm.binding.Device;
import org.genarm.checkpoint.CheckpointException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ModelTest {
  @TempDir private Path directory;

  /** Every dense checkpoint of the golden fixtures. */
  static List<Path> dense() throws IOException {
    try (Stream<Path> folders = Files.list(Path.of("tests/golden"))) {
      return folders
          .filter(folder -> Files.exists(folder.resolve("config.json")))
          .filter(folder -> !folder.toString().matches(".*(gptq|score).*"))
          .sorted()
          .toList();
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("dense")
  void everyDenseCheckpointLoads(Path folder) {
    try (Device device = Device.open("cpu", 1);
        Model model = Model.load(device, folder, LoadOptions.AS_STORED)) {
      long elements = model.config().shape().vocabSize() * (long) model.config().shape().hiddenSize();
      assertTrue(model.weights().bytes() >= 2 * elements, model.weights().bytes() + " bytes");
    }
  }

  @Test
  void progressEndsWithEveryByte() {
    List<Long> loaded = new ArrayList<>();
    List<Long> totals = new ArrayList<>();
    LoadOptions options =
        new LoadOptions(
            null,
            (bytes, total) -> {
              loaded.add(bytes);
              totals.add(total);
            });
    try (Device device = Device.open("cpu", 1);
        Model model = Model.load(device, new ModelFixture(directory).write(), options)) {
      assertEquals(12, loaded.size());
      assertEquals(1328, loaded.get(11));
      assertEquals(1328, totals.get(0));
    }
  }

  @Test
  void aTiedModelMayStoreItsHeadAgain() {
    Path folder = new ModelFixture(directory).config("tie_word_embeddings", "true").write();

    try (Device device = Device.open("cpu", 1);
        Model model = Model.load(device, folder, LoadOptions.AS_STORED)) {
      assertTrue(model.config().shape().tieEmbeddings());
    }
  }

  @Test
  void storedRotaryFrequenciesAreIgnored() {
    String name = "model.layers.0.self_attn.rotary_emb.inv_freq";
    Path folder = new ModelFixture(directory).tensor(name, "F32", 4, 0, 2).write();

    try (Device device = Device.open("cpu", 1);
        Model model = Model.load(device, folder, LoadOptions.AS_STORED)) {
      assertEquals(1, model.config().shape().numLayers());
    }
  }

  @Test
  void whatTheDeviceRefusesIsTheCheckpointsFault() {
    Path folder = new ModelFixture(directory).config("rms_norm_eps", "1e300").write();

    try (Device device = Device.open("cpu", 1)) {
      var thrown =
          assertThrows(CheckpointException.class, () -> Model.load(device, folder, LoadOptions.AS_STORED));

      assertEquals(folder, thrown.file());
      assertTrue(thrown.found().contains("rms_norm_eps"), thrown.getMessage());
    }
  }
}

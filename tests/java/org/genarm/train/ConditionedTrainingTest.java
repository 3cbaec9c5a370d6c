package org.genarm.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.genarm.binding.Device;
import org.genarm.binding.Dtype;
import org.genarm.binding.TrainerOptions.Objective;
import org.genarm.checkpoint.CheckpointException;
import org.genarm.checkpoint.Safetensors;
import org.genarm.model.Adapter;
import org.genarm.model.LoadOptions;
import org.genarm.model.Model;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Preference-conditioned training: two objectives that want the opposite of each other, told apart by the preference. */
class ConditionedTrainingTest {
  private static final Path BASE = Path.of("models/demo-small");
  private static final LoraOptions PBLORA = new LoraOptions(4, 8, 0, List.of("all-linear"), 4);

  private static final List<PreferencePair> PAIRS =
      PreferencePairs.read(
              Path.of("models/data/pairs-positive.jsonl"), new PairLimits(4096, 512, true, false), null)
          .pairs()
          .subList(0, 8)
          .stream()
          .map(pair -> pair.withLabels(new int[] {1, -1}))
          .toList();

  @TempDir Path temp;

  @Test
  void eachObjectiveIsLearntAtItsCorner() throws IOException {
    List<StepReport> reports = train(config(40, 1e-2, Objective.ARM), "out", null);

    StepReport.Evaluation held = reports.get(39).evaluation();
    assertTrue(held.objectives().get("wanted").accuracy() >= 0.75, held.toString());
    assertTrue(held.objectives().get("refused").accuracy() >= 0.75, held.toString());
    assertEquals(2, reports.get(0).preference().size());
    try (Device device = Device.open("cpu", 1);
        Model model = Model.load(device, BASE, LoadOptions.AS_STORED);
        Adapter adapter = Adapter.load(model, temp.resolve("out"));
        Safetensors stored = Safetensors.open(temp.resolve("out/adapter_model.safetensors"))) {
      assertEquals(List.of(0.5f, 0.5f), adapter.config().preference());
      assertEquals(2, adapter.config().scale("model.layers.0.self_attn.q_proj"));
      assertEquals("wanted,refused", stored.metadata().get("objectives"));
    }
  }

  @Test
  void aRunInTwoHalvesIsTheRunBitForBit() throws IOException {
    TrainConfig half = config(3, 1e-3, Objective.ARM);
    TrainConfig whole = config(6, 1e-3, Objective.ARM);
    train(whole, "whole", null);
    train(half, "halves", null);
    train(whole, "halves", null);

    assertArrayEquals(
        Files.readAllBytes(temp.resolve("whole/adapter_model.safetensors")),
        Files.readAllBytes(temp.resolve("halves/adapter_model.safetensors")));
  }

  @Test
  void trainingGoesOnFromAnAdapter() {
    train(config(2, 5e-3, Objective.ARM), "first", null);
    List<StepReport> whole = train(config(3, 5e-3, Objective.ARM), "whole", null);

    List<StepReport> next = train(config(1, 5e-3, Objective.ARM), "next", temp.resolve("first"));

    assertEquals(whole.get(1).evaluation(), null);
    assertTrue(next.get(0).loss() < whole.get(0).loss(), next + " after " + whole);
  }

  @Test
  void anAdapterOfAnotherScaleIsRefused() {
    train(config(1, 1e-3, Objective.ARM), "first", null);
    LoraOptions other = new LoraOptions(4, 16, 0, List.of("all-linear"), 4);

    var refused =
        assertThrows(
            CheckpointException.class,
            () -> train(config(other, 1, 1e-3, Objective.ARM), "next", temp.resolve("first")));

    assertEquals("a scale of 4.0 (--lora-alpha, --lora-r)", refused.expected());
  }

  @Test
  void theBaseIsTheReferenceOfDpo() {
    StepReport first = train(config(1, 1e-3, Objective.DPO), "dpo", null).get(0);

    assertEquals(Math.log(2), first.loss(), 1e-5);
  }

  @Test
  void nextTokensHaveNoPreference() {
    assertThrows(IllegalArgumentException.class, () -> config(1, 1e-3, Objective.LM));
  }

  private static TrainConfig config(long steps, double rate, Objective objective) {
    return config(PBLORA, steps, rate, objective);
  }

  private static TrainConfig config(LoraOptions lora, long steps, double rate, Objective objective) {
    OptimizerOptions optimizer = new OptimizerOptions(rate, Schedule.CONSTANT, 0, 0, 1);
    return new TrainConfig(
        LossOptions.of(objective, 0.1), lora, optimizer, 8, 0, 1, steps, true, 7, 1, TrainConfig.CONCENTRATION, Dtype.F32,
        false, 0, 0, TrainConfig.DIVERGENCE_FACTOR);
  }

  private List<StepReport> train(TrainConfig config, String name, Path adapter) {
    Path out = temp.resolve(name);
    List<StepReport> reports = new ArrayList<>();
    try {
      Files.createDirectories(out);
    } catch (IOException failure) {
      throw new AssertionError(failure);
    }
    Training.Files files =
        new Training.Files(BASE, PAIRS, PAIRS, out, null, null, List.of("wanted", "refused"), adapter);
    try (Device device = Device.open("cpu", 2);
        Training training = Training.open(device, config, files, Training.Start.RESUMED, (loaded, total) -> {})) {
      training.run((report, steps) -> reports.add(report));
    }
    return reports;
  }
}

package org.genarm.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.genarm.binding.Device;
import org.genarm.binding.Dtype;
import org.genarm.binding.NativeException;
import org.genarm.binding.TrainerOptions.Objective;
import org.genarm.checkpoint.CheckpointException;
import org.genarm.checkpoint.Safetensors;
import org.genarm.model.Adapter;
import org.genarm.model.LoadOptions;
import org.genarm.model.Model;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs on a model of the repository and its first pairs. */
class TrainingTest {
  private static final Path BASE = Path.of("models/demo-small");
  private static final LoraOptions LORA = new LoraOptions(4, 8, 0.1, List.of("all-linear"));

  private static final List<PreferencePair> PAIRS =
      PreferencePairs.read(
              Path.of("models/data/pairs-positive.jsonl"), new PairLimits(4096, 512, true, false), null)
          .pairs()
          .subList(0, 12);

  @TempDir Path temp;

  /** A killed run, from the outside. */
  private static final class Killed extends RuntimeException {
    private static final long serialVersionUID = 1;
  }

  @Test
  void fullTrainingLearnsItsPairsAndLeavesAModel() throws IOException {
    List<StepReport> reports = train(config(null, Objective.ARM, 6, 1e-3), "full", List.of());

    assertTrue(reports.get(5).loss() < 0.5 * reports.get(0).loss(), reports.toString());
    assertEquals(1, reports.get(5).accuracy());
    assertTrue(reports.get(0).gradNorm() > 0 && reports.get(0).tokensPerSecond() > 0);
    assertEquals(-1, Files.mismatch(BASE.resolve("tokenizer.json"), temp.resolve("full/tokenizer.json")));
    try (Device device = Device.open("cpu", 1);
        Model model = Model.load(device, temp.resolve("full"), LoadOptions.AS_STORED)) {
      assertEquals(3, model.config().shape().numLayers());
    }
  }

  @Test
  void lowRankTrainingLeavesAnAdapterThatLoads() {
    List<StepReport> reports = train(config(LORA, Objective.ARM, 8, 5e-3), "lora", PAIRS);

    assertTrue(reports.get(7).evaluation().loss() < 0.8 * reports.get(0).loss(), reports.toString());
    try (Device device = Device.open("cpu", 1);
        Model model = Model.load(device, BASE, LoadOptions.AS_STORED);
        Adapter adapter = Adapter.load(model, temp.resolve("lora"))) {
      assertEquals(4, adapter.config().rank());
    }
  }

  @Test
  void everyObjectiveDescends() {
    for (Objective objective : List.of(Objective.LM, Objective.DPO)) {
      List<StepReport> reports = train(config(null, objective, 4, 1e-3), objective.toString(), PAIRS);

      assertTrue(reports.get(3).loss() < 0.9 * reports.get(0).loss(), reports.toString());
      assertEquals(objective == Objective.LM, reports.get(0).accuracy() == null);
    }
  }

  @Test
  void dpoStartsFromNoPreference() {
    StepReport first = train(config(LORA, Objective.DPO, 1, 1e-3), "dpo", List.of()).get(0);

    assertEquals(Math.log(2), first.loss(), 0.02);  // dropout alone tells the base from itself
  }

  @Test
  void aHotStartIsTheBaseAtThatTemperature() {
    TrainConfig config =
        new TrainConfig(
            LossOptions.of(Objective.LM, 0.1), null, new OptimizerOptions(0, Schedule.CONSTANT, 0, 0, 1), 12, 0, 1, 1,
            true, 7, 1e6, TrainConfig.CONCENTRATION, Dtype.F32, false, 0, 0, TrainConfig.DIVERGENCE_FACTOR);

    double uniform = run(config, files("hot", List.of()), false, -1).get(0).loss();

    assertEquals(Math.log(4096), uniform, 1e-3);
  }

  @Test
  void aKilledRunResumesBitForBit() throws IOException {
    TrainConfig config = config(LORA, Objective.ARM, 6, 1e-3);
    train(config, "whole", List.of());

    assertThrows(Killed.class, () -> run(config, files("killed", List.of()), false, 5));
    run(config, files("killed", List.of()), true, -1);

    assertArrayEquals(bytes("whole/adapter_model.safetensors"), bytes("killed/adapter_model.safetensors"));
    assertArrayEquals(bytes("whole/trainer_state.safetensors"), bytes("killed/trainer_state.safetensors"));
    List<String> log = Files.readAllLines(temp.resolve("killed.jsonl"));
    assertEquals(6, log.size());
    assertTrue(log.get(4).startsWith("{\"step\":5,"), log.get(4));
  }

  @Test
  void aStateOfAnotherRunIsRefused() {
    train(config(LORA, Objective.ARM, 1, 1e-3), "other", List.of());

    var refused =
        assertThrows(
            CheckpointException.class,
            () -> run(config(LORA, Objective.ARM, 1, 2e-3), files("other", List.of()), true, -1));

    assertEquals("run", refused.tensor());
    assertEquals("learningRate=0.002, as this run has it", refused.expected());
    assertEquals("learningRate=0.001", refused.found());
  }

  @Test
  void aRunThatDivergesKeepsItsLastGoodState() {
    OptimizerOptions optimizer = new OptimizerOptions(1e30, Schedule.CONSTANT, 2, 0, 1);  // first 0, then 5e29
    TrainConfig config =
        new TrainConfig(LossOptions.of(Objective.ARM, 0.1), null, optimizer, 12, 0, 1, 9, true, 7,
            1, TrainConfig.CONCENTRATION, Dtype.F32, false, 0, 1, TrainConfig.DIVERGENCE_FACTOR);

    var diverged =
        assertThrows(DivergedException.class, () -> run(config, files("wild", List.of()), false, -1));

    Path kept = temp.resolve("wild/trainer_state.safetensors");
    assertTrue(diverged.getMessage().startsWith("training diverged at step 3: the gradient's norm is "), diverged.getMessage());
    assertTrue(diverged.getMessage().contains("; the last good state is " + kept + ", after step 1: "), diverged.getMessage());
    assertEquals(NativeException.NotFinite.class, diverged.getCause().getClass());
    try (Safetensors state = Safetensors.open(kept)) {
      assertEquals("1", state.metadata().get("step"));
    }
    assertFalse(Files.exists(temp.resolve("wild/model.safetensors")));
  }

  @Test
  void microBatchesAddUpToTheBatch() {
    StepReport whole = train(config(LORA, Objective.ARM, 1, 1e-3), "whole", List.of()).get(0);
    TrainConfig cut = config(LORA, Objective.ARM, 1, 1e-3, 5);
    StepReport parts = train(cut, "parts", List.of()).get(0);

    assertEquals(whole.loss(), parts.loss(), 1e-12);
    assertEquals(whole.gradNorm(), parts.gradNorm(), 1e-6 * whole.gradNorm());
  }

  private static TrainConfig config(LoraOptions lora, Objective objective, long steps, double rate) {
    return config(lora, objective, steps, rate, 0);
  }

  private static TrainConfig config(LoraOptions lora, Objective objective, long steps, double rate, int microBatch) {
    OptimizerOptions optimizer = new OptimizerOptions(rate, Schedule.COSINE, 0, 0.01, 1);
    return new TrainConfig(
        LossOptions.of(objective, 0.1), lora, optimizer, 12, microBatch, 1, steps, true, 7, 1, TrainConfig.CONCENTRATION,
        Dtype.F32, lora == null, 0, 2, TrainConfig.DIVERGENCE_FACTOR);
  }

  private Training.Files files(String name, List<PreferencePair> held) {
    Path out = temp.resolve(name);
    try {
      Files.createDirectories(out);
    } catch (IOException failure) {
      throw new AssertionError(failure);
    }
    return new Training.Files(BASE, PAIRS, held, out, temp.resolve(name + ".jsonl"), null, List.of(), null);
  }

  private List<StepReport> train(TrainConfig config, String name, List<PreferencePair> held) {
    return run(config, files(name, held), false, -1);
  }

  /** Throws {@link Killed} after so many steps. */
  private static List<StepReport> run(TrainConfig config, Training.Files files, boolean resume, long killedAfter) {
    List<StepReport> reports = new ArrayList<>();
    try (Device device = Device.open("cpu", 2);
        Training training =
            Training.open(
                device, config, files, resume ? Training.Start.RESUMED : Training.Start.FRESH, (loaded, total) -> {})) {
      training.run(
          (report, steps) -> {
            reports.add(report);
            if (report.step() == killedAfter) {
              throw new Killed();
            }
          });
    }
    return reports;
  }

  private byte[] bytes(String name) throws IOException {
    return Files.readAllBytes(temp.resolve(name));
  }
}

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
import java.util.Random;
import java.util.stream.IntStream;
import org.genarm.binding.Device;
import org.genarm.binding.Dtype;
import org.genarm.binding.TrainerOptions.Objective;
import org.genarm.checkpoint.CheckpointException;
import org.genarm.checkpoint.Safetensors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs that diverge although their numbers stay finite, and what resuming may change. */
class DivergenceTest {
  private static final Path BASE = Path.of("tests/golden/llama-gqa");
  private static final int BATCH = 32;
  private static final List<PreferencePair> PAIRS = noise();

  @TempDir Path temp;

  @Test
  void aRunThatDivergesKeepsAStateThatGoesOnAsIfNothingHadHappened() throws IOException {
    run("whole", 6, 1e-3, Training.Start.FRESH);
    run("kept", 4, 1e-3, Training.Start.FRESH);

    var diverged =
        assertThrows(DivergedException.class, () -> run("kept", 60, 1, Training.Start.RESUMED_AT_ANY_RATE));
    assertFinite(diverged.getMessage());
    run("kept", 6, 1e-3, Training.Start.RESUMED);

    assertArrayEquals(bytes("whole"), bytes("kept"));
  }

  @Test
  void aRunThatDivergedGoesOnAtALowerRate() throws IOException {
    run("out", 4, 2e-3, Training.Start.FRESH);
    assertThrows(DivergedException.class, () -> run("out", 60, 1, Training.Start.RESUMED_AT_ANY_RATE));

    List<StepReport> lower = run("out", 12, 5e-4, Training.Start.RESUMED_AT_ANY_RATE);

    assertEquals(5, lower.get(0).step());
    assertTrue(lower.stream().allMatch(step -> step.loss() < 3), lower.toString());
    try (Safetensors state = Safetensors.open(temp.resolve("out/trainer_state.safetensors"))) {
      assertTrue(state.metadata().get("run").contains("learningRate=5.0E-4"), state.metadata().toString());
    }
  }

  @Test
  void aRunThatIsWildFromTheStartLeavesNothing() {
    var diverged = assertThrows(DivergedException.class, () -> run("wild", 60, 1, Training.Start.FRESH));

    assertTrue(diverged.getMessage().endsWith("; no good state was saved (--save-every): start again with a lower"
        + " --learning-rate"), diverged.getMessage());
    assertFalse(Files.exists(temp.resolve("wild/trainer_state.safetensors")));
    assertFalse(Files.exists(temp.resolve("wild/model.safetensors")));
  }

  @Test
  void aCurveIsNotStretchedByResuming() {
    run(config(2, 1e-3, Schedule.COSINE), "out", Training.Start.FRESH);

    var refused =
        assertThrows(
            CheckpointException.class, () -> run(config(4, 1e-3, Schedule.COSINE), "out", Training.Start.RESUMED));

    assertEquals("steps 4, as this run has it", refused.expected());
    assertEquals("steps 2", refused.found());
  }

  private static void assertFinite(String message) {
    String numbers = "[-+.e\\d]+";
    assertTrue(
        message.matches(
            "training diverged at step \\d+: the loss is " + numbers + " and averages " + numbers + " over 20 steps, where"
                + " its best was " + numbers + " and the limit is " + numbers + " \\(--divergence-factor 3\\.0\\); the last"
                + " good state is .*kept/trainer_state\\.safetensors, after step [45]: --resume --change-learning-rate goes"
                + " on from it with a lower --learning-rate"),
        message);
  }

  /** Nothing can be learnt from them: a rate that is far too high leaves the loss high. */
  private static List<PreferencePair> noise() {
    Random random = new Random(3);
    return IntStream.range(0, 2 * BATCH)
        .mapToObj(i -> new PreferencePair(ids(random, 3), ids(random, 6), ids(random, 6)))
        .toList();
  }

  private static int[] ids(Random random, int count) {
    return random.ints(count, 3, 512).toArray();
  }

  private static TrainConfig config(long steps, double rate, Schedule schedule) {
    return new TrainConfig(
        LossOptions.of(Objective.ARM, 1), null, new OptimizerOptions(rate, schedule, 0, 0, 1), BATCH, 0, 1, steps, true, 7, 1,
        TrainConfig.CONCENTRATION, Dtype.F32, false, 0, 1, TrainConfig.DIVERGENCE_FACTOR);
  }

  private List<StepReport> run(String name, long steps, double rate, Training.Start start) {
    return run(config(steps, rate, Schedule.CONSTANT), name, start);
  }

  private List<StepReport> run(TrainConfig config, String name, Training.Start start) {
    Path out = temp.resolve(name);
    List<StepReport> reports = new ArrayList<>();
    try {
      Files.createDirectories(out);
    } catch (IOException failure) {
      throw new AssertionError(failure);
    }
    Training.Files files = new Training.Files(BASE, PAIRS, List.of(), out, null, null, List.of(), null);
    try (Device device = Device.open("cpu", 2);
        Training training = Training.open(device, config, files, start, (loaded, total) -> {})) {
      training.run((report, steps) -> reports.add(report));
    }
    return reports;
  }

  private byte[] bytes(String name) throws IOException {
    return Files.readAllBytes(temp.resolve(name).resolve("model.safetensors"));
  }
}

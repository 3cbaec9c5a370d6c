package org.genarm.train;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.genarm.binding.NativeTrainer.State;
import org.genarm.checkpoint.CheckpointException;
import org.genarm.checkpoint.Safetensors;
import org.genarm.checkpoint.SafetensorsWriter;
import org.genarm.checkpoint.StoredTensor;
import org.genarm.checkpoint.TensorType;

/**
 * What a run needs to go on bit for bit: every trained tensor in f32 with AdamW's moments, and the step. One file,
 * replaced whole: a run that is killed while writing keeps the state before.
 */
final class TrainState {
  static final String FILE = "trainer_state.safetensors";

  private static final String STEP = "step";
  private static final String RUN = "run";
  private static final String PAIRS = "pairs";

  /** Between the settings of a run. */
  private static final String SETTINGS = "[,;] |\\[|\\]";

  private static final Pattern RATE = Pattern.compile("learningRate=[^,\\]]*");

  private final Path file;
  private final String run;
  private final String pairs;

  /**
   * @param run the configuration that must not change
   * @param pairs the fingerprint of what is trained on
   */
  TrainState(Path directory, String run, String pairs) {
    file = directory.resolve(FILE);
    this.run = run;
    this.pairs = pairs;
  }

  Path file() {
    return file;
  }

  boolean exists() {
    return Files.exists(file);
  }

  void save(TrainableModel model, long step) {
    List<SafetensorsWriter.Plan> plans = new ArrayList<>();
    for (TrainedTensor tensor : model.trained()) {
      for (State state : states()) {
        plans.add(new SafetensorsWriter.Plan(name(tensor, state), TensorType.F32, tensor.shape()));
      }
    }
    Map<String, String> metadata = new LinkedHashMap<>();  // in this order: equal runs leave equal bytes
    metadata.put(STEP, String.valueOf(step));
    metadata.put(RUN, run);
    metadata.put(PAIRS, pairs);
    try (SafetensorsWriter writer = SafetensorsWriter.create(file, plans, metadata)) {
      for (TrainedTensor tensor : model.trained()) {
        for (State state : states()) {
          writer.write(name(tensor, state), 0, model.read(tensor, state));
        }
      }
      writer.finish();
    }
  }

  /**
   * Puts the state into a trainer of the same run and returns its step.
   *
   * @param anyRate the learning rate may be another
   */
  long restore(TrainableModel model, boolean anyRate) {
    try (Safetensors saved = Safetensors.open(file)) {
      String found = saved.metadata().getOrDefault(RUN, "nothing");
      require(RUN, anyRate ? RATE.matcher(found).replaceFirst(rate(run)) : found, run);
      require(PAIRS, saved.metadata().getOrDefault(PAIRS, "nothing"), pairs);
      long step = step(saved);
      for (TrainedTensor tensor : model.trained()) {
        for (State state : states()) {
          model.trainer().write(tensor.name(), state, values(saved, tensor, state));
        }
      }
      model.trainer().setUpdates(step);
      return step;
    }
  }

  private long step(Safetensors saved) {
    String step = saved.metadata().getOrDefault(STEP, "nothing");
    try {
      return Long.parseLong(step);
    } catch (NumberFormatException broken) {
      throw new CheckpointException(file, STEP, "a number of steps", step);
    }
  }

  private static String rate(String run) {
    Matcher rate = RATE.matcher(run);
    return rate.find() ? Matcher.quoteReplacement(rate.group()) : "";
  }

  private void require(String key, String found, String wanted) {
    if (!found.equals(wanted)) {
      boolean settings = key.equals(RUN);
      String expected = settings ? differing(wanted, found) : wanted;
      throw new CheckpointException(
          file, key, expected + ", as this run has it", settings ? differing(found, wanted) : found);
    }
  }

  /** The settings of {@code of} that {@code other} does not have. */
  private static String differing(String of, String other) {
    Set<String> rest = new LinkedHashSet<>(List.of(of.split(SETTINGS)));
    List.of(other.split(SETTINGS)).forEach(rest::remove);
    return rest.isEmpty() ? of : String.join(", ", rest);
  }

  private float[] values(Safetensors saved, TrainedTensor tensor, State state) {
    StoredTensor stored = saved.tensor(name(tensor, state));
    if (stored.type() != TensorType.F32 || !stored.shape().equals(tensor.shape())) {
      throw new CheckpointException(file, stored.name(), "F32 " + tensor.shape(), stored.describe());
    }
    float[] values = new float[tensor.size()];
    saved.read(stored).asFloatBuffer().get(values);
    return values;
  }

  private static List<State> states() {
    return List.of(State.VALUE, State.FIRST_MOMENT, State.SECOND_MOMENT);
  }

  private static String name(TrainedTensor tensor, State state) {
    return switch (state) {
      case FIRST_MOMENT -> tensor.name() + ".exp_avg";
      case SECOND_MOMENT -> tensor.name() + ".exp_avg_sq";
      default -> tensor.name();
    };
  }
}

package org.genarm.train;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.genarm.binding.Device;
import org.genarm.binding.NativeException;
import org.genarm.binding.NativeTrainer;
import org.genarm.binding.TrainerOptions.Objective;
import org.genarm.checkpoint.TensorType;
import org.genarm.model.LoadOptions;

/**
 * A run: steps over pairs, each a forward and backward of its micro-batches and one update; a log, evaluations and states
 * on the way; a model or an adapter at the end.
 */
public final class Training implements AutoCloseable {
  private static final double NANOS = 1e9;

  /**
   * What a run reads and where it writes.
   *
   * @param out an existing directory
   * @param evalPairs empty for none
   * @param log null for none
   * @param dtype of a full model's written weights; null: as the base stores each
   * @param objectives names, for a preference-conditioned run, whose pairs have a label for each; empty for others
   * @param adapter low-rank updates to go on from; null for fresh ones
   */
  public record Files(
      Path base,
      List<PreferencePair> pairs,
      List<PreferencePair> evalPairs,
      Path out,
      Path log,
      TensorType dtype,
      List<String> objectives,
      Path adapter) {
    public Files {
      pairs = List.copyOf(pairs);
      evalPairs = List.copyOf(evalPairs);
      objectives = List.copyOf(objectives);
    }
  }

  /** Where a run begins. */
  public enum Start {
    FRESH,
    /** At the state in {@code out}, where there is one, of the same settings. */
    RESUMED,
    /** The same, but the learning rate may be another from there on. */
    RESUMED_AT_ANY_RATE
  }

  /** Hears of every step. */
  public interface Listener {
    /**
     * @param steps of the whole run
     */
    void step(StepReport report, long steps);
  }

  private final TrainConfig config;
  private final Files files;
  private final List<PreferencePair> pairs;
  private final HeldOut heldOut;
  private final TrainableModel model;
  private final MicroBatches microBatches;
  private final BatchOrder order;
  private final PreferenceSampler preferences;
  private final TrainState state;
  private final long steps;
  private float[] references;
  private final DivergenceWatch watch;
  private long done;
  private long saved = -1;
  private boolean due;

  private Training(TrainConfig config, Files files, TrainableModel model) {
    this.config = config;
    this.files = files;
    this.model = model;
    pairs = counted(files.pairs());
    microBatches = new MicroBatches(config.microBatchSize());
    heldOut = new HeldOut(counted(files.evalPairs()), files.objectives(), microBatches);
    order = new BatchOrder(pairs.size(), config.batchSize(), config.shuffle(), config.seed());
    preferences = new PreferenceSampler(files.objectives().size(), config.concentration(), config.seed());
    String run = model.config().shape() + "; " + config.identity(pairs.size()) + "; objectives " + files.objectives();
    state = new TrainState(files.out(), run, PreferencePairs.fingerprint(pairs));
    steps = config.totalSteps(pairs.size());
    watch = new DivergenceWatch(config.divergenceFactor(), config.batchSize());
  }

  /** Loads the base. */
  public static Training open(
      Device device, TrainConfig config, Files files, Start start, LoadOptions.Progress progress) {
    TrainableModel model = TrainableModel.open(device, files, config, progress);
    try {
      Training training = new Training(config, files, model);
      training.start(start);
      return training;
    } catch (RuntimeException | Error failure) {
      model.close();
      throw failure;
    }
  }

  /** Steps of the whole run. */
  public long steps() {
    return steps;
  }

  /** Steps that are done. */
  public long done() {
    return done;
  }

  /**
   * Runs what is left and writes the result.
   *
   * <p>{@link DivergedException} where the run diverges: no result is written, the last good state that was saved stays.
   */
  public void run(Listener listener) {
    try (TrainLog log = new TrainLog(files.log(), done)) {
      while (done < steps) {
        StepReport report = step();
        log.write(report);
        listener.step(report, steps);
      }
    } catch (NativeException.NotFinite | DivergedException diverged) {
      String kept = saved < 0
          ? "no good state was saved (--save-every): start again with a lower --learning-rate"
          : "the last good state is " + state.file() + ", after step " + saved
              + ": --resume --change-learning-rate goes on from it with a lower --learning-rate";
      throw new DivergedException(
          "training diverged at step " + (done + 1) + ": " + diverged.getMessage() + "; " + kept, diverged);
    }
    state.save(model, done);
    if (config.lora() == null) {
      TrainOutput.writeModel(model, files.out(), files.dtype());
    } else {
      TrainOutput.writeAdapter(model, files.out(), config.lora(), files.objectives());
    }
  }

  @Override
  public void close() {
    model.close();
  }

  /** DPO's reference is the base itself, asked before anything is restored. */
  private void start(Start start) {
    if (config.loss().objective() == Objective.DPO) {
      references = logProbs(pairs);
      heldOut.comparedWith(logProbs(heldOut.pairs()));
    }
    if (config.startTemperature() != 1) {
      model.divideLogits(config.startTemperature());
    }
    if (start != Start.FRESH && state.exists()) {
      done = state.restore(model, start == Start.RESUMED_AT_ANY_RATE);
      saved = done;
    }
  }

  private List<PreferencePair> counted(List<PreferencePair> all) {
    boolean chosenAlone = config.loss().objective() == Objective.LM;
    return chosenAlone ? all.stream().map(PreferencePair::chosenOnly).toList() : all;
  }

  private float[] logProbs(List<PreferencePair> of) {
    float[] out = new float[2 * of.size()];
    if (!of.isEmpty()) {
      float[] balanced = config.conditioned() ? new float[files.objectives().size()] : null;
      PairBatch batch = new PairBatch(of, new float[out.length], null, balanced);
      microBatches.run(batch, out, model.trainer()::evaluate);
    }
    return out;
  }

  private StepReport step() {
    long begin = System.nanoTime();
    int[] indices = order.batch(done);
    List<PreferencePair> batch = new ArrayList<>();
    for (int index : indices) {
      batch.add(pairs.get(index));
    }
    float[] preference = config.conditioned() ? preferences.at(done) : null;
    float[] weights = ObjectivePairs.weights(batch, preference);
    PairBatch given = new PairBatch(batch, referencesOf(indices), weights, preference);
    NativeTrainer.Metrics sums = microBatches.run(given, null, model.trainer()::step);
    double norm = model.trainer().gradientNorm();
    StepReport.Evaluation mean = StepReport.Evaluation.of(sums, config.loss().objective());
    watch.step(mean.loss(), norm);
    long saving = saveIfDue();
    OptimizerOptions optimizer = config.optimizer();
    double rate = optimizer.learningRate() * optimizer.schedule().factor(done, steps, optimizer.warmupSteps());
    model.trainer().update((float) rate);
    done++;
    double seconds = (System.nanoTime() - begin - saving) / NANOS;
    double speed = batch.stream().mapToLong(PreferencePair::tokens).sum() / seconds;
    List<Float> drawn =
        preference == null ? null : IntStream.range(0, preference.length).mapToObj(k -> preference[k]).toList();
    return new StepReport(done, mean.loss(), mean.accuracy(), mean.margin(), norm, rate, speed, drawn, evaluate());
  }

  /**
   * Saves what the last update made, once a batch has shown that its losses and gradients are finite and nothing hints at
   * a divergence: a state that is kept is a good one. Returns the nanoseconds that it took.
   */
  private long saveIfDue() {
    long begin = System.nanoTime();
    due |= done > 0 && done != saved && config.saveEvery() > 0 && done % config.saveEvery() == 0;
    if (due && watch.calm()) {
      state.save(model, done);
      saved = done;
      due = false;
    }
    return System.nanoTime() - begin;
  }

  private float[] referencesOf(int[] indices) {
    if (references == null) {
      return null;
    }
    float[] out = new float[2 * indices.length];
    for (int i = 0; i < indices.length; i++) {
      System.arraycopy(references, 2 * indices[i], out, 2 * i, 2);
    }
    return out;
  }

  private StepReport.Evaluation evaluate() {
    boolean due = done == steps || (config.evalEvery() > 0 && done % config.evalEvery() == 0);
    return due ? heldOut.evaluate(config.loss().objective(), model.trainer()::evaluate) : null;
  }
}

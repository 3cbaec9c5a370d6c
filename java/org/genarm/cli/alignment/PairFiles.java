package org.genarm.cli.alignment;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Consumer;
import org.genarm.binding.TrainerOptions.Objective;
import org.genarm.checkpoint.CheckpointException;
import org.genarm.model.ModelConfig;
import org.genarm.tokenizer.PromptTemplate;
import org.genarm.tokenizer.Tokenizer;
import org.genarm.train.ObjectivePairs;
import org.genarm.train.PairEncoder;
import org.genarm.train.PairLimits;
import org.genarm.train.PreferencePair;
import org.genarm.train.PreferencePairs;

/** Reads the files of pairs that {@code --pairs} and {@code --eval-pairs} name, as a base sees them. */
final class PairFiles implements AutoCloseable {
  private final Optional<Tokenizer> tokenizer;
  private final PairEncoder encoder;
  private final PairLimits limits;
  private final boolean conditioned;
  private final Consumer<String> warning;

  /**
   * @param conditioned whether files belong to objectives
   * @param skipLong whether pairs longer than the model's positions are left out
   * @param warning hears what was left out
   */
  PairFiles(
      Path base, String template, Objective objective, boolean conditioned, boolean skipLong, Consumer<String> warning) {
    ModelConfig model = ModelConfig.read(base);
    limits =
        new PairLimits(
            model.shape().vocabSize(), model.shape().maxPositions(), objective != Objective.LM, skipLong);
    this.conditioned = conditioned;
    this.warning = warning;
    tokenizer = Tokenizer.open(base);
    encoder = tokenizer.map(present -> encoder(base, present, template, model)).orElse(null);
  }

  /**
   * One file; for a preference-conditioned run one {@code NAME=FILE} an objective, or one file with labels.
   * {@link IllegalArgumentException} where they are neither.
   */
  ObjectivePairs read(String option, List<String> files) {
    if (files.isEmpty()) {
      return new ObjectivePairs(List.of(), List.of());
    }
    if (!conditioned) {
      if (files.size() > 1) {
        throw new IllegalArgumentException(option + " is given once, but for --method pblora");
      }
      return new ObjectivePairs(List.of(), read(files.get(0)).pairs());
    }
    if (files.size() == 1) {
      ObjectivePairs labelled = ObjectivePairs.labelled(read(files.get(0)));
      if (labelled.names().isEmpty()) {
        throw new CheckpointException(Path.of(files.get(0)), "labels of each line's objectives, or " + option
            + " NAME=FILE for each", "none");
      }
      return labelled;
    }
    List<String> names = new ArrayList<>();
    List<List<PreferencePair>> lists = new ArrayList<>();
    for (String file : files) {
      int equals = file.indexOf('=');
      if (equals < 1 || names.contains(file.substring(0, equals))) {
        throw new IllegalArgumentException(
            option + ": expected NAME=FILE with a name for each objective, got '" + file + "'");
      }
      names.add(file.substring(0, equals));
      lists.add(read(file.substring(equals + 1)).pairs());
    }
    return ObjectivePairs.of(names, lists);
  }

  @Override
  public void close() {
    tokenizer.ifPresent(Tokenizer::close);
  }

  private PreferencePairs read(String file) {
    PreferencePairs read = PreferencePairs.read(Path.of(file), limits, encoder);
    if (read.skipped() > 0) {
      warning.accept(file + ": left out " + read.skipped() + " pairs longer than " + limits.maxLength() + " tokens");
    }
    return read;
  }

  private static PairEncoder encoder(Path base, Tokenizer tokenizer, String template, ModelConfig model) {
    OptionalInt eos = tokenizer.eosId();
    if (eos.isEmpty() && model.eosTokenIds().isEmpty()) {
      throw new CheckpointException(base, "an eos token in tokenizer_config.json or config.json", "none");
    }
    int eosId = eos.isPresent() ? eos.getAsInt() : model.eosTokenIds().get(0);
    return new PairEncoder(tokenizer, PromptTemplate.of(template, tokenizer), eosId);
  }
}

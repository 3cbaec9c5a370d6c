package org.genarm.cli.alignment;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.genarm.binding.Dtype;
import org.genarm.binding.TrainerOptions.Objective;
import org.genarm.train.LoraOptions;
import org.genarm.train.LossOptions;
import org.genarm.train.OptimizerOptions;
import org.genarm.train.Schedule;
import org.genarm.train.TrainConfig;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** How {@code genarm train} trains: loss, updates, batches. */
final class TrainOptions {
  private static final double LORA_RATE = 5e-4;
  private static final double FULL_RATE = 1e-5;
  private static final double LORA_ALPHA = 16;
  private static final double PBLORA_ALPHA = 8;

  /** What is trained. */
  enum Method {
    LORA,
    PBLORA,
    FULL
  }

  @Option(names = "--method", defaultValue = "lora", converter = MethodName.class, paramLabel = "lora|pblora|full",
      description = "low-rank updates over a frozen base, such updates for several objectives that follow a preference"
          + " vector (PARM), or every tensor; default: ${DEFAULT-VALUE}")
  private Method method;

  @Option(names = "--objective", defaultValue = "arm", converter = ObjectiveName.class, paramLabel = "arm|lm|dpo",
      description = "preference without a reference model, next tokens of the chosen response, or preference against"
          + " the base; default: ${DEFAULT-VALUE}")
  private Objective objective;

  @Option(names = "--beta", defaultValue = "0.1", description = "scale of the log-probability difference; default: 0.1")
  private double beta;

  @Option(names = "--gamma", defaultValue = "0", description = "margin asked for; default: 0")
  private double gamma;

  @Option(names = "--label-smoothing", defaultValue = "0", description = "share of labels taken as wrong; default: 0")
  private double labelSmoothing;

  @Option(names = "--hinge", description = "hinge instead of the logistic loss")
  private boolean hinge;

  @Option(names = "--length-normalization", description = "divide log-probabilities by their tokens")
  private boolean lengthNormalization;

  @Option(names = "--learning-rate", description = "default: 5e-4 for lora and pblora, 1e-5 for full")
  private Double learningRate;

  @Option(names = "--start-temperature", defaultValue = "1", paramLabel = "T",
      description = "for --method full: start from the base's law at this temperature; default: 1")
  private double startTemperature;

  @Option(names = "--schedule", defaultValue = "constant", converter = ScheduleName.class,
      paramLabel = "constant|cosine|linear", description = "after the warm-up; default: ${DEFAULT-VALUE}")
  private Schedule schedule;

  @Option(names = "--warmup-steps", defaultValue = "0", description = "steps in which the rate rises from 0; default: 0")
  private int warmupSteps;

  @Option(names = "--weight-decay", defaultValue = "0", description = "AdamW's, on every trained tensor; default: 0")
  private double weightDecay;

  @Option(names = "--max-grad-norm", defaultValue = "1", description = "gradients are clipped to it; 0: off; default: 1")
  private double maxGradNorm;

  @Option(names = "--batch-size", defaultValue = "32", description = "pairs of one update; default: 32")
  private int batchSize;

  @Option(names = "--micro-batch-size", defaultValue = "0",
      description = "pairs computed at a time, their gradients are summed; default: as many as have 8192 tokens")
  private int microBatchSize;

  @Option(names = "--epochs", defaultValue = "1", description = "times round the pairs; default: 1")
  private int epochs;

  @Option(names = "--steps", defaultValue = "0", description = "updates, going round the pairs again; instead of --epochs")
  private long steps;

  @Option(names = "--no-shuffle", description = "pairs in the order of the file")
  private boolean noShuffle;

  @Option(names = "--seed", defaultValue = "0", description = "of order, dropout and the start of LoRA; default: 0")
  private long seed;

  @Option(names = "--lora-r", defaultValue = "8", description = "rank; default: 8")
  private int loraRank;

  @Option(names = "--lora-alpha",
      description = "updates are scaled by alpha / r, for pblora by alpha / r2; default: 16 for lora, 8 for pblora")
  private Double loraAlpha;

  @Option(names = "--pblora-r1", defaultValue = "4", description = "rank that all preferences share; default: 4")
  private int fixedRank;

  @Option(names = "--pblora-r2", defaultValue = "4", description = "rank that follows the preference; default: 4")
  private int conditionedRank;

  @Option(names = "--pblora-concentration", defaultValue = "0.5", paramLabel = "A",
      description = "each step's preference is drawn from Dirichlet(A, ..., A); default: 0.5")
  private double concentration;

  @Option(names = "--dtype", defaultValue = "f32", converter = ComputeDtype.class, paramLabel = "f32|bf16",
      description = "what linear layers multiply in; weights, sums and the rest are f32; default: ${DEFAULT-VALUE}")
  private Dtype compute;

  @Option(names = "--lora-dropout", defaultValue = "0", description = "of the updates' inputs; default: 0")
  private double loraDropout;

  @Option(names = "--lora-targets", split = ",", defaultValue = "q_proj,k_proj,v_proj", paramLabel = "NAME",
      description = "linear layers that are updated, or all-linear; default: ${DEFAULT-VALUE}")
  private List<String> loraTargets;

  @Option(names = "--gradient-checkpointing", description = "compute layers again in backward: less memory, more time")
  private boolean checkpointing;

  @Option(names = "--eval-every", defaultValue = "0", description = "steps between evaluations; default: at the end")
  private int evalEvery;

  @Option(names = "--save-every", defaultValue = "100",
      description = "steps between states for --resume; 0: at the end alone; default: 100")
  private int saveEvery;

  @Option(names = "--divergence-factor", defaultValue = "3", paramLabel = "F",
      description = "stop where the mean loss of 20 steps is over F times the best, or gradients explode; 0: only where"
          + " numbers are not finite; default: 3")
  private double divergenceFactor;

  Objective objective() {
    return objective;
  }

  boolean full() {
    return method == Method.FULL;
  }

  boolean conditioned() {
    return method == Method.PBLORA;
  }

  private LoraOptions lora() {
    return switch (method) {
      case FULL -> null;
      case LORA -> new LoraOptions(loraRank, loraAlpha == null ? LORA_ALPHA : loraAlpha, loraDropout, loraTargets);
      case PBLORA -> {
        if (fixedRank < 1) {
          throw new IllegalArgumentException("--pblora-r1 must be at least 1, got " + fixedRank);
        }
        double alpha = loraAlpha == null ? PBLORA_ALPHA : loraAlpha;
        yield new LoraOptions(conditionedRank, alpha, loraDropout, loraTargets, fixedRank);
      }
    };
  }

  /** {@link IllegalArgumentException} names what is out of range. */
  TrainConfig config() {
    double rate = learningRate != null ? learningRate : full() ? FULL_RATE : LORA_RATE;
    return new TrainConfig(
        new LossOptions(objective, beta, gamma, labelSmoothing, hinge, lengthNormalization),
        lora(),
        new OptimizerOptions(rate, schedule, warmupSteps, weightDecay, maxGradNorm),
        batchSize,
        microBatchSize,
        epochs,
        steps,
        !noShuffle,
        seed,
        startTemperature,
        concentration,
        compute,
        checkpointing,
        evalEvery,
        saveEvery,
        divergenceFactor);
  }

  /** A constant by its name in lower case. */
  private static <E extends Enum<E>> E named(Class<E> type, String name) {
    for (E constant : type.getEnumConstants()) {
      if (constant.name().toLowerCase(Locale.ROOT).equals(name)) {
        return constant;
      }
    }
    List<String> names = Arrays.stream(type.getEnumConstants()).map(c -> c.name().toLowerCase(Locale.ROOT)).toList();
    throw new TypeConversionException("expected " + String.join(", ", names) + ", got '" + name + "'");
  }

  static final class MethodName implements ITypeConverter<Method> {
    @Override
    public Method convert(String name) {
      return named(Method.class, name);
    }
  }

  static final class ComputeDtype implements ITypeConverter<Dtype> {
    @Override
    public Dtype convert(String name) {
      return switch (name) {
        case "f32" -> Dtype.F32;
        case "bf16" -> Dtype.BF16;
        default -> throw new TypeConversionException("expected f32, bf16, got '" + name + "'");
      };
    }
  }

  static final class ObjectiveName implements ITypeConverter<Objective> {
    @Override
    public Objective convert(String name) {
      return named(Objective.class, name);
    }
  }

  static final class ScheduleName implements ITypeConverter<Schedule> {
    @Override
    public Schedule convert(String name) {
      return named(Schedule.class, name);
    }
  }
}

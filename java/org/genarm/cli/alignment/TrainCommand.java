package org.genarm.cli.alignment;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.genarm.binding.Device;
import org.genarm.binding.TrainerOptions.Objective;
import org.genarm.checkpoint.Checkpoint;
import org.genarm.checkpoint.CheckpointException;
import org.genarm.checkpoint.TensorType;
import org.genarm.cli.console.ExitCode;
import org.genarm.cli.console.LoadBar;
import org.genarm.cli.console.Terminal;
import org.genarm.train.ObjectivePairs;
import org.genarm.train.StepReport;
import org.genarm.train.TrainConfig;
import org.genarm.train.Training;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code genarm train} */
@Command(
    name = "train",
    description = "Trains an autoregressive reward model from preference pairs.",
    footer = {
      "",
      "A pair is a JSON object on a line: {\"prompt\", \"chosen\", \"rejected\"} as text (BOS + prompt, response + EOS) or",
      "{\"prompt_ids\", \"chosen_ids\", \"rejected_ids\"} as they are. For --method pblora, give --pairs NAME=F.jsonl",
      "for each objective, or one file whose lines add \"labels\": {\"NAME\": 1 or -1}: whether NAME prefers the pair",
      "or its reverse. The result is a Hugging Face directory (full) or a PEFT folder (lora, pblora).",
      "trainer_state.safetensors beside it is what --resume goes on from; it may be deleted."
    },
    mixinStandardHelpOptions = true)
public final class TrainCommand implements Callable<Integer> {
  private static final List<String> RESULTS =
      List.of("model.safetensors", "adapter_model.safetensors", "trainer_state.safetensors");

  @Spec private CommandSpec spec;

  @Option(names = "--base", required = true, paramLabel = "DIR", description = "where training starts from")
  private Path base;

  @Option(names = "--pairs", required = true, paramLabel = "[NAME=]F.jsonl",
      description = "preference pairs, one a line; repeated for pblora's objectives, whose order is that of preferences")
  private List<String> pairs;

  @Option(names = "--eval-pairs", paramLabel = "[NAME=]F.jsonl", description = "pairs that are only evaluated")
  private List<String> evalPairs = List.of();

  @Option(names = "--adapter", paramLabel = "DIR", description = "low-rank updates to start from instead of fresh ones")
  private Path adapter;

  @Option(names = "--out", required = true, paramLabel = "DIR", description = "where the result goes")
  private Path out;

  @Option(names = "--log", paramLabel = "F.jsonl", description = "one JSON object a step")
  private Path log;

  @Option(names = "--resume", description = "go on from the state in --out, bit for bit; start where there is none")
  private boolean resume;

  @Option(names = "--change-learning-rate", description = "with --resume: --learning-rate may differ from the state's")
  private boolean changeRate;

  @Option(names = "--template", defaultValue = "none", paramLabel = "NAME", description = "put around prompts given as text")
  private String template;

  @Option(names = "--skip-long", description = "leave out pairs longer than the model's positions instead of refusing them")
  private boolean skipLong;

  @Option(names = "--save-dtype", defaultValue = "auto", paramLabel = "auto|f32|bf16|f16",
      description = "how --method full writes weights; auto: as the base")
  private String dtype;

  @Option(names = "--device", defaultValue = "cpu", paramLabel = "cpu|cuda[:N]", description = "where to compute")
  private String device;

  @Option(names = "--threads", defaultValue = "0", paramLabel = "N", description = "CPU threads; 0: one for each core")
  private int threads;

  @Option(names = "--quiet", description = "no progress on standard error")
  private boolean quiet;

  @Mixin private TrainOptions options;

  private StepReport last;

  @Override
  public Integer call() {
    TrainConfig config = options.config();
    Training.Start start = start();
    TensorType written = written();
    Checkpoint.requireModel(base);
    prepareOut();
    Training.Files files = files(written);
    boolean shown = !quiet && Terminal.STANDARD_ERROR.isTerminal();
    try (Device opened = Device.open(device.equals("auto") ? "cpu" : device, threads);
        LoadBar loading = LoadBar.open(base.toString(), shown);
        Training training = Training.open(opened, config, files, start, loading)) {
      loading.close();
      try (TrainBar bar = TrainBar.open(training, shown)) {
        training.run(
            (report, steps) -> {
              last = report;
              bar.step(report, steps);
            });
      }
      spec.commandLine().getOut().println(summary(training.steps()));
    }
    return ExitCode.OK;
  }

  private Training.Start start() {
    if (changeRate && !resume) {
      throw usage("--change-learning-rate: belongs to --resume");
    }
    return changeRate ? Training.Start.RESUMED_AT_ANY_RATE : resume ? Training.Start.RESUMED : Training.Start.FRESH;
  }

  private TensorType written() {
    return switch (dtype) {
      case "auto" -> null;
      case "f32" -> TensorType.F32;
      case "bf16" -> TensorType.BF16;
      case "f16" -> TensorType.F16;
      default -> throw usage("--save-dtype: expected auto, f32, bf16, f16, got '" + dtype + "'");
    };
  }

  private void prepareOut() {
    for (String name : RESULTS) {
      if (!resume && Files.exists(out.resolve(name))) {
        throw usage("--out: " + out.resolve(name) + " is there already: --resume goes on, or choose another folder");
      }
    }
    try {
      Files.createDirectories(out);
      if (Files.isSameFile(out, base)) {
        throw usage("--out: must not be --base");
      }
    } catch (IOException failure) {
      throw new CheckpointException(out, "a place to write to", failure);
    }
  }

  private Training.Files files(TensorType written) {
    if (adapter != null && (options.full() || options.objective() == Objective.DPO)) {
      throw usage("--adapter: low-rank updates of --objective arm or lm start from it");
    }
    try (PairFiles files =
        new PairFiles(base, template, options.objective(), options.conditioned(), skipLong, this::warn)) {
      ObjectivePairs read = files.read("--pairs", pairs);
      ObjectivePairs held = files.read("--eval-pairs", evalPairs);
      if (!held.pairs().isEmpty() && !held.names().equals(read.names())) {
        throw usage("--eval-pairs: expected the objectives " + read.names() + ", got " + held.names());
      }
      return new Training.Files(base, read.pairs(), held.pairs(), out, log, written, read.names(), adapter);
    }
  }

  private void warn(String message) {
    spec.commandLine().getErr().println(spec.qualifiedName() + ": " + message);
  }

  private String summary(long steps) {
    if (last == null) {
      return out + ": all " + steps + " steps were done already";
    }
    String line = String.format(Locale.ROOT, "%s: %d steps, loss %.4f", out, steps, last.loss());
    if (last.accuracy() != null) {
      line += String.format(Locale.ROOT, ", accuracy %.3f, margin %.4f", last.accuracy(), last.margin());
    }
    if (last.evaluation() != null) {
      line += String.format(Locale.ROOT, "; held out: loss %.4f", last.evaluation().loss());
      if (last.evaluation().accuracy() != null) {
        line += String.format(Locale.ROOT, ", accuracy %.3f", last.evaluation().accuracy());
      }
    }
    return line;
  }

  private ParameterException usage(String message) {
    return new ParameterException(spec.commandLine(), message);
  }
}

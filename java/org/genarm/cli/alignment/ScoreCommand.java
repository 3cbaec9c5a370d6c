package org.genarm.cli.alignment;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.genarm.binding.Device;
import org.genarm.checkpoint.CheckpointException;
import org.genarm.checkpoint.SafetensorsWriter;
import org.genarm.checkpoint.TensorType;
import org.genarm.cli.console.ExitCode;
import org.genarm.cli.options.DeviceOptions;
import org.genarm.cli.options.IdRows;
import org.genarm.score.HeadScorer;
import org.genarm.score.ResponseFile;
import org.genarm.score.Scorer;
import org.genarm.score.ScorerSpec;
import org.genarm.tokenizer.PromptTemplate;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code genarm score} */
@Command(
    name = "score",
    description = "Scores texts with a reward model's head at the last token, a lexicon or a command of your own.",
    footer = {
      "",
      "Models: transformers' ...ForSequenceClassification, Safe-RLHF's LlamaForScore (reward, cost). The last token is the",
      "last that is no padding. With --texts, prompt (in its template) and response are one text; each line comes back with",
      "\"scores\", one for each label, and one under each --scorer's name."
    },
    mixinStandardHelpOptions = true)
public final class ScoreCommand implements Callable<Integer> {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int AT_ONCE = 256;

  @Spec private CommandSpec spec;
  @Mixin private DeviceOptions computing;

  @Option(names = "--model", paramLabel = "DIR", description = "a reward model with a score head")
  private Path model;

  @Option(names = "--ids", paramLabel = "IN.safetensors", description = "I64 input_ids [rows, length]")
  private Path ids;

  @Option(names = "--texts", paramLabel = "F.jsonl", description = "{\"prompt\", \"response\"}, one a line")
  private Path texts;

  @Option(
      names = "--out",
      paramLabel = "OUT",
      description = "--ids: a safetensors file, F32 scores [rows, labels]. --texts: JSONL; default: standard output")
  private Path out;

  @Option(names = "--template", defaultValue = "none", paramLabel = "NAME", description = "what a prompt is put into")
  private String template;

  @Option(names = "--eos", description = "an end-of-sequence token follows each response")
  private boolean eos;

  @Option(names = "--scorer", paramLabel = "NAME=KIND:...",
      description = "with --texts: lexicon:FILE, word-length, head:DIR[,template=T][,eos][,label=N], command:CMD; "
          + "repeatable")
  private List<String> scorers = new ArrayList<>();

  @Option(names = "--scorer-timeout", defaultValue = "600", paramLabel = "SECONDS",
      description = "how long a command may take for " + AT_ONCE + " responses")
  private int scorerTimeout;

  @Override
  public Integer call() throws IOException {
    List<ScorerSpec> specs = check();
    try (Device device = computing.open()) {
      if (ids != null) {
        scoreIds(device);
      } else {
        scoreTexts(device, specs);
      }
    }
    return ExitCode.OK;
  }

  private List<ScorerSpec> check() {
    computing.check();
    if ((ids == null) == (texts == null)) {
      throw usage("expected one of --ids and --texts");
    }
    if (ids != null && (model == null || out == null || !scorers.isEmpty())) {
      throw usage("--ids: expected --model and --out, and no --scorer");
    }
    if (texts != null && model == null && scorers.isEmpty()) {
      throw usage("--texts: expected --model or --scorer");
    }
    if (!PromptTemplate.names().contains(template)) {
      throw usage("--template: expected one of " + String.join(", ", PromptTemplate.names()) + ", got '" + template + "'");
    }
    if (scorerTimeout < 1) {
      throw usage("--scorer-timeout: expected at least 1, got " + scorerTimeout);
    }
    return scorers.stream().map(ScorerSpec::parse).toList();
  }

  private HeadScorer openModel(Device device) {
    return HeadScorer.open(device, model,
        new HeadScorer.Options(template, eos, 0, computing.dtype().orElse(null), computing.activations(device)));
  }

  private void scoreIds(Device device) {
    IdRows rows = IdRows.read(ids);
    try (HeadScorer scorer = openModel(device)) {
      List<double[]> scores = scorer.scoreIds(rows.rows());
      List<Long> shape = List.of((long) scores.size(), (long) scorer.numLabels());
      try (SafetensorsWriter writer =
          SafetensorsWriter.create(out, List.of(new SafetensorsWriter.Plan("scores", TensorType.F32, shape)))) {
        for (int row = 0; row < scores.size(); row++) {
          float[] values = new float[scorer.numLabels()];
          for (int label = 0; label < values.length; label++) {
            values[label] = (float) scores.get(row)[label];
          }
          writer.write("scores", (long) row * values.length, values);
        }
        writer.finish();
      }
    }
  }

  private void scoreTexts(Device device, List<ScorerSpec> specs) throws IOException {
    ResponseFile file = ResponseFile.read(texts);
    List<ObjectNode> lines = file.lines().stream().map(ObjectNode::deepCopy).toList();
    if (model != null) {
      try (HeadScorer scorer = openModel(device)) {
        List<double[]> scores = scorer.scores(file.responses());
        for (int i = 0; i < lines.size(); i++) {
          ArrayNode values = lines.get(i).putArray("scores");
          for (double score : scores.get(i)) {
            values.add(score);
          }
        }
      }
    }
    for (ScorerSpec named : specs) {
      try (Scorer scorer = named.open(device, computing.activations(device), Duration.ofSeconds(scorerTimeout))) {
        for (int from = 0; from < lines.size(); from += AT_ONCE) {
          int to = Math.min(lines.size(), from + AT_ONCE);
          double[] scores = scorer.score(file.responses().subList(from, to));
          for (int i = from; i < to; i++) {
            lines.get(i).put(named.name(), scores[i - from]);
          }
        }
      }
    }
    print(lines);
  }

  private void print(List<ObjectNode> lines) throws IOException {
    if (out == null) {
      PrintWriter standard = spec.commandLine().getOut();
      for (ObjectNode line : lines) {
        standard.println(JSON.writeValueAsString(line));
      }
      return;
    }
    try (var writer = Files.newBufferedWriter(out)) {
      for (ObjectNode line : lines) {
        writer.write(JSON.writeValueAsString(line) + "\n");
      }
    } catch (IOException failure) {
      throw new CheckpointException(out, "a place to write to", failure);
    }
  }

  private ParameterException usage(String message) {
    return new ParameterException(spec.commandLine(), message);
  }
}

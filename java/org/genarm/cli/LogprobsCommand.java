package org.genarm.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.genarm.GenArm;
import org.genarm.GenArmBuilder;
import org.genarm.checkpoint.SafetensorsWriter;
import org.genarm.checkpoint.TensorType;
import org.genarm.cli.console.ExitCode;
import org.genarm.cli.options.CommonOptions;
import org.genarm.cli.options.IdRows;
import org.genarm.cli.options.SamplingOptions;
import org.genarm.engine.LawSink;
import org.genarm.guidance.SamplingParams;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code genarm logprobs} */
@Command(
    name = "logprobs",
    description = "Log-probabilities of the guided law after each position, to compare with other frameworks.",
    mixinStandardHelpOptions = true)
final class LogprobsCommand implements Callable<Integer> {
  private static final int POSITIONS_AT_ONCE = 32;

  @Mixin private CommonOptions common;
  @Mixin private SamplingOptions sampling;

  @Option(
      names = "--ids",
      required = true,
      paramLabel = "IN.safetensors",
      description = "I64 input_ids [rows, length]")
  private Path ids;

  @Option(
      names = "--out",
      required = true,
      paramLabel = "OUT.safetensors",
      description = "F32 logprobs [rows, length, vocab]: the next token's law after each prefix")
  private Path out;

  @Option(names = "--components", description = "adds base and arm.NAME: each model's own law, also for weight 0")
  private boolean components;

  @Override
  public Integer call() throws Exception {
    common.check();
    SamplingParams params = sampling.params();
    IdRows input = IdRows.read(ids);
    List<int[]> rows = input.rows();
    GenArmBuilder builder = common.builder().maxSequences(POSITIONS_AT_ONCE).kvBytes(0).components(components);
    if (common.maxModelLen().isEmpty()) {
      builder.maxModelLen(Math.max(2, rows.get(0).length));
    }
    try (GenArm genArm = builder.build()) {
      input.requireBelow(genArm.inputVocabSize());
      write(genArm, rows, params);
    }
    return ExitCode.OK;
  }

  private void write(GenArm genArm, List<int[]> rows, SamplingParams params) throws InterruptedException {
    int vocabSize = genArm.config().vocabSize();
    int length = rows.get(0).length;
    List<String> names = names(genArm);
    List<Long> shape = List.of((long) rows.size(), (long) length, (long) vocabSize);
    List<SafetensorsWriter.Plan> plans =
        names.stream().map(name -> new SafetensorsWriter.Plan(name, TensorType.F32, shape)).toList();
    try (SafetensorsWriter writer = SafetensorsWriter.create(out, plans)) {
      genArm.logprobs(rows, Map.of(), params, components, (row, position, model, values) ->
          writer.write(names.get(model - LawSink.GUIDED), ((long) row * length + position) * vocabSize, values));
      writer.finish();
    }
  }

  /** The guided law's tensor, then each model's in the order of the views. */
  private List<String> names(GenArm genArm) {
    List<String> names = new ArrayList<>(List.of("logprobs"));
    if (components) {
      names.add("base");
      genArm.arms().forEach(arm -> names.add("arm." + arm));
    }
    return names;
  }
}

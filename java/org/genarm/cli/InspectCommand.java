package org.genarm.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.Callable;
import org.genarm.binding.ModelShape;
import org.genarm.checkpoint.StoredTensor;
import org.genarm.checkpoint.TensorType;
import org.genarm.cli.console.ExitCode;
import org.genarm.cli.console.Report;
import org.genarm.model.ModelConfig;
import org.genarm.model.ModelFiles;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code genarm inspect DIR}, {@code genarm inspect --plan} */
@Command(
    name = "inspect",
    description = "What a checkpoint holds, once all of it has been checked; with --plan, what models would take.",
    mixinStandardHelpOptions = true)
final class InspectCommand implements Callable<Integer> {
  private static final ObjectMapper JSON = new ObjectMapper();

  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "DIR", arity = "0..1", description = "a model directory")
  private Path directory;

  @Mixin private PlanOptions planned;
  @Mixin private InspectPlan plan;

  @Option(names = "--tensors", description = "every tensor: name, type, shape, bytes, file")
  private boolean tensors;

  @Option(names = "--json", description = "one JSON object")
  private boolean json;

  @Override
  public Integer call() throws Exception {
    if (planned.wanted() == (directory != null)) {
      throw new ParameterException(spec.commandLine(), planned.wanted()
          ? "DIR: --plan takes its models from --base and --arm" : "DIR: a model directory is missing");
    }
    if (planned.wanted()) {
      plan.print(planned, json);
      return ExitCode.OK;
    }
    ObjectNode report;
    try (ModelFiles files = ModelFiles.open(directory)) {
      report = report(files);
    }
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      out.println(JSON.writerWithDefaultPrettyPrinter().writeValueAsString(report));
    } else {
      Report.print(out, report);
    }
    return ExitCode.OK;
  }

  private ObjectNode report(ModelFiles files) {
    ModelConfig config = files.config();
    ObjectNode report = JSON.createObjectNode();
    report.put("directory", directory.toString());
    report.put("family", config.family().toString());
    describe(report, config.shape());
    ArrayNode windows = report.putArray("sliding_windows");
    config.windows().stream().distinct().forEach(windows::add);
    ArrayNode eos = report.putArray("eos_token_ids");
    config.eosTokenIds().forEach(eos::add);
    report.put("bos_token_id", config.bosTokenId());
    report.put("dtype", config.storedDtype());

    long parameters = 0;
    Map<TensorType, Long> bytes = new EnumMap<>(TensorType.class);
    for (StoredTensor tensor : files.tensors()) {
      parameters += files.parameters(tensor);
      bytes.merge(tensor.type(), tensor.bytes(), Long::sum);
    }
    report.put("parameters", parameters);
    ObjectNode byType = report.putObject("bytes");
    bytes.forEach((type, sum) -> byType.put(type.name(), sum));
    report.put("num_tensors", files.tensors().size());
    report.put("num_files", files.checkpoint().files().size());
    if (tensors) {
      ArrayNode list = report.putArray("tensors");
      files.tensors().forEach(tensor -> describe(list.addObject(), tensor));
    }
    return report;
  }

  private static void describe(ObjectNode report, ModelShape shape) {
    report.put("num_layers", shape.numLayers());
    report.put("hidden_size", shape.hiddenSize());
    report.put("intermediate_size", shape.intermediateSize());
    report.put("num_heads", shape.numHeads());
    report.put("num_kv_heads", shape.numKvHeads());
    report.put("head_dim", shape.headDim());
    report.put("vocab_size", shape.vocabSize());
    report.put("max_positions", shape.maxPositions());
    report.put("tie_embeddings", shape.tieEmbeddings());
  }

  private static void describe(ObjectNode entry, StoredTensor tensor) {
    entry.put("name", tensor.name());
    entry.put("dtype", tensor.type().name());
    ArrayNode shape = entry.putArray("shape");
    tensor.shape().forEach(shape::add);
    entry.put("bytes", tensor.bytes());
    entry.put("file", tensor.file().path().getFileName().toString());
  }
}

package org.genarm.cli.alignment;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import org.genarm.GenArm;
import org.genarm.binding.Device;
import org.genarm.cli.console.ExitCode;
import org.genarm.cli.console.Terminal;
import org.genarm.cli.options.ArmOption;
import org.genarm.cli.options.CommonOptions;
import org.genarm.cli.options.SamplingOptions;
import org.genarm.cli.options.TemplateOptions;
import org.genarm.eval.EvalPrompt;
import org.genarm.eval.ExportFormat;
import org.genarm.eval.GridPoint;
import org.genarm.eval.PointResult;
import org.genarm.eval.PromptFile;
import org.genarm.eval.Settings;
import org.genarm.eval.Sweep;
import org.genarm.eval.SweepPlot;
import org.genarm.eval.SweepReport;
import org.genarm.eval.SweepSummary;
import org.genarm.score.Scorer;
import org.genarm.score.ScorerSpec;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code genarm sweep} */
@Command(
    name = "sweep",
    description = "Prompts under a grid of weights: responses, scores, the Pareto front and its hypervolume.",
    footer = {
      "",
      "Methods: guided (reward models over the base); mod (product of policies, each an --arm whose weights sum to 1; the",
      "base counts only as base=W in a point); soup (LoRA --arm adapters added into one, by the point's coefficients);",
      "best-of-n (a point's n responses of the base, --select chooses); args (the base's --args-k likeliest tokens weighed",
      "by --select, times the point's weight). --out keeps responses/*.jsonl, sweep.json, table.txt and plots."
    },
    mixinStandardHelpOptions = true)
public final class SweepCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private CommonOptions common;
  @Mixin private TemplateOptions templates;
  @Mixin private SamplingOptions sampling;
  @Mixin private GridOptions grid;
  @Mixin private MethodOptions method;

  @Option(names = "--prompts", required = true, paramLabel = "F",
      description = "JSONL or a JSON array: prompt, instruction or prompt_ids")
  private Path prompts;

  @Option(names = "--limit", defaultValue = "2147483647", paramLabel = "N", description = "at most so many prompts")
  private int limit;

  @Option(names = "--scorer", required = true, paramLabel = "NAME=KIND:...",
      description = "lexicon:FILE, word-length, head:DIR[,template=T][,eos][,label=N], command:CMD; -KIND for a cost; "
          + "repeatable")
  private List<String> scorers = new ArrayList<>();

  @Option(names = "--objectives", split = ",", paramLabel = "NAME,NAME",
      description = "scorers that span the front; default: all")
  private List<String> objectives = new ArrayList<>();

  @Option(names = "--hv-reference", split = ",", paramLabel = "V,V", description = "the hypervolume's reference point")
  private List<Double> reference = new ArrayList<>();

  @Option(names = "--out", required = true, paramLabel = "DIR", description = "where everything goes")
  private Path out;

  @Option(names = "--resume", description = "go on with what --out has of the same sweep")
  private boolean resume;

  @Option(names = "--max-new-tokens", defaultValue = "128", paramLabel = "N", description = "the longest response")
  private int maxNewTokens;

  @Option(names = "--seed", defaultValue = "0", paramLabel = "N", description = "of the first prompt; each has the next")
  private long seed;

  @Option(names = "--stop", paramLabel = "TEXT", description = "ends a response before it; repeatable")
  private List<String> stop = new ArrayList<>();

  @Option(names = "--ignore-eos", description = "goes on after an end-of-sequence token")
  private boolean ignoreEos;

  @Option(names = "--max-num-seqs", defaultValue = "32", paramLabel = "N", description = "responses that run together")
  private int maxNumSeqs;

  @Option(names = "--no-kl", description = "does not take the divergence from the base")
  private boolean noKl;

  @Option(names = "--export", paramLabel = "alpaca|hh|pku|parm",
      description = "writes responses as others' evaluation reads them")
  private String export;

  @Option(names = "--generator", defaultValue = "", paramLabel = "NAME", description = "what exports call a point's maker")
  private String generator;

  @Option(names = "--scorer-timeout", defaultValue = "600", paramLabel = "SECONDS",
      description = "for a command's 256 responses")
  private int scorerTimeout;

  @Override
  public Integer call() throws Exception {
    common.check();
    List<ScorerSpec> specs = scorers.stream().map(ScorerSpec::parse).toList();
    List<String> counted = objectives(specs);
    ExportFormat format = format();
    List<GridPoint> points = grid.points(common.arms().stream().map(ArmOption::name).toList());
    Settings settings = new Settings(sampling.params(), maxNewTokens, seed, ignoreEos, stop, !noKl);
    List<EvalPrompt> read = PromptFile.read(prompts, limit);
    ObjectNode described = describe(points, read.size());
    specs.forEach(ScorerSpec::requireFiles);
    Sweep sweep = Sweep.open(out, read, points, described, resume);
    try (Device scoring = common.openDevice()) {
      // Reward models wait until the policies are gone: both together may be too large.
      try (Scorers choosing = new Scorers(specs.stream().filter(method::selects).toList(), scoring)) {
        generate(sweep, settings, points, choosing);
      }
      try (Scorers all = new Scorers(specs, scoring)) {
        List<PointResult> results = sweep.score(all.byName);
        report(SweepSummary.of(results, counted, referencePoint()), specs, described);
      }
    }
    if (format != null) {
      export(sweep, format, points, specs);
    }
    return ExitCode.OK;
  }

  private void generate(Sweep sweep, Settings settings, List<GridPoint> points, Scorers opened) throws Exception {
    var builder = method.prepare(common, points, out).maxSequences(maxNumSeqs).components(true);
    templates.apply(builder, common);
    try (GenArm genArm = builder.build();
        ProgressBar bar = common.quiet() || !Terminal.STANDARD_ERROR.isTerminal() ? null
            : new ProgressBarBuilder().setTaskName("responses").setInitialMax((long) points.size()).build()) {
      sweep.generate(
          method.open(genArm, settings, opened.byName),
          prompt -> prompt.text() != null ? prompt.text() : genArm.text(prompt.ids()),
          (made, total) -> {
            if (bar != null) {
              bar.maxHint(total).stepTo(made);
            }
          });
    }
  }

  private void report(SweepSummary summary, List<ScorerSpec> specs, ObjectNode settings) throws Exception {
    Map<String, String> units = new LinkedHashMap<>();
    specs.forEach(scorer -> units.put(scorer.name(), scorer.describe()));
    SweepReport report = new SweepReport(summary, units, settings);
    report.write(out.resolve("sweep.json"));
    Files.writeString(out.resolve("table.txt"), report.table());
    spec.commandLine().getOut().print(report.table());
    SweepPlot.write(out, summary);
  }

  private void export(Sweep sweep, ExportFormat format, List<GridPoint> points, List<ScorerSpec> specs) {
    Map<String, Integer> signs = new LinkedHashMap<>();
    specs.forEach(scorer -> signs.put(scorer.name(), scorer.negated() ? -1 : 1));
    for (int point = 0; point < points.size(); point++) {
      format.write(out, point, generator(points.get(point)), sweep.responses(point), signs);
    }
  }

  /** As the paper's scripts name it: Base-..-ARM-..-alpha_..-temp_... */
  private String generator(GridPoint point) {
    String label = point.label().replace(' ', '_');
    if (!generator.isEmpty()) {
      return point.values().isEmpty() && point.preferences().isEmpty() ? generator : generator + "-" + label;
    }
    List<String> arms = common.arms().stream().map(ArmOption::name).toList();
    return "Base-" + common.base().toAbsolutePath().normalize().getFileName() + "-ARM-" + String.join("+", arms)
        + "-alpha_" + label + "-temp_" + sampling.params().temperature();
  }

  private List<String> objectives(List<ScorerSpec> specs) {
    List<String> names = specs.stream().map(ScorerSpec::name).toList();
    if (names.stream().distinct().count() < names.size()) {
      throw common.usage("--scorer: a name is given twice");
    }
    for (String name : objectives) {
      if (!names.contains(name)) {
        throw common.usage("--objectives: there is no --scorer named " + name);
      }
    }
    List<String> counted = objectives.isEmpty() ? names : objectives;
    if (!reference.isEmpty() && reference.size() != counted.size()) {
      throw common.usage("--hv-reference: expected a value for each of " + counted + ", got " + reference.size());
    }
    method.check(common, names);
    if (maxNumSeqs < 1 || limit < 1 || scorerTimeout < 1) {
      throw common.usage("--max-num-seqs, --limit, --scorer-timeout: expected at least 1");
    }
    return counted;
  }

  private double[] referencePoint() {
    return reference.isEmpty() ? null : reference.stream().mapToDouble(Double::doubleValue).toArray();
  }

  private ExportFormat format() {
    ExportFormat format = export == null ? null : ExportFormat.named(export);
    if (export != null && format == null) {
      throw common.usage("--export: expected alpaca, hh, pku or parm, got '" + export + "'");
    }
    return format;
  }

  /** Everything that the responses depend on. */
  private ObjectNode describe(List<GridPoint> points, int count) {
    ObjectNode json = new ObjectMapper().createObjectNode();
    json.put("prompts", prompts.toString()).put("count", count);
    common.describe(json);
    method.describe(json);
    templates.describe(json);
    var params = sampling.params();
    json.put("temperature", params.temperature()).put("top_k", params.topK()).put("top_p", params.topP());
    json.put("min_p", params.minP()).put("max_new_tokens", maxNewTokens).put("seed", seed).put("ignore_eos", ignoreEos);
    stop.forEach(json.putArray("stop")::add);
    points.forEach(point -> json.withArrayProperty("points").add(point.label()));
    return json;
  }

  /** The scorers by name, closed together. */
  private final class Scorers implements AutoCloseable {
    final Map<String, Scorer> byName = new LinkedHashMap<>();

    Scorers(List<ScorerSpec> specs, Device device) {
      try {
        specs.forEach(named ->
            byName.put(named.name(), named.open(device, common.activations(device), Duration.ofSeconds(scorerTimeout))));
      } catch (RuntimeException | Error failure) {
        close();
        throw failure;
      }
    }

    @Override
    public void close() {
      byName.values().forEach(Scorer::close);
    }
  }
}

package org.genarm.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.genarm.binding.Dtype;
import org.genarm.binding.ModelShape;
import org.genarm.cli.options.DeviceOptions;
import org.genarm.model.AdapterBytes;
import org.genarm.model.AdapterConfig;
import org.genarm.model.GptqConfig;
import org.genarm.model.KeptAs;
import org.genarm.model.ModelConfig;
import org.genarm.model.ServingPlan;
import org.genarm.model.WeightBytes;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Which combinations {@code inspect --plan} reckons with. */
final class PlanOptions {
  @Spec(Spec.Target.MIXEE)
  private CommandSpec verb;

  @Option(names = "--plan", description = "memory and tokens a second of models before they are loaded; no weights needed")
  private boolean plan;

  @Option(names = "--base", paramLabel = "DIR|SHAPE", description = "with --plan; default: the pairs of the paper")
  private String base;

  @Option(names = "--arm", split = ";", paramLabel = "[NAME=]DIR|SHAPE", description = "with --plan; repeatable")
  private List<String> arms = new ArrayList<>();

  @Option(names = "--arm-base", split = ";", paramLabel = "NAME=DIR|SHAPE", description = "an adapter's; default: --base")
  private List<String> armBases = new ArrayList<>();

  @Option(names = "--dtype", defaultValue = "auto", paramLabel = "auto|f32|bf16|int8|int4",
      description = "how weights would be kept; auto: as stored")
  private String dtype;

  boolean wanted() {
    return plan;
  }

  /** Each combination with its name. */
  Map<String, ServingPlan> plans() {
    Map<String, ServingPlan> plans = new LinkedHashMap<>();
    Dtype kept = DeviceOptions.weights("--dtype", dtype).orElse(null);
    if (base == null) {
      if (!arms.isEmpty() || !armBases.isEmpty()) {
        throw usage("--arm: --base is missing");
      }
      PlanShapes.PAPER.forEach(pair -> plans.put(pair.name(), plan(pair.base(), pair.arms(), pair.armBase(), kept)));
      return plans;
    }
    plans.put(title(), own(kept));
    return plans;
  }

  private String title() {
    List<String> parts = new ArrayList<>(List.of(base));
    parts.addAll(arms);
    return String.join(" + ", parts);
  }

  private static ServingPlan plan(String base, List<String> arms, String armBase, Dtype kept) {
    Sum sum = new Sum();
    sum.view(Named.of(base, kept));
    for (String arm : arms) {
      if (arm.equals(PlanShapes.LORA)) {
        Named under = Named.of(armBase == null ? base : armBase, kept);
        sum.view(under);
        sum.adapters.add(lora(under.shape));
      } else {
        sum.view(Named.of(arm, kept));
      }
    }
    return sum.plan();
  }

  private ServingPlan own(Dtype kept) {
    Sum sum = new Sum();
    sum.view(named(base, kept));
    Map<String, String> under = armBases();
    for (String arm : arms) {
      int equals = arm.indexOf('=');
      String name = equals < 0 ? folder(arm) : arm.substring(0, equals);
      String source = arm.substring(equals + 1);
      boolean adapter = source.equals(PlanShapes.LORA) || AdapterConfig.isIn(Path.of(source));
      if (!adapter) {
        sum.view(named(source, kept));
        continue;
      }
      Named set = named(under.getOrDefault(name, base), kept);
      sum.view(set);
      sum.adapters.add(source.equals(PlanShapes.LORA) ? lora(set.shape)
          : AdapterBytes.read(Path.of(source), set.shape, set.kept));
    }
    return sum.plan();
  }

  private static String folder(String source) {
    Path name = Path.of(source).toAbsolutePath().normalize().getFileName();
    return name == null ? source : name.toString();
  }

  private Map<String, String> armBases() {
    Map<String, String> byName = new LinkedHashMap<>();
    for (String value : armBases) {
      int equals = value.indexOf('=');
      if (equals < 1) {
        throw usage("--arm-base: expected NAME=DIR or NAME=SHAPE, got '" + value + "'");
      }
      byName.put(value.substring(0, equals), value.substring(equals + 1));
    }
    return byName;
  }

  private static AdapterBytes lora(ModelShape shape) {
    return AdapterBytes.lora(shape, PlanShapes.LORA_RANK, PlanShapes.LORA_MODULES);
  }

  private Named named(String source, Dtype kept) {
    if (Files.isDirectory(Path.of(source))) {
      return Named.of(Path.of(source), kept);
    }
    if (PlanShapes.shape(source) == null) {
      throw usage("--plan: expected a model directory or one of " + PlanShapes.names() + ", got '" + source + "'");
    }
    return Named.of(source, kept);
  }

  private ParameterException usage(String message) {
    return new ParameterException(verb.commandLine(), message);
  }

  /** A weight set by what says which one it is. */
  private record Named(String identity, ModelShape shape, KeptAs kept) {
    static Named of(String shape, Dtype kept) {
      return new Named(shape, PlanShapes.shape(shape), PlanShapes.kept(shape, kept));
    }

    static Named of(Path directory, Dtype kept) {
      ModelConfig config = ModelConfig.read(directory);
      KeptAs own = KeptAs.of(config, GptqConfig.read(directory), kept);
      return new Named(directory.toAbsolutePath().normalize().toString(), config.shape(), own);
    }
  }

  /** Adds views up: those over one weight set share it. */
  private static final class Sum {
    private final Map<String, WeightBytes> sets = new LinkedHashMap<>();
    private final List<AdapterBytes> adapters = new ArrayList<>();
    private long kvBytes;

    void view(Named set) {
      sets.put(set.identity, WeightBytes.of(set.shape, set.kept));
      kvBytes += 2L * set.shape.numLayers() * set.shape.numKvHeads() * set.shape.headDim() * Float.BYTES;
    }

    ServingPlan plan() {
      return new ServingPlan(List.copyOf(sets.values()), adapters, kvBytes);
    }
  }
}

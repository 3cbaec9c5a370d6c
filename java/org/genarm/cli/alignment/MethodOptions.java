package org.genarm.cli.alignment;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.genarm.GenArm;
import org.genarm.GenArmBuilder;
import org.genarm.cli.options.ArmOption;
import org.genarm.cli.options.CommonOptions;
import org.genarm.eval.Args;
import org.genarm.eval.BestOfN;
import org.genarm.eval.GridPoint;
import org.genarm.eval.Guided;
import org.genarm.eval.Method;
import org.genarm.eval.Settings;
import org.genarm.eval.Soups;
import org.genarm.score.Scorer;
import org.genarm.score.ScorerSpec;
import picocli.CommandLine.Option;

/** How a sweep's responses come to be. */
final class MethodOptions {
  private static final List<String> METHODS = List.of("guided", "mod", "soup", "best-of-n", "args");

  @Option(names = "--method", defaultValue = "guided", paramLabel = "guided|mod|soup|best-of-n|args",
      description = "guidance, or a baseline")
  private String name;

  @Option(names = "--select", paramLabel = "NAME", description = "best-of-n, args: the --scorer that chooses")
  private String select;

  @Option(names = "--args-k", defaultValue = "10", paramLabel = "K", description = "args: candidates at each step")
  private int k;

  void check(CommonOptions common, List<String> scorers) {
    if (!METHODS.contains(name)) {
      throw common.usage("--method: expected one of " + String.join(", ", METHODS) + ", got '" + name + "'");
    }
    boolean selects = name.equals("best-of-n") || name.equals("args");
    if (selects != (select != null) || (selects && !scorers.contains(select))) {
      throw common.usage("--select: expected the name of a --scorer for best-of-n and args, and none for " + name);
    }
    if (k < 1) {
      throw common.usage("--args-k: expected at least 1, got " + k);
    }
    if ((name.equals("mod") || name.equals("soup")) && common.arms().isEmpty()) {
      throw common.usage("--method " + name + ": expected a policy as --arm");
    }
  }

  /** Whether a scorer is needed while responses are made. */
  boolean selects(ScorerSpec scorer) {
    return scorer.name().equals(select);
  }

  /** The models that a sweep opens; a soup's adapters are made here. */
  GenArmBuilder prepare(CommonOptions common, List<GridPoint> points, Path out) {
    if (!name.equals("soup")) {
      return common.builder();
    }
    List<Path> adapters = common.arms().stream().map(ArmOption::directory).toList();
    List<String> names = common.arms().stream().map(ArmOption::name).toList();
    GenArmBuilder builder = common.builder(List.of());
    Soups.write(out.resolve("soups"), common.base(), names, adapters, points).forEach(builder::arm);
    return builder;
  }

  Method open(GenArm genArm, Settings settings, Map<String, Scorer> scorers) {
    return switch (name) {
      case "mod" -> Guided.policies(genArm, settings);
      case "soup" -> Guided.soups(genArm, settings);
      case "best-of-n" -> new BestOfN(genArm, settings, scorers.get(select));
      case "args" -> new Args(genArm, settings, scorers.get(select), k);
      default -> Guided.rewardModels(genArm, settings);
    };
  }

  void describe(ObjectNode json) {
    json.put("method", name);
    if (select != null) {
      json.put("select", select);
    }
    if (name.equals("args")) {
      json.put("args_k", k);
    }
  }
}

package org.genarm.cli.options;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.regex.Pattern;
import org.genarm.GenArm;
import org.genarm.GenArmBuilder;
import org.genarm.binding.Device;
import org.genarm.binding.Dtype;
import org.genarm.binding.NativeEngine;
import org.genarm.cli.console.LoadBars;
import org.genarm.cli.console.Terminal;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The options that every verb over models shares. A verb calls {@link #check()} first. */
public final class CommonOptions {
  private static final Pattern SPECULATE = Pattern.compile("auto|off|arm|lookup|draft=.+");

  @Spec(Spec.Target.MIXEE)
  private CommandSpec verb;

  @Mixin private DeviceOptions computing;

  @Option(names = "--base", paramLabel = "DIR", description = "the base model's directory")
  private Path base;

  @Option(
      names = "--arm",
      paramLabel = "[NAME=]DIR[=WEIGHT]",
      split = ";",
      converter = ArmOption.Converter.class,
      description = "a reward model; repeatable. NAME defaults to the folder's name, WEIGHT to 1")
  private List<ArmOption> arms = new ArrayList<>();

  @Option(
      names = "--arm-base",
      paramLabel = "NAME=DIR",
      split = ";",
      description = "the checkpoint that an adapter belongs to; default: --base")
  private List<String> armBases = new ArrayList<>();

  @Option(
      names = "--arm-dtype",
      paramLabel = "NAME=DTYPE",
      split = ";",
      description = "as --dtype, for one reward model")
  private List<String> armDtypes = new ArrayList<>();

  @Option(
      names = "--preference",
      paramLabel = "NAME=V1,V2,...",
      split = ";",
      description = "the preference vector of a preference-conditioned reward model")
  private List<String> preferences = new ArrayList<>();

  @Option(
      names = "--max-model-len",
      paramLabel = "N",
      description = "positions of the longest sequence; default: the base's")
  private Integer maxModelLen;

  @Option(
      names = "--speculate",
      defaultValue = "off",
      paramLabel = "auto|off|arm|lookup|draft=DIR",
      description = "who guesses tokens that one step then verifies; the tokens stay the same")
  private String speculate;

  @Option(names = "--steps-in-flight", defaultValue = "0", paramLabel = "N",
      description = "steps that the device has before the first one's tokens are there; 0: 1 on the CPU, 2 on CUDA")
  private int stepsInFlight;

  @Option(names = "--quiet", description = "no progress on standard error")
  private boolean quiet;

  /** Refuses what no single option can see: names given twice or not at all, ranges. */
  public void check() {
    if (base == null) {
      throw usage("Missing required option: '--base=DIR'");
    }
    Set<String> names = new HashSet<>();
    for (ArmOption arm : arms) {
      if (!names.add(arm.name())) {
        throw usage("--arm: the name " + arm.name() + " is given twice");
      }
    }
    computing.check();
    if (maxModelLen != null && maxModelLen < 1) {
      throw usage("--max-model-len: expected at least 1, got " + maxModelLen);
    }
    if (stepsInFlight < 0 || stepsInFlight > NativeEngine.MAX_IN_FLIGHT) {
      throw usage("--steps-in-flight: expected 0 to " + NativeEngine.MAX_IN_FLIGHT + ", got " + stepsInFlight);
    }
    if (!SPECULATE.matcher(speculate).matches()) {
      throw usage("--speculate: expected auto, off, arm, lookup or draft=DIR, got '" + speculate + "'");
    }
    if (speculate.equals("arm") && arms.isEmpty()) {
      throw usage("--speculate: arm needs an --arm with weights of its own");
    }
    byArm("--arm-dtype", armDtypes).values().forEach(value -> DeviceOptions.weights("--arm-dtype", value));
    byArm("--arm-base", armBases).keySet().forEach(name -> requireAdapter("--arm-base", name));
    byArm("--preference", preferences).keySet().forEach(name -> requireAdapter("--preference", name));
  }

  public Path base() {
    return base;
  }

  /** In the order given; names are unique once checked. */
  public List<ArmOption> arms() {
    return List.copyOf(arms);
  }

  /** How a reward model's weights are kept; empty: as stored. */
  Optional<Dtype> dtypeOf(ArmOption arm) {
    String own = byArm("--arm-dtype", armDtypes).get(arm.name());
    return own == null ? computing.dtype() : DeviceOptions.weights("--arm-dtype", own);
  }

  public OptionalInt maxModelLen() {
    return maxModelLen == null ? OptionalInt.empty() : OptionalInt.of(maxModelLen);
  }

  public boolean quiet() {
    return quiet;
  }

  /** What decides on the tokens that the models draw. */
  public void describe(ObjectNode json) {
    json.put("base", base.toString());
    computing.describe(json);
    json.put("max_model_len", maxModelLen);
    arms.forEach(arm -> json.withObjectProperty("arms").put(arm.name(), arm.directory() + "=" + arm.weight()));
    json.putPOJO("arm_bases", armBases).putPOJO("arm_dtypes", armDtypes).putPOJO("preferences", preferences);
  }

  /** For what computes beside the models. */
  public Device openDevice() {
    return computing.open();
  }

  public Dtype activations(Device opened) {
    return computing.activations(opened);
  }

  /** Threads that compute on a CPU. */
  public int numThreads() {
    return computing.numThreads();
  }

  /** A builder that has what these options say. */
  public GenArmBuilder builder() {
    return builder(arms);
  }

  /** As {@link #builder()}, with these reward models alone. */
  public GenArmBuilder builder(List<ArmOption> opened) {
    GenArmBuilder builder = GenArm.builder().base(base).speculate(speculate).stepsInFlight(stepsInFlight);
    computing.configure(builder);
    List<String> names = opened.stream().map(ArmOption::name).toList();
    for (ArmOption arm : opened) {
      builder.arm(arm.name(), arm.directory(), arm.weight()).armDtype(arm.name(), dtypeOf(arm).orElse(null));
    }
    byArm("--arm-base", armBases).forEach((name, directory) -> {
      if (names.contains(name)) {
        builder.armBase(name, Path.of(directory));
      }
    });
    byArm("--preference", preferences).forEach((name, vector) -> {
      if (names.contains(name)) {
        builder.preference(name, vector(name, vector));
      }
    });
    if (maxModelLen != null) {
      builder.maxModelLen(maxModelLen);
    }
    boolean onTerminal = Terminal.STANDARD_ERROR.isTerminal();
    boolean asked = verb.commandLine().getParseResult().hasMatchedOption("--device");
    if (!quiet && (onTerminal || asked)) {
      builder.onLoad(new LoadBars(verb.commandLine().getErr(), onTerminal));
    }
    return builder;
  }

  public ParameterException usage(String message) {
    return new ParameterException(verb.commandLine(), message);
  }

  /** NAME=VALUE by name, each a name of --arm. */
  Map<String, String> byArm(String option, List<String> values) {
    Map<String, String> byName = new LinkedHashMap<>();
    for (String value : values) {
      int equals = value.indexOf('=');
      if (equals < 1) {
        throw usage(option + ": expected NAME=VALUE, got '" + value + "'");
      }
      String name = value.substring(0, equals);
      if (arms.stream().noneMatch(arm -> arm.name().equals(name))) {
        throw usage(option + ": there is no --arm named " + name);
      }
      if (byName.put(name, value.substring(equals + 1)) != null) {
        throw usage(option + ": " + name + " is given twice");
      }
    }
    return byName;
  }

  private List<Float> vector(String name, String text) {
    List<Float> values = new ArrayList<>();
    for (String value : text.split(",", -1)) {
      try {
        values.add(Float.valueOf(value.strip()));
      } catch (NumberFormatException notANumber) {
        throw usage("--preference: expected " + name + "=V1,V2,..., got '" + value + "' in '" + text + "'");
      }
      if (!Float.isFinite(values.get(values.size() - 1))) {
        throw usage("--preference: " + name + " must be finite in 32-bit floating point, got '" + value + "'");
      }
    }
    return values;
  }

  private void requireAdapter(String option, String name) {
    for (ArmOption arm : arms) {
      if (arm.name().equals(name) && !Files.exists(arm.directory().resolve("adapter_config.json"))) {
        throw usage(option + ": " + name + " is not an adapter, " + arm.directory() + " has no adapter_config.json");
      }
    }
  }
}

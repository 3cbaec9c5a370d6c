package org.genarm.cli;

import java.util.Locale;
import java.util.Map;
import picocli.CommandLine.IDefaultValueProvider;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.OptionSpec;

/** {@code --max-model-len} is taken from {@code GENARM_MAX_MODEL_LEN} where the command line does not give it. */
final class EnvironmentTwins implements IDefaultValueProvider {
  private final Map<String, String> environment;

  EnvironmentTwins(Map<String, String> environment) {
    this.environment = environment;
  }

  @Override
  public String defaultValue(ArgSpec argument) {
    if (!(argument instanceof OptionSpec option) || option.usageHelp() || option.versionHelp()) {
      return null;
    }
    String value = environment.get(twin(option.longestName()));
    if (value == null || value.isEmpty()) {
      return null;
    }
    return option.arity().max() == 0 ? flag(value) : value;
  }

  static String twin(String option) {
    return "GENARM_" + option.replaceFirst("^-+", "").replace('-', '_').toUpperCase(Locale.ROOT);
  }

  private static String flag(String value) {
    return switch (value.toLowerCase(Locale.ROOT)) {
      case "1", "yes", "on" -> "true";
      case "0", "no", "off" -> "false";
      default -> value;
    };
  }
}

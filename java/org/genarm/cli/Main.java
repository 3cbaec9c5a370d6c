package org.genarm.cli;

import java.io.PrintWriter;
import java.util.Map;
import org.genarm.binding.NativeLibrary;
import org.genarm.cli.alignment.PairsCommand;
import org.genarm.cli.alignment.ScoreCommand;
import org.genarm.cli.alignment.SweepCommand;
import org.genarm.cli.alignment.TrainCommand;
import org.genarm.cli.console.ExitCode;
import org.genarm.cli.measure.BenchCommand;
import org.genarm.cli.measure.ProfileCommand;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.UnmatchedArgumentException;

/** {@code genarm VERB ...} */
@Command(
    name = "genarm",
    description = "Guided generation from a base language model and autoregressive reward models.",
    subcommands = {
      GenerateCommand.class,
      LogprobsCommand.class,
      ServeCommand.class,
      BatchCommand.class,
      TrainCommand.class,
      PairsCommand.class,
      ScoreCommand.class,
      SweepCommand.class,
      InspectCommand.class,
      BenchCommand.class,
      ProfileCommand.class,
      ConvertCommand.class,
      DoctorCommand.class
    },
    versionProvider = Main.Version.class,
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "VERB",
    commandListHeading = "%nVerbs:%n",
    footer = {
      "",
      "Every option has a twin in the environment: GENARM_MAX_MODEL_LEN for --max-model-len.",
      "Exit codes: 0 ok, 2 usage, 3 model or data files, 4 device. GENARM_DEBUG=1 shows where an error came from."
    })
public final class Main implements Runnable {
  @Spec private CommandSpec spec;

  public static void main(String[] arguments) {
    PrintWriter out = new PrintWriter(System.out, true);
    PrintWriter err = new PrintWriter(System.err, true);
    System.exit(run(out, err, System.getenv(), arguments));
  }

  /** Runs one command line and returns its exit code. */
  static int run(PrintWriter out, PrintWriter err, Map<String, String> environment, String... arguments) {
    int code = configured(new CommandLine(new Main()), out, err, environment).execute(arguments);
    out.flush();
    err.flush();
    return code;
  }

  /** How every verb is parsed and how its failures are told. */
  public static CommandLine configured(
      CommandLine commandLine, PrintWriter out, PrintWriter err, Map<String, String> environment) {
    boolean debug = !environment.getOrDefault("GENARM_DEBUG", "0").equals("0");
    return commandLine
        .setOut(out)
        .setErr(err)
        .setDefaultValueProvider(new EnvironmentTwins(environment))
        .setExpandAtFiles(false)
        .setUsageHelpAutoWidth(true)
        .setParameterExceptionHandler((refused, args) -> report(err, refused.getCommandLine(), refused, debug))
        .setExecutionExceptionHandler((failure, command, result) -> report(err, command, failure, debug));
  }

  @Override
  public void run() {
    String verbs = String.join(", ", spec.subcommands().keySet());
    throw new ParameterException(spec.commandLine(), "a verb is missing: " + verbs);
  }

  private static int report(PrintWriter err, CommandLine command, Exception failure, boolean debug) {
    err.println(command.getCommandSpec().qualifiedName() + ": " + line(command, failure));
    if (debug) {
      failure.printStackTrace(err);
    }
    return ExitCode.of(failure);
  }

  private static String line(CommandLine command, Exception failure) {
    if (failure instanceof UnmatchedArgumentException unmatched
        && !unmatched.isUnknownOption() && !command.getSubcommands().isEmpty()) {
      return "there is no verb '" + unmatched.getUnmatched().get(0) + "', expected "
          + String.join(", ", command.getSubcommands().keySet());
    }
    return ExitCode.line(failure);
  }

  static final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
      return new String[] {"genarm " + NativeLibrary.version()};
    }
  }
}

package org.genarm.cli;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.genarm.checkpoint.convert.Conversion;
import org.genarm.cli.console.ExitCode;
import org.genarm.cli.console.LoadBar;
import org.genarm.cli.console.Terminal;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code genarm convert SRC DST} */
@Command(
    name = "convert",
    description = "Rewrites PyTorch .bin files as safetensors and a SentencePiece tokenizer.model as tokenizer.json.",
    footer = {
      "",
      "SRC is a folder with pytorch_model.bin, pytorch_model.bin.index.json and its shards, adapter_model.bin or",
      "tokenizer.model (Llama-1/2 family). Configuration, tokenizer, chat template and card are copied. Nothing in a .bin",
      "file is run: what is no tensor is refused."
    },
    mixinStandardHelpOptions = true)
final class ConvertCommand implements Callable<Integer> {
  private static final double THOUSAND = 1e3;

  @Spec private CommandSpec spec;

  @Parameters(index = "0", paramLabel = "SRC", description = "the folder to convert; it is only read")
  private Path source;

  @Parameters(index = "1", paramLabel = "DST", description = "a new or empty folder; it appears once complete")
  private Path target;

  @Option(names = "--force", description = "write into a folder with files: weights are replaced, others stay")
  private boolean force;

  @Option(names = "--quiet", description = "no progress on standard error")
  private boolean quiet;

  @Override
  public Integer call() {
    Conversion done;
    try (LoadBar bar = LoadBar.open("convert", !quiet && Terminal.STANDARD_ERROR.isTerminal())) {
      done = Conversion.run(source, target, force, bar::loaded);
    }
    PrintWriter out = spec.commandLine().getOut();
    out.println(summary(done));
    return ExitCode.OK;
  }

  private String summary(Conversion done) {
    List<String> parts = new ArrayList<>();
    if (done.tensors() > 0) {
      parts.add(count(done.tensors(), "tensor") + " (" + size(done.bytes()) + ") of " + count(done.files(), ".bin file"));
    }
    if (done.tokens() > 0) {
      parts.add("a tokenizer.json of " + count(done.tokens(), "token"));
    }
    return target + ": converted " + String.join(" and ", parts) + ", copied " + count(done.copied(), "file");
  }

  private static String count(int number, String noun) {
    return number + " " + noun + (number == 1 ? "" : "s");
  }

  private static String size(long bytes) {
    String[] units = {"bytes", "kB", "MB", "GB"};
    double number = bytes;
    int unit = 0;
    while (number >= THOUSAND && unit < units.length - 1) {
      number /= THOUSAND;
      unit++;
    }
    return String.format(Locale.ROOT, unit == 0 ? "%.0f %s" : "%.2f %s", number, units[unit]);
  }
}

package org.genarm.cli.alignment;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.genarm.checkpoint.CheckpointException;
import org.genarm.checkpoint.JsonLines;
import org.genarm.cli.console.ExitCode;
import org.genarm.train.PairColumns;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code genarm pairs} */
@Command(
    name = "pairs",
    description = "Turns published preference data (JSONL) into the pairs that train reads.",
    footer = {
      "",
      "hh: prompt, chosen, rejected (Dahoas/full-hh-rlhf). pku-better, pku-safer: prompt, response_0, response_1 and",
      "better_response_id or safer_response_id (PKU-SafeRLHF). ultrafeedback: prompt and two conversations",
      "(ultrafeedback_binarized). Rows whose responses are the same are left out."
    },
    mixinStandardHelpOptions = true)
public final class PairsCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Option(names = "--from", required = true, paramLabel = "hh|pku-better|pku-safer|ultrafeedback",
      description = "the columns of --in")
  private String from;

  @Option(names = "--in", required = true, paramLabel = "F.jsonl", description = "one row a line")
  private Path in;

  @Option(names = "--out", required = true, paramLabel = "F.jsonl", description = "the pairs")
  private Path out;

  @Option(names = "--max-characters", paramLabel = "N",
      description = "leaves out a pair whose prompt and either response have more together (the paper's script: 1024)")
  private Integer maxCharacters;

  @Option(names = "--held-out", defaultValue = "0", paramLabel = "N",
      description = "so many of the first pairs go to --held-out-file")
  private int heldOut;

  @Option(names = "--held-out-file", paramLabel = "F.jsonl", description = "for train --eval-pairs")
  private Path heldOutFile;

  private int kept;
  private int same;
  private int tooLong;

  @Override
  public Integer call() {
    PairColumns columns = PairColumns.named(from);
    if (columns == null) {
      throw usage("--from: expected hh, pku-better, pku-safer or ultrafeedback, got '" + from + "'");
    }
    if (heldOut < 0 || heldOut > 0 != (heldOutFile != null)) {
      throw usage("--held-out and --held-out-file: expected both or neither");
    }
    try (JsonLines rows = JsonLines.open(in, "rows");
        BufferedWriter pairs = create(out);
        BufferedWriter held = heldOutFile == null ? null : create(heldOutFile)) {
      for (ObjectNode row = rows.next(); row != null; row = rows.next()) {
        Optional<ObjectNode> pair = convert(columns, rows.place(), row);
        if (pair.isPresent()) {
          (kept < heldOut ? held : pairs).write(pair.get() + "\n");
          kept++;
        }
      }
    } catch (IOException failure) {
      throw new CheckpointException(out, "room to write", failure);
    }
    spec.commandLine().getOut().println(out + ": " + Math.max(0, kept - heldOut) + " pairs, " + Math.min(kept, heldOut)
        + " held out, " + same + " with equal responses and " + tooLong + " too long left out");
    return ExitCode.OK;
  }

  private static BufferedWriter create(Path file) {
    try {
      return Files.newBufferedWriter(file, StandardCharsets.UTF_8);
    } catch (IOException failure) {
      throw new CheckpointException(file, "a place to write to", failure);
    }
  }

  private Optional<ObjectNode> convert(PairColumns columns, String place, ObjectNode row) {
    Optional<ObjectNode> pair;
    try {
      pair = columns.convert(row);
    } catch (IllegalArgumentException wrong) {
      throw new CheckpointException(in, place, "the columns of " + columns, wrong.getMessage());
    }
    if (pair.isEmpty()) {
      same++;
    } else if (maxCharacters != null && longest(pair.get()) > maxCharacters) {
      tooLong++;
      return Optional.empty();
    }
    return pair;
  }

  private static int longest(ObjectNode pair) {
    int response = Math.max(pair.get("chosen").textValue().length(), pair.get("rejected").textValue().length());
    return pair.get("prompt").textValue().length() + response;
  }

  private ParameterException usage(String message) {
    return new ParameterException(spec.commandLine(), message);
  }
}

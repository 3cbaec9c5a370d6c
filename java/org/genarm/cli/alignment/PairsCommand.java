package org.genarm.cli.alignment;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.genarm.checkpoint.CheckpointException;
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
  private static final ObjectMapper JSON = new ObjectMapper();

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
    try (BufferedReader rows = open();
        BufferedWriter pairs = create(out);
        BufferedWriter held = heldOutFile == null ? null : create(heldOutFile)) {
      int number = 0;
      for (String line = rows.readLine(); line != null; line = rows.readLine()) {
        number++;
        Optional<ObjectNode> pair = line.isBlank() ? Optional.empty() : convert(columns, line, number);
        if (pair.isPresent()) {
          (kept < heldOut ? held : pairs).write(pair.get() + "\n");
          kept++;
        }
      }
    } catch (IOException failure) {
      throw new CheckpointException(in, "a readable file in UTF-8 and room to write", failure);
    }
    spec.commandLine().getOut().println(out + ": " + Math.max(0, kept - heldOut) + " pairs, " + Math.min(kept, heldOut)
        + " held out, " + same + " with equal responses and " + tooLong + " too long left out");
    return ExitCode.OK;
  }

  private BufferedReader open() throws IOException {
    if (!Files.isRegularFile(in)) {
      throw new CheckpointException(in, "a file of rows, one a line", "none");
    }
    return Files.newBufferedReader(in, StandardCharsets.UTF_8);
  }

  private static BufferedWriter create(Path file) {
    try {
      return Files.newBufferedWriter(file, StandardCharsets.UTF_8);
    } catch (IOException failure) {
      throw new CheckpointException(file, "a place to write to", failure);
    }
  }

  private Optional<ObjectNode> convert(PairColumns columns, String line, int number) {
    Optional<ObjectNode> pair;
    try {
      JsonNode row = JSON.readTree(line);
      pair = columns.convert(row);
    } catch (JsonProcessingException broken) {
      throw new CheckpointException(in, "line " + number, "a JSON object", CheckpointException.quote(line));
    } catch (IllegalArgumentException wrong) {
      throw new CheckpointException(in, "line " + number, "the columns of " + columns, wrong.getMessage());
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

package org.genarm.spark;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.genarm.GenArm;
import org.genarm.batch.Batch;
import org.genarm.batch.BatchFiles;
import org.genarm.batch.BatchLimits;
import org.genarm.openai.OfflineRequests;

/** Lines over the demo models, and what one machine answers. */
final class Requests {
  static final Path MODELS = Path.of("..", "models").toAbsolutePath().normalize();

  private Requests() {}

  static EngineSpec spec() {
    return EngineSpec.of(MODELS.resolve("demo-base").toString(), "demo")
        .withArm("positive", MODELS.resolve("demo-arm-positive").toString(), 1)
        .withThreads(1).withMaxSequences(8);
  }

  /** Every other has a seed of its own; one is empty and one is no request. */
  static List<String> lines() {
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < 60; i++) {
      lines.add("{\"custom_id\": \"r" + i + "\", \"method\": \"POST\", \"url\": \"/v1/completions\", \"body\": {\"prompt\":"
          + " \"In the year " + i + "\", \"max_tokens\": " + (10 + i % 20) + ", \"guidance\": {\"weights\": {\"positive\": "
          + i % 3 + "}}" + (i % 2 == 0 ? ", \"seed\": " + i : "") + "}}");
    }
    lines.set(20, "");
    lines.set(41, "no request");
    return lines;
  }

  /** What {@code genarm batch} writes for them. */
  static List<String> answeredByOneMachine(Path folder) throws IOException, InterruptedException {
    Path in = Files.write(folder.resolve("in.jsonl"), lines());
    Path out = folder.resolve("out.jsonl");
    try (BatchFiles files = BatchFiles.open(in, out, false);
        GenArm genArm = GenArm.builder().base(MODELS.resolve("demo-base"))
            .arm("positive", MODELS.resolve("demo-arm-positive")).device("cpu").threads(1).maxSequences(5)
            .components(true).build()) {
      OfflineRequests requests = new OfflineRequests(genArm, "demo", "none", Map.of());
      Batch.run(requests, files, BatchLimits.of(5), 0, (answer, soFar) -> {});
    }
    return Files.readAllLines(out);
  }

  /** The lines of a saved data set, part by part. */
  static List<String> saved(Path folder) throws IOException {
    List<String> lines = new ArrayList<>();
    try (var parts = Files.list(folder)) {
      for (Path part : parts.filter(file -> file.getFileName().toString().startsWith("part-")).sorted().toList()) {
        lines.addAll(Files.readAllLines(part));
      }
    }
    return lines;
  }
}

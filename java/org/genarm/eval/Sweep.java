package org.genarm.eval;

import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.core.util.Separators;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.genarm.checkpoint.CheckpointException;
import org.genarm.checkpoint.Json;
import org.genarm.score.Response;
import org.genarm.score.Scorer;

/**
 * Prompts under every point of a grid: responses, their scores, and what the means say. Everything is kept in one folder
 * as it comes, so a sweep that was killed goes on where it was.
 */
public final class Sweep {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String SETTINGS = "settings.json";
  private static final int SCORED_AT_ONCE = 256;

  /** Follows a sweep: responses that are there, and all that there will be. */
  @FunctionalInterface
  public interface Listener {
    void made(int responses, int total);
  }

  private final Path folder;
  private final List<EvalPrompt> prompts;
  private final List<GridPoint> points;
  private final List<PointFile> files = new ArrayList<>();

  private Sweep(Path folder, List<EvalPrompt> prompts, List<GridPoint> points) {
    this.folder = folder;
    this.prompts = List.copyOf(prompts);
    this.points = List.copyOf(points);
  }

  /**
   * Opens a folder for a sweep.
   *
   * @param settings everything that its responses depend on
   * @param resume whether the folder may hold responses of a sweep with the same settings, which are kept
   * @throws CheckpointException where it holds others, or cannot be written to
   */
  public static Sweep open(
      Path folder, List<EvalPrompt> prompts, List<GridPoint> points, ObjectNode settings, boolean resume) {
    Sweep sweep = new Sweep(folder, prompts, points);
    try {
      Files.createDirectories(folder.resolve("responses"));
    } catch (IOException failure) {
      throw new CheckpointException(folder, "a folder to write to", failure);
    }
    Path file = folder.resolve(SETTINGS);
    if (!Files.exists(file)) {
      write(file, settings);
    } else if (!resume) {
      throw new CheckpointException(folder, "an empty folder, or --resume", "another sweep's " + SETTINGS);
    } else {
      requireSame(file, Json.read(file), settings);
    }
    for (int point = 0; point < points.size(); point++) {
      sweep.files.add(PointFile.open(folder.resolve("responses/" + name(point) + ".jsonl")));
    }
    return sweep;
  }

  private static void requireSame(Path file, JsonNode before, JsonNode now) {
    // Through text, for 1 and 1.0 are the same number.
    JsonNode asked = parse(now.toString());
    JsonNode found = parse(before.toString());
    Set<String> fields = new LinkedHashSet<>();
    asked.fieldNames().forEachRemaining(fields::add);
    found.fieldNames().forEachRemaining(fields::add);
    for (String field : fields) {
      if (!asked.path(field).equals(found.path(field))) {
        throw new CheckpointException(file, field,
            CheckpointException.quote(asked.path(field).toString()) + " as it is asked for",
            CheckpointException.quote(found.path(field).toString()));
      }
    }
  }

  private static JsonNode parse(String text) {
    try {
      return JSON.readTree(text);
    } catch (IOException impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  /** "point-007" */
  static String name(int point) {
    return String.format("point-%03d", point);
  }

  /** Makes the responses that are not there yet. */
  public void generate(Method method, Function<EvalPrompt, String> promptText, Listener listener)
      throws InterruptedException {
    List<Job> jobs = new ArrayList<>();
    for (int point = 0; point < points.size(); point++) {
      for (int index = files.get(point).size(); index < prompts.size(); index++) {
        jobs.add(new Job(point, points.get(point), index, prompts.get(index)));
      }
    }
    int total = points.size() * prompts.size();
    int[] made = {total - jobs.size()};
    listener.made(made[0], total);
    method.run(jobs, (job, sample) -> {
      files.get(job.point()).append(job, promptText.apply(job.prompt()), sample);
      listener.made(++made[0], total);
    });
  }

  /** Scores every response by every scorer, beside the responses and for the report. */
  public List<PointResult> score(Map<String, Scorer> scorers) {
    List<PointResult> results = new ArrayList<>();
    for (int point = 0; point < points.size(); point++) {
      PointFile file = files.get(point);
      List<Response> responses = file.lines().stream()
          .map(line -> new Response(line.get("prompt").asText(), line.get("response").asText()))
          .toList();
      Map<String, double[]> scores = new LinkedHashMap<>();
      scorers.forEach((name, scorer) -> scores.put(name, score(scorer, responses)));
      file.score(scores);
      results.add(PointResult.of(name(point), points.get(point), file.lines(), scores));
    }
    return results;
  }

  private static double[] score(Scorer scorer, List<Response> responses) {
    double[] scores = new double[responses.size()];
    for (int from = 0; from < scores.length; from += SCORED_AT_ONCE) {
      int to = Math.min(scores.length, from + SCORED_AT_ONCE);
      System.arraycopy(scorer.score(responses.subList(from, to)), 0, scores, from, to - from);
    }
    return scores;
  }

  /** A point's responses with their scores, as they are kept. */
  public List<ObjectNode> responses(int point) {
    return List.copyOf(files.get(point).lines());
  }

  public Path folder() {
    return folder;
  }

  /** JSON as Python's {@code json.dump(..., indent=4, ensure_ascii=False)} lays it out; appears whole. */
  static void write(Path file, JsonNode json) {
    DefaultIndenter four = new DefaultIndenter("    ", "\n");
    DefaultPrettyPrinter printer = new DefaultPrettyPrinter(
        Separators.createDefaultInstance().withObjectFieldValueSpacing(Separators.Spacing.AFTER));
    printer.indentArraysWith(four);
    printer.indentObjectsWith(four);
    Path partial = file.resolveSibling("." + file.getFileName() + ".partial");
    try {
      Files.createDirectories(file.toAbsolutePath().getParent());
      Files.writeString(partial, JSON.writer(printer).writeValueAsString(json) + "\n", StandardCharsets.UTF_8);
      Files.move(partial, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException failure) {
      throw new CheckpointException(file, "a place to write to", failure);
    }
  }
}

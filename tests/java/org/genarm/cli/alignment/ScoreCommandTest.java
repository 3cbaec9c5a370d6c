package org.genarm.cli.alignment;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.genarm.Golden;
import org.genarm.checkpoint.Safetensors;
import org.genarm.checkpoint.SafetensorsWriter;
import org.genarm.checkpoint.StoredTensor;
import org.genarm.checkpoint.TensorType;
import org.genarm.cli.CommandLineRun;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ScoreCommandTest {
  private static final Path MODEL = Golden.ROOT.resolve("llama-score");
  private static final Path EXPECTED = MODEL.resolve("expected.safetensors");
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir private Path folder;

  private float[] scores(Path model, Path ids) {
    Path out = folder.resolve("out.safetensors");
    CommandLineRun run =
        CommandLineRun.of("score", "--model", model.toString(), "--ids", ids.toString(), "--out", out.toString());
    assertEquals(0, run.code(), run.err());
    return Golden.floats(out, "scores");
  }

  /** Rows of ids, each filled up to the longest with what the fill says. */
  private Path ids(int fill, List<int[]> rows) throws IOException {
    int length = rows.stream().mapToInt(row -> row.length).max().orElseThrow();
    ByteBuffer values = ByteBuffer.allocate(rows.size() * length * 8).order(ByteOrder.LITTLE_ENDIAN);
    for (int[] row : rows) {
      for (int i = 0; i < length; i++) {
        values.putLong(i < row.length ? row[i] : fill);
      }
    }
    byte[] header = ("{\"input_ids\":{\"dtype\":\"I64\",\"shape\":[" + rows.size() + "," + length
        + "],\"data_offsets\":[0," + values.capacity() + "]}}").getBytes(StandardCharsets.UTF_8);
    ByteBuffer file = ByteBuffer.allocate(8 + header.length + values.capacity()).order(ByteOrder.LITTLE_ENDIAN);
    file.putLong(header.length).put(header).put(values.flip());
    return Files.write(folder.resolve("ids.safetensors"), file.array());
  }

  @Test
  void scoresAreTransformersLogitsAtTheLastToken() {
    float[] scores = scores(MODEL, EXPECTED);

    assertArrayEquals(Golden.floats(EXPECTED, "logits"), scores, 2e-3f);
  }

  @Test
  void paddingOnTheRightDoesNotCount() throws IOException {
    int[] row = Golden.rows(EXPECTED, "input_ids").get(0);
    int[] shorter = Arrays.copyOf(row, row.length - 3);
    float alone = scores(MODEL, ids(0, List.of(shorter)))[0];

    float[] padded = scores(MODEL, ids(0, List.of(row, shorter)));

    assertEquals(Golden.floats(EXPECTED, "logits")[0], padded[0], 2e-3);
    assertEquals(alone, padded[1]);
    assertTrue(Math.abs(padded[0] - padded[1]) > 1e-3, "the rows differ");
  }

  @Test
  void manyRowsOfAnyLengthAreScoredAsEachAlone() throws IOException {
    int[] row = Golden.rows(EXPECTED, "input_ids").get(1);
    List<int[]> rows = new ArrayList<>();
    for (int i = 0; i < 70; i++) {
      rows.add(Arrays.copyOf(row, 1 + i * (row.length - 1) / 69));
    }

    float[] together = scores(MODEL, ids(0, rows));

    assertEquals(scores(MODEL, ids(0, List.of(rows.get(33))))[0], together[33]);
    assertEquals(Golden.floats(EXPECTED, "logits")[1], together[69], 2e-3);
  }

  @Test
  void severalLabelsHaveAScoreEach() throws IOException {
    Path directory = Files.createDirectories(folder.resolve("labels"));
    Files.copy(MODEL.resolve("config.json"), directory.resolve("config.json"));
    try (Safetensors source = Safetensors.open(MODEL.resolve("model.safetensors"))) {
      List<SafetensorsWriter.Plan> plans = new ArrayList<>();
      for (StoredTensor tensor : source.tensors().values()) {
        boolean head = tensor.name().equals("score.weight");
        plans.add(new SafetensorsWriter.Plan(tensor.name(), tensor.type(), head ? List.of(2L, 64L) : tensor.shape()));
      }
      try (SafetensorsWriter writer = SafetensorsWriter.create(directory.resolve("model.safetensors"), plans)) {
        for (StoredTensor tensor : source.tensors().values()) {
          writer.write(tensor.name(), 0, source.read(tensor));
          if (tensor.name().equals("score.weight")) {
            ByteBuffer negated = source.read(tensor);
            for (int i = 1; i < negated.capacity(); i += 2) {
              negated.put(i, (byte) (negated.get(i) ^ 0x80)); // the sign of a little-endian bf16
            }
            writer.write(tensor.name(), negated.capacity(), negated);
          }
        }
        writer.finish();
      }
    }
    float[] logits = Golden.floats(EXPECTED, "logits");

    float[] scores = scores(directory, EXPECTED);

    assertArrayEquals(new float[] {logits[0], -logits[0], logits[1], -logits[1]}, scores, 2e-3f);
  }

  /** The fixture with Safe-RLHF's names: a head with a bias, and a normaliser. */
  private Path safeRlhf(String scoreType, boolean normalise) throws IOException {
    Path directory = Files.createDirectories(folder.resolve(scoreType));
    ObjectNode config = (ObjectNode) Golden.json(MODEL.resolve("config.json"));
    config.putArray("architectures").add("LlamaModelForScore");
    config.put("score_type", scoreType).put("do_normalize", normalise);
    JSON.writeValue(directory.resolve("config.json").toFile(), config);
    try (Safetensors source = Safetensors.open(MODEL.resolve("model.safetensors"))) {
      List<SafetensorsWriter.Plan> plans = new ArrayList<>();
      for (StoredTensor tensor : source.tensors().values()) {
        plans.add(new SafetensorsWriter.Plan(safeRlhfName(tensor.name()), tensor.type(), tensor.shape()));
      }
      for (String name : List.of("score_head.bias", "normalizer.mean", "normalizer.var")) {
        plans.add(new SafetensorsWriter.Plan(name, TensorType.F32, List.of(1L)));
      }
      plans.add(new SafetensorsWriter.Plan("normalizer.count", TensorType.I64, List.of(1L)));
      try (SafetensorsWriter writer = SafetensorsWriter.create(directory.resolve("model.safetensors"), plans)) {
        for (StoredTensor tensor : source.tensors().values()) {
          writer.write(safeRlhfName(tensor.name()), 0, source.read(tensor));
        }
        writer.write("score_head.bias", 0, new float[] {0.75f});
        writer.write("normalizer.mean", 0, new float[] {-2});
        writer.write("normalizer.var", 0, new float[] {6.25f});
        writer.finish();
      }
    }
    return directory;
  }

  private static String safeRlhfName(String name) {
    return name.equals("score.weight") ? "score_head.weight" : name;
  }

  @Test
  void safeRlhfsHeadHasABias() throws IOException {
    float[] scores = scores(safeRlhf("reward", false), EXPECTED);

    assertEquals(Golden.floats(EXPECTED, "logits")[0] + 0.75, scores[0], 2e-3);
  }

  @Test
  void safeRlhfsRewardsAreCentredAndItsCostsScaled() throws IOException {
    float logit = Golden.floats(EXPECTED, "logits")[0];

    assertEquals((logit + 0.75 + 2) / 2.5, scores(safeRlhf("reward", true), EXPECTED)[0], 2e-3);
    assertEquals((logit + 0.75) / 2.5, scores(safeRlhf("cost", true), EXPECTED)[0], 2e-3);
  }

  @Test
  void textsComeBackWithTheirScores() throws IOException {
    Path texts = folder.resolve("texts.jsonl");
    Files.writeString(texts, "{\"uid\": 7, \"prompt\": \"Say\", \"response\": \"I love good, good things\"}\n"
        + "{\"prompt\": \"Say\", \"response\": \"\"}\n");

    CommandLineRun run = CommandLineRun.of("score", "--texts", texts.toString(),
        "--scorer", "afinn=lexicon:models/data/lexicon-afinn.json", "--scorer", "long=-word-length");

    assertEquals(0, run.code(), run.err());
    String[] lines = run.out().split("\\R");
    assertEquals(2, lines.length);
    assertEquals(7, JSON.readTree(lines[0]).get("uid").asInt());
    assertEquals((3 + 3 + 3) / 5.0, JSON.readTree(lines[0]).get("afinn").asDouble(), 1e-12);
    assertEquals(19 / 5.0, JSON.readTree(lines[0]).get("long").asDouble(), 1e-12);
    assertEquals(0, JSON.readTree(lines[1]).get("afinn").asDouble());
  }

  @Test
  void aLanguageModelIsNoRewardModel() {
    CommandLineRun run = CommandLineRun.of("score", "--model", "tests/golden/llama-gqa", "--ids", EXPECTED.toString(),
        "--out", folder.resolve("x").toString());

    assertEquals(3, run.code());
    assertTrue(run.err().contains("architectures: expected a reward model"), run.err());
  }

  @Test
  void textsNeedATokenizer() throws IOException {
    Path texts = Files.writeString(folder.resolve("texts.jsonl"), "{\"prompt\": \"a\", \"response\": \"b\"}\n");

    CommandLineRun run = CommandLineRun.of("score", "--model", MODEL.toString(), "--texts", texts.toString());

    assertEquals(3, run.code());
    assertTrue(run.err().contains("expected a tokenizer.json"), run.err());
  }

  @Test
  void aBadLineIsNamed() throws IOException {
    Path texts = Files.writeString(folder.resolve("texts.jsonl"), "{\"prompt\": \"a\", \"response\": 1}\n");

    CommandLineRun run = CommandLineRun.of("score", "--scorer", "x=word-length", "--texts", texts.toString());

    assertEquals(3, run.code());
    assertTrue(run.err().contains("line 1: expected a string \"response\", found 1"), run.err());
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(delimiter = '|', textBlock = """
      --device gpu | --device: expected auto, cpu, cpu:CPUS, cuda or cuda:N, got 'gpu'
      --threads -1 | --threads: expected 0 to 1024, got -1
      --dtype f16  | --dtype: expected auto, f32, bf16, int8, int4, got 'f16'
      --activations int4 | --activations: expected auto, f32, bf16, int8, got 'int4'
      """)
  void whereToComputeIsRefusedAsByEveryVerb(String option, String message) {
    CommandLineRun run = CommandLineRun.of(("score --scorer x=word-length --texts none " + option).split(" "));

    assertEquals(2, run.code());
    assertEquals("genarm score: " + message, run.err().strip());
  }

  @Test
  void anUnknownKindOfScorerIsRefused() {
    CommandLineRun run = CommandLineRun.of("score", "--scorer", "x=bleu", "--texts", "none");

    assertEquals(2, run.code());
    assertTrue(run.err().contains("expected x=lexicon:FILE, word-length, head:DIR"), run.err());
  }
}

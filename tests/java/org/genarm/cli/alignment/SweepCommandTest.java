package org.genarm.cli.alignment;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.genarm.Golden;
import org.genarm.cli.CommandLineRun;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SweepCommandTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int PROMPTS = 6;

  @TempDir private Path folder;

  private CommandLineRun sweep(String out, String... options) {
    List<String> arguments = new ArrayList<>(List.of("sweep", "--base", "models/demo-base",
        "--arm", "positive=models/demo-arm-positive", "--prompts", "models/data/pairs-positive.jsonl",
        "--limit", String.valueOf(PROMPTS), "--max-new-tokens", "12", "--out", folder.resolve(out).toString(),
        "--scorer", "afinn=lexicon:models/data/lexicon-afinn.json", "--scorer", "plain=word-length"));
    arguments.addAll(Arrays.asList(options));
    return CommandLineRun.of(arguments.toArray(String[]::new));
  }

  private List<JsonNode> responses(String out, int point) throws IOException {
    List<JsonNode> lines = new ArrayList<>();
    for (String line : Files.readAllLines(folder.resolve(out).resolve("responses/point-00" + point + ".jsonl"))) {
      lines.add(JSON.readTree(line));
    }
    return lines;
  }

  private List<List<Integer>> tokens(String out, int point) throws IOException {
    return responses(out, point).stream().map(line -> Golden.ints(line.get("response_ids"))).toList();
  }

  @Test
  void everyPointHasItsResponsesScoresAndDivergence() throws IOException {
    CommandLineRun run = sweep("out", "--grid", "positive=0,1,3");

    assertEquals(0, run.code(), run.err());
    JsonNode result = Golden.json(folder.resolve("out/sweep.json"));
    assertEquals(3, result.get("points").size());
    double before = -1;
    for (int point = 0; point < 3; point++) {
      List<JsonNode> lines = responses("out", point);
      assertEquals(PROMPTS, lines.size());
      double mean = lines.stream().mapToDouble(line -> line.get("scores").get("afinn").asDouble()).average().orElseThrow();
      JsonNode own = result.get("points").get(point);
      assertEquals(mean, own.get("scores").get("afinn").get("mean").asDouble(), 1e-12);
      assertTrue(own.get("scores").get("afinn").get("standard_error").asDouble() >= 0);
      assertTrue(own.get("kl_per_token").asDouble() > before, "the divergence grows with the weight");
      before = own.get("kl_per_token").asDouble() + 1e-4;
    }
    assertEquals(0, result.get("points").get(0).get("kl_per_token").asDouble(), 1e-4);
    JsonNode volume = result.get("hypervolume");
    assertTrue(volume.get("value").asDouble() > 0);
    assertEquals(2, volume.get("reference").size());
    assertEquals("[mean valence per word (lexicon-afinn.json)] x [minus the mean word length in letters]",
        volume.get("units").asText());
    assertEquals("none", volume.get("normalisation").asText());
  }

  @Test
  void theTableHasTheReferenceTheUnitsAndTheFront() throws IOException {
    CommandLineRun run = sweep("out", "--grid", "positive=0,2", "--hv-reference", "-1,-9");

    assertEquals(0, run.code(), run.err());
    assertTrue(run.out().contains("positive=2"), run.out());
    assertTrue(run.out().contains(" above (-1.0000, -9.0000) (given), units [mean valence per word"), run.out());
    assertTrue(run.out().contains("MIP: none"), run.out());
    assertEquals(run.out(), Files.readString(folder.resolve("out/table.txt")));
    for (String plot : List.of("front.png", "front.svg", "scores.png", "scores.svg")) {
      assertTrue(Files.size(folder.resolve("out").resolve(plot)) > 1000, plot);
    }
  }

  @Test
  void aSweepThatWasKilledGoesOnWhereItWas() throws IOException {
    assertEquals(0, sweep("whole", "--grid", "positive=0,1").code());
    assertEquals(0, sweep("killed", "--grid", "positive=0,1").code());
    Path begun = folder.resolve("killed/responses/point-000.jsonl");
    String text = Files.readString(begun);
    int third = text.indexOf('\n', text.indexOf('\n') + 1) + 1;
    Files.write(begun, text.substring(0, third + 40).getBytes(StandardCharsets.UTF_8));
    Files.delete(folder.resolve("killed/responses/point-001.jsonl"));

    CommandLineRun refused = sweep("killed", "--grid", "positive=0,1");
    CommandLineRun resumed = sweep("killed", "--grid", "positive=0,1", "--resume");

    assertEquals(3, refused.code());
    assertTrue(refused.err().contains("expected an empty folder, or --resume"), refused.err());
    assertEquals(0, resumed.code(), resumed.err());
    assertEquals(tokens("whole", 0), tokens("killed", 0));
    assertEquals(tokens("whole", 1), tokens("killed", 1));
    assertEquals(Golden.json(folder.resolve("whole/sweep.json")).get("points"),
        Golden.json(folder.resolve("killed/sweep.json")).get("points"));
  }

  @Test
  void anotherSweepIsNotGoneOnWith() {
    assertEquals(0, sweep("out", "--grid", "positive=0").code());

    CommandLineRun run = sweep("out", "--grid", "positive=0", "--seed", "1", "--resume");

    assertEquals(3, run.code());
    assertTrue(run.err().contains("settings.json: seed: expected 1 as it is asked for, found 0"), run.err());
  }

  @Test
  void aPolicyAloneIsItsOwnLaw() throws IOException {
    assertEquals(0, sweep("mod", "--method", "mod", "--point", "positive=1", "--point", "base=0.5,positive=0.5",
        "--temperature", "0").code());

    CommandLineRun alone = CommandLineRun.of("sweep", "--base", "models/demo-arm-positive", "--prompts",
        "models/data/pairs-positive.jsonl", "--limit", "6", "--max-new-tokens", "12", "--temperature", "0",
        "--scorer", "plain=word-length", "--out", folder.resolve("alone").toString());

    assertEquals(0, alone.code(), alone.err());
    assertEquals(tokens("alone", 0), tokens("mod", 0));
    assertFalse(tokens("mod", 0).equals(tokens("mod", 1)));
  }

  @Test
  void moreToChooseFromIsNeverWorse() throws IOException {
    CommandLineRun run = sweep("out", "--method", "best-of-n", "--select", "afinn", "--grid", "n=1,4,8");

    assertEquals(0, run.code(), run.err());
    for (int index = 0; index < PROMPTS; index++) {
      double one = responses("out", 0).get(index).get("scores").get("afinn").asDouble();
      double four = responses("out", 1).get(index).get("scores").get("afinn").asDouble();
      double eight = responses("out", 2).get(index).get("scores").get("afinn").asDouble();
      assertTrue(one <= four && four <= eight, one + " " + four + " " + eight);
    }
    double bound = Math.log(8) - 7 / 8.0;
    assertEquals(bound, responses("out", 2).get(0).get("kl_to_base").asDouble(), 1e-9);
  }

  @Test
  void moreResponsesThanMayWaitAreDrawnInTurn() throws IOException {
    CommandLineRun run = CommandLineRun.of("sweep", "--base", "models/demo-small", "--prompts",
        "models/data/pairs-positive.jsonl", "--limit", "5", "--max-new-tokens", "1", "--method", "best-of-n", "--select",
        "plain", "--grid", "n=300", "--scorer", "plain=word-length", "--out", folder.resolve("out").toString());

    assertEquals(0, run.code(), run.err());
    assertEquals(5, responses("out", 0).size());
  }

  @Test
  void argsFollowsItsRewardModelAndTheBaseWithoutIt() throws IOException {
    CommandLineRun run = sweep("args", "--method", "args", "--select", "afinn", "--args-k", "4", "--temperature", "0",
        "--grid", "weight=0,1000");
    CommandLineRun greedy = sweep("greedy", "--grid", "positive=0", "--temperature", "0");

    assertEquals(0, run.code(), run.err());
    assertEquals(0, greedy.code(), greedy.err());
    assertEquals(tokens("greedy", 0), tokens("args", 0));
    JsonNode points = Golden.json(folder.resolve("args/sweep.json")).get("points");
    double without = points.get(0).get("scores").get("afinn").get("mean").asDouble();
    double with = points.get(1).get("scores").get("afinn").get("mean").asDouble();
    assertTrue(with > without, without + " " + with);
    assertTrue(points.get(1).get("kl_per_token").isNull());
  }

  @Test
  void aSoupOfOneIsThatAdapterAndSoupsAddUp() throws IOException {
    Path prompts = Files.writeString(folder.resolve("prompts.jsonl"), "{\"prompt_ids\": [1, 5, 9]}\n");
    String adapter = "tests/golden/lora-arm-on-llama-gqa";
    List<String> common = List.of("sweep", "--base", "tests/golden/llama-gqa", "--arm", "a=" + adapter, "--arm",
        "b=" + adapter, "--prompts", prompts.toString(), "--max-new-tokens", "16", "--temperature", "0", "--ignore-eos",
        "--scorer", "plain=word-length");
    List<String> soup = new ArrayList<>(common);
    soup.addAll(List.of("--method", "soup", "--point", "a=1", "--point", "a=0.25,b=0.75", "--point", "a=-1", "--out",
        folder.resolve("soup").toString()));
    List<String> alone = new ArrayList<>(common);
    alone.addAll(List.of("--method", "mod", "--point", "a=1", "--out", folder.resolve("alone").toString()));

    CommandLineRun run = CommandLineRun.of(soup.toArray(String[]::new));

    assertEquals(0, run.code(), run.err());
    assertEquals(0, CommandLineRun.of(alone.toArray(String[]::new)).code());
    assertEquals(tokens("alone", 0), tokens("soup", 0));
    assertEquals(tokens("alone", 0), tokens("soup", 1));
    assertFalse(tokens("alone", 0).equals(tokens("soup", 2)));
    List<String> mixed = new ArrayList<>(common);
    mixed.set(mixed.indexOf("b=" + adapter), "b=" + folder.resolve("soup/soups/point-001"));
    mixed.addAll(List.of("--method", "soup", "--point", "a=0.5,b=0.5", "--out", folder.resolve("mixed").toString()));
    assertEquals(0, CommandLineRun.of(mixed.toArray(String[]::new)).code());
    assertEquals(tokens("alone", 0), tokens("mixed", 0));
  }

  @Test
  void aScorersFilesAreMissedBeforeAnythingIsMade() {
    CommandLineRun lexicon = sweep("out", "--scorer", "x=lexicon:no/such.json");
    CommandLineRun model = sweep("out", "--scorer", "x=head:no/such");

    assertEquals(3, lexicon.code());
    assertTrue(lexicon.err().contains("no/such.json"), lexicon.err());
    assertEquals(3, model.code());
    assertTrue(model.err().contains("no/such: expected a model directory, found nothing there"), model.err());
    assertFalse(Files.exists(folder.resolve("out")));
  }

  @Test
  void preferenceVectorsAreAGridToo() throws IOException {
    Path prompts = Files.writeString(folder.resolve("prompts.jsonl"), "{\"prompt_ids\": [1, 5, 9]}\n");

    CommandLineRun run = CommandLineRun.of("sweep", "--base", "tests/golden/llama-gqa", "--arm",
        "parm=tests/golden/pblora-arm-on-llama-gqa", "--preference-grid", "parm=0.5", "--prompts", prompts.toString(),
        "--max-new-tokens", "16", "--temperature", "0", "--ignore-eos", "--scorer", "plain=word-length", "--scorer",
        "more=word-length", "--out", folder.resolve("out").toString());

    assertEquals(0, run.code(), run.err());
    assertTrue(run.out().contains("parm=(0,1)") && run.out().contains("parm=(0.5,0.5)"), run.out());
    assertTrue(run.out().contains(" over 3 points"), run.out());
  }

  @Test
  void aScorerThatFailsLeavesTheResponses() throws IOException {
    CommandLineRun failed = sweep("out", "--grid", "positive=1", "--scorer", "mine=command:exit 7");

    assertEquals(3, failed.code());
    assertTrue(failed.err().contains("scorer 'exit 7' ended with exit code 7"), failed.err());
    assertEquals(PROMPTS, responses("out", 0).size());
  }

  @Test
  void whatDoesNotFitIsRefusedBeforeAnythingIsLoaded() {
    assertTrue(sweep("a", "--method", "beam").err()
        .contains("--method: expected one of guided, mod, soup, best-of-n, args"));
    assertTrue(sweep("b", "--method", "args").err().contains("--select: expected the name of a --scorer"));
    assertTrue(sweep("c", "--objectives", "bleu").err().contains("--objectives: there is no --scorer named bleu"));
    assertTrue(sweep("d", "--hv-reference", "1").err().contains("--hv-reference: expected a value for each of"));
    assertEquals(2, sweep("e", "--grid", "positive=a").code());
    assertFalse(Files.exists(folder.resolve("e")));
  }

  @Test
  void aPromptWithoutTextIsNamed() throws IOException {
    Path prompts = Files.writeString(folder.resolve("prompts.json"), "[{\"prompt\": \"a\"}, {\"text\": \"b\"}]");

    CommandLineRun run = CommandLineRun.of("sweep", "--base", "models/demo-base", "--prompts", prompts.toString(),
        "--scorer", "plain=word-length", "--out", folder.resolve("out").toString());

    assertEquals(3, run.code());
    assertTrue(run.err().contains("prompt 1: expected a string \"prompt\" or \"instruction\""), run.err());
  }
}

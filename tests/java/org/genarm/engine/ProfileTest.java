package org.genarm.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.genarm.GenArm;
import org.genarm.Golden;
import org.genarm.Request;
import org.genarm.binding.ProfiledOperation;
import org.genarm.model.ModelConfig;
import org.genarm.model.WeightBytes;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The steps' own account of themselves, of a base and a reward model of one shape. */
class ProfileTest {
  private static final int NEW_TOKENS = 6;
  private static final int PROMPT = 10;
  private static GenArm genArm;

  @BeforeAll
  static void open() {
    genArm = GenArm.builder()
        .base(Golden.ROOT.resolve("llama-arm-a"))
        .arm("b", Golden.ROOT.resolve("llama-arm-b"))
        .threads(1)
        .maxModelLen(64)
        .callerDriven()
        .build();
  }

  @AfterAll
  static void close() {
    genArm.close();
  }

  private static Request request(double weight) {
    return Request.ofIds(new int[PROMPT]).weight("b", weight).seed(3).maxNewTokens(NEW_TOKENS).ignoreEos(true).build();
  }

  private static List<StepProfile> profile(double weight) throws InterruptedException {
    List<StepProfile> steps = new ArrayList<>();
    genArm.profile(steps::add);
    genArm.generate(request(weight));
    genArm.profile(null);
    return steps;
  }

  @Test
  void aProfiledRunGivesTheSameTokens() throws Exception {
    List<Integer> tokens = genArm.generate(request(1)).choices().get(0).tokenIds();
    genArm.profile(step -> {});

    assertEquals(tokens, genArm.generate(request(1)).choices().get(0).tokenIds());
    genArm.profile(null);
  }

  @Test
  void everyStepTellsItsOperationsInOrder() throws Exception {
    List<StepProfile> steps = profile(1);

    assertEquals(NEW_TOKENS, steps.size());
    for (StepProfile step : steps) {
      List<ProfiledOperation> operations = step.operations();
      Set<String> names = operations.stream().map(ProfiledOperation::operation).collect(Collectors.toSet());
      assertEquals(
          Set.of("embed", "qkv", "attention", "project", "gate_up", "final_norm", "lm_head", "sample"), names);
      long at = step.beginNanos();
      for (ProfiledOperation operation : operations) {
        boolean first = operation.operation().equals("embed");
        assertTrue(first ? operation.beginNanos() >= at : operation.beginNanos() == at, operation + " after " + at);
        assertTrue(operation.nanos() >= 0, operation.toString());
        at = operation.beginNanos() + operation.nanos();
      }
      assertTrue(at <= step.beginNanos() + step.nanos(), step.toString());
      assertTrue(step.operationNanos() <= step.nanos());
      assertEquals(1, step.drawn());
    }
    assertEquals(2 * PROMPT, steps.get(0).rows());
    assertEquals(2, steps.get(1).rows());
  }

  @Test
  void theBytesOfAStepAreThoseOfTheFormula() throws Exception {
    List<StepProfile> steps = profile(1);
    long weights = read("llama-arm-a") + read("llama-arm-b");
    for (int i = 1; i < steps.size(); i++) {
      StepProfile step = steps.get(i);
      long counted = step.operations().stream()
          .filter(operation -> !operation.operation().equals("attention"))
          .mapToLong(ProfiledOperation::bytes)
          .sum();
      assertEquals(weights, counted, 0.05 * weights, "step " + i);
    }
    assertEquals(keysAndValues(steps.get(2)) - keysAndValues(steps.get(1)),
        keysAndValues(steps.get(1)) / (PROMPT + 1), "each position reads the same");
  }

  private static long read(String checkpoint) {
    return WeightBytes.of(ModelConfig.read(Golden.ROOT.resolve(checkpoint)), null, null).read();
  }

  private static long keysAndValues(StepProfile step) {
    return step.operations().stream()
        .filter(operation -> operation.operation().equals("attention"))
        .mapToLong(ProfiledOperation::bytes)
        .sum();
  }

  @Test
  void aStepsOperationsStayAsTheyWereWhenTheNextHasRun() throws Exception {
    List<List<ProfiledOperation>> told = new ArrayList<>();
    List<StepProfile> steps = new ArrayList<>();
    genArm.profile(step -> {
      told.add(List.copyOf(step.operations()));
      steps.add(step);
    });
    genArm.generate(request(1));
    genArm.profile(null);

    assertEquals(told, steps.stream().map(StepProfile::operations).toList());
    assertThrows(IndexOutOfBoundsException.class, () -> steps.get(0).operations().get(told.get(0).size()));
  }

  @Test
  void aModelThatDoesNotRunCostsNothing() throws Exception {
    StepProfile both = profile(1).get(1);
    StepProfile alone = profile(0).get(1);

    assertEquals(1, alone.rows());
    assertTrue(alone.operations().stream().allMatch(operation -> operation.firstBytes() == operation.bytes()
        || operation.bytes() == 0 || operation.operation().equals("sample")), alone.toString());
    long flops = both.operations().stream().mapToLong(ProfiledOperation::flops).sum();
    assertTrue(alone.operations().stream().mapToLong(ProfiledOperation::flops).sum() < flops);
  }

  @Test
  void aListenerThatFailsIsNotCalledAgain() throws Exception {
    int[] calls = {0};
    genArm.profile(step -> {
      calls[0]++;
      throw new IllegalStateException("the listener's own");
    });
    genArm.generate(request(1));
    genArm.profile(null);

    assertEquals(1, calls[0]);
  }

  @Test
  void theFlightRecorderSeesEachStep(@TempDir Path directory) throws Exception {
    Path file = directory.resolve("steps.jfr");
    try (Recording recording = new Recording()) {
      recording.enable("org.genarm.Step").withoutThreshold();
      recording.start();
      genArm.generate(request(1));
      recording.stop();
      recording.dump(file);
    }
    List<RecordedEvent> events = RecordingFile.readAllEvents(file).stream()
        .filter(event -> event.getEventType().getName().equals("org.genarm.Step"))
        .toList();

    assertEquals(NEW_TOKENS, events.size());
    assertEquals(2 * PROMPT, events.get(0).getInt("rows"));
    assertEquals(1, events.get(0).getInt("drawn"));
  }
}

package org.genarm.engine;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.genarm.binding.Device;
import org.genarm.guidance.Guidance;
import org.genarm.guidance.SamplingParams;
import org.genarm.guidance.View;
import org.genarm.model.LoadOptions;
import org.genarm.model.Model;

/** An engine over the demo base and its two reward models, with limits of the test's choosing. */
public final class DemoEngine implements AutoCloseable {
  private static final Path MODELS = Path.of("models");

  private final Device device;
  private final List<Model> models = new ArrayList<>();
  public final Engine engine;

  private DemoEngine(int threads, EngineConfig config) {
    device = Device.open("cpu", threads);
    for (String name : List.of("demo-base", "demo-arm-positive", "demo-arm-plain")) {
      models.add(Model.load(device, MODELS.resolve(name), LoadOptions.AS_STORED));
    }
    engine = Engine.open(device, List.of(
        View.base(models.get(0)), new View("positive", models.get(1), 1), new View("plain", models.get(2), 1)), config);
  }

  public static DemoEngine open(int threads, EngineConfig config) {
    return new DemoEngine(threads, config);
  }

  public static EngineConfig config(int maxSequences) {
    return EngineConfig.of(4096, 512, maxSequences, 3);
  }

  /** The same prompt for every view. */
  public static TokenRequest request(int[] prompt, SamplingParams sampling, int maxNewTokens, float... weights) {
    return new TokenRequest(List.of(prompt, prompt, prompt), Guidance.of(weights), sampling, 1, maxNewTokens, 0,
        List.of());
  }

  public static int[] prompt(int length, int from) {
    int[] prompt = new int[length];
    Arrays.setAll(prompt, i -> i == 0 ? 1 : 3 + (from + 37 * i) % 4000);
    return prompt;
  }

  /** Waits for the end and returns each choice's tokens. */
  static List<List<Integer>> tokens(Submission submission) throws InterruptedException {
    long seen = 0;
    while (!submission.isFinished()) {
      seen = submission.await(seen);
    }
    List<List<Integer>> tokens = new ArrayList<>();
    for (Completion completion : submission.completions()) {
      if (completion.failure() != null) {
        throw new AssertionError(completion.failure());
      }
      tokens.add(Arrays.stream(completion.tokens()).boxed().toList());
    }
    return tokens;
  }

  @Override
  public void close() {
    engine.close();
    models.forEach(Model::close);
    device.close();
  }
}

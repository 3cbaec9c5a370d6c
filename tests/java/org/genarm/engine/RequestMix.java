package org.genarm.engine;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Function;
import org.genarm.guidance.SamplingParams;

/** Random requests with common beginnings, and an engine without a thread that gets them between its steps. */
final class RequestMix {
  private static final int VIEWS = 3;

  private RequestMix() {}

  /** A prompt for each view: the common beginning, then up to so many tokens of its own. */
  static List<int[]> prompts(Random random, int[] beginning, int mostOwn) {
    List<int[]> prompts = new ArrayList<>();
    for (int view = 0; view < VIEWS; view++) {
      int[] own = DemoEngine.prompt(1 + random.nextInt(mostOwn), random.nextInt(4));
      int[] prompt = Arrays.copyOf(beginning, beginning.length + own.length);
      System.arraycopy(own, 0, prompt, beginning.length, own.length);
      prompts.add(prompt);
    }
    return prompts;
  }

  /** Greedy or not, cut or not, of few seeds. */
  static SamplingParams sampling(Random random) {
    return new SamplingParams(random.nextInt(4) == 0 ? 0 : 0.9f, random.nextInt(3) * 20, 1, 0, random.nextInt(5));
  }

  static Submission runAlone(Engine engine, Function<Engine, Submission> submit) {
    Submission submission = submit.apply(engine);
    runToTheEnd(engine);
    return submission;
  }

  /** Up to two are submitted before each step. */
  static List<Submission> runTogether(Engine engine, Random random, List<Function<Engine, Submission>> submits) {
    List<Submission> submissions = new ArrayList<>();
    for (boolean busy = true; busy || submissions.size() < submits.size(); busy = engine.turn()) {
      for (int i = 0; submissions.size() < submits.size() && i < random.nextInt(3); i++) {
        submissions.add(submits.get(submissions.size()).apply(engine));
      }
    }
    return submissions;
  }

  static void runToTheEnd(Engine engine) {
    while (engine.turn()) {
      // until nothing is left to do
    }
  }
}

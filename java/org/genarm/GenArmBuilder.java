package org.genarm;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ThreadFactory;
import org.genarm.binding.Device;
import org.genarm.binding.Dtype;
import org.genarm.engine.Engine;
import org.genarm.engine.EngineConfig;
import org.genarm.engine.Speculation;
import org.genarm.guidance.Guidance;
import org.genarm.guidance.View;
import org.genarm.model.LoadOptions;
import org.genarm.model.Model;

/** Says which models a {@link GenArm} opens, where, and within which limits. Everything but the base has a default. */
public final class GenArmBuilder {
  private static final int PAGE_SIZE = 16;

  /** Follows the loading of models. */
  @FunctionalInterface
  public interface LoadListener {
    /** Bytes of a view's files that are loaded by now, and all that will be. */
    void loaded(String view, long bytes, long totalBytes);

    /** The device "auto" is the CPU: why there is no GPU, in a sentence. */
    default void onCpu(String why) {}
  }

  /** A reward model to be opened. */
  private record Arm(String name, Path directory, float weight) {}

  private final List<Arm> arms = new ArrayList<>();
  private final Map<String, Dtype> armDtypes = new LinkedHashMap<>();
  private final Map<String, Path> armBases = new LinkedHashMap<>();
  private final Map<String, List<Float>> preferences = new LinkedHashMap<>();
  private final Map<String, String> armTemplates = new LinkedHashMap<>();
  private String template = "auto";
  private Path base;
  private String device = "auto";
  private int threads;
  private Dtype dtype;
  private Dtype activations;
  private int maxModelLen;
  private int maxSequences = 8;
  private int stepsInFlight;
  private int maxQueue = 1024;
  private long kvBytes = 1L << 30;
  private boolean components;
  private boolean prefixSharing = true;
  private ThreadFactory threadFactory = Engine.DAEMON_THREAD;
  private SpeculationChoice speculation = SpeculationChoice.parse("off");
  private LoadListener listener = (view, bytes, totalBytes) -> {};

  GenArmBuilder() {}

  /** The base language model's directory. */
  public GenArmBuilder base(Path directory) {
    base = directory;
    return this;
  }

  /** A reward model of weight 1 where a request does not say. */
  public GenArmBuilder arm(String name, Path directory) {
    return arm(name, directory, 1);
  }

  public GenArmBuilder arm(String name, Path directory, double weight) {
    if (arms.stream().anyMatch(arm -> arm.name().equals(name))) {
      throw new IllegalArgumentException("the name " + name + " is given to two reward models");
    }
    arms.add(new Arm(name, directory, Guidance.weight(name, weight)));
    return this;
  }

  /** "auto", "cpu", "cpu:0-3,6" to keep each thread on one of these CPUs, "cuda" or "cuda:N". */
  public GenArmBuilder device(String name) {
    device = name;
    return this;
  }

  /** Threads that compute on a CPU; 0 takes one for each core. */
  public GenArmBuilder threads(int count) {
    threads = count;
    return this;
  }

  /** Makes the one thread that runs the steps: for its name, priority, or the CPU that it stays on. */
  public GenArmBuilder threadFactory(ThreadFactory factory) {
    threadFactory = Objects.requireNonNull(factory, "a thread factory is needed; see callerDriven");
    return this;
  }

  /**
   * Starts no thread in Java: steps run on the threads that wait for a generation, or call {@link GenArm#turn}. With {@link
   * #threads} at 1 nothing but the caller's thread is ever used.
   */
  public GenArmBuilder callerDriven() {
    threadFactory = null;
    return this;
  }

  /** How the linear layers are kept; null keeps each as stored. */
  public GenArmBuilder dtype(Dtype value) {
    dtype = value;
    return this;
  }

  /** As {@link #dtype}, for one reward model. */
  public GenArmBuilder armDtype(String arm, Dtype value) {
    armDtypes.put(arm, value);
    return this;
  }

  /** The checkpoint that a reward model's adapter belongs to, where that is not the base. */
  public GenArmBuilder armBase(String arm, Path directory) {
    armBases.put(arm, directory);
    return this;
  }

  /** The vector of a preference-conditioned reward model where a request does not say; its own by default. */
  public GenArmBuilder preference(String arm, List<Float> vector) {
    preferences.put(arm, List.copyOf(vector));
    return this;
  }

  /** Precision of matrix inputs; null takes F32 on a CPU and BF16 on a GPU. */
  public GenArmBuilder activations(Dtype value) {
    activations = value;
    return this;
  }

  /** The template that text goes through: a name, "none", or "auto" for the checkpoint's own where it has one. */
  public GenArmBuilder template(String name) {
    template = name;
    return this;
  }

  /** As {@link #template}, for one reward model; the base's where it is not said. */
  public GenArmBuilder armTemplate(String arm, String name) {
    armTemplates.put(arm, name);
    return this;
  }

  /** Positions of the longest lane; by default as many as every model and the KV memory have. */
  public GenArmBuilder maxModelLen(int positions) {
    maxModelLen = positions;
    return this;
  }

  /** Completions that run at the same time. */
  public GenArmBuilder maxSequences(int count) {
    maxSequences = count;
    return this;
  }

  /** Steps that the device has before the first one's tokens are there, up to 8; by default 1 on a CPU, 2 on a GPU. */
  public GenArmBuilder stepsInFlight(int count) {
    stepsInFlight = count;
    return this;
  }

  /** Completions that may wait. */
  public GenArmBuilder maxQueue(int count) {
    maxQueue = count;
    return this;
  }

  /** Memory for keys and values of all views together; more where a single text of full length needs it. */
  public GenArmBuilder kvBytes(long bytes) {
    kvBytes = bytes;
    return this;
  }

  /** Makes room for each model's own law: for {@link GenArm#logprobs} and {@link Request#topLogprobs}. */
  public GenArmBuilder components(boolean wanted) {
    components = wanted;
    return this;
  }

  /**
   * Where several tokens at a time are guessed from, to be verified in one step: "arm" (the reward models, with the
   * checkpoint that an adapter belongs to), "lookup" (the text so far), "draft=DIR" (a small model of the same
   * vocabulary), "auto" (what pays, if anything does), or "off". The tokens are the same in any case.
   */
  public GenArmBuilder speculate(String choice) {
    speculation = SpeculationChoice.parse(choice);
    return this;
  }

  /** Whether requests share the keys and values of equal prefixes; true by default. Tokens are the same either way. */
  public GenArmBuilder prefixSharing(boolean wanted) {
    prefixSharing = wanted;
    return this;
  }

  /** Told while models are loaded. */
  public GenArmBuilder onLoad(LoadListener value) {
    listener = value;
    return this;
  }

  /**
   * Loads everything and starts the engine.
   *
   * @throws org.genarm.checkpoint.CheckpointException names the file and what is wrong with it
   * @throws org.genarm.binding.NativeException where the device cannot be opened or has too little memory
   * @throws IllegalArgumentException for values that do not fit each other
   */
  public GenArm build() {
    if (base == null) {
      throw new IllegalArgumentException("a base model is needed");
    }
    requireKnown(armDtypes.keySet());
    requireKnown(armBases.keySet());
    requireKnown(preferences.keySet());
    requireKnown(armTemplates.keySet());
    List<Runnable> opened = new ArrayList<>();
    try {
      Device opensOn = ViewLoader.openDevice(device, threads, listener);
      opened.add(opensOn::close);
      requireMemory(opensOn);
      ViewLoader loader = new ViewLoader(opensOn, listener, opened);
      List<View> views = loadViews(loader);
      Speculation speculates = speculation.over(views, loader, dtype);
      Prompts prompts = Prompts.open(views, template, armTemplates, opened);
      int vocabSize = prompts.vocabSize(views.get(0).vocabSize());
      views.forEach(view -> view.requireCovers(vocabSize));
      EngineConfig limits = limits(opensOn, views, speculates, vocabSize);
      return new GenArm(Engine.open(opensOn, views, limits, speculates, threadFactory), prompts, opened);
    } catch (RuntimeException | Error e) {
      GenArm.closeAll(opened);
      throw e;
    }
  }

  private void requireMemory(Device opensOn) {
    MemoryPlan plan = new MemoryPlan(kvBytes);
    plan.add(View.BASE, base, null, dtype);
    for (Arm arm : arms) {
      Path armBase = armBases.getOrDefault(arm.name(), base);
      plan.add(arm.name(), arm.directory(), armBase, armDtypes.getOrDefault(arm.name(), dtype));
    }
    plan.require(opensOn);
  }

  private void requireKnown(Iterable<String> names) {
    for (String name : names) {
      if (arms.stream().noneMatch(arm -> arm.name().equals(name))) {
        throw new IllegalArgumentException("no reward model is called " + name + ", there are "
            + arms.stream().map(Arm::name).toList());
      }
    }
  }

  private List<View> loadViews(ViewLoader loader) {
    List<View> views = new ArrayList<>();
    views.add(loader.base(base, dtype));
    for (Arm arm : arms) {
      String name = arm.name();
      Dtype kept = armDtypes.getOrDefault(name, dtype);
      Path armBase = armBases.getOrDefault(name, base);
      views.add(loader.arm(name, arm.directory(), armBase, kept, preferences.get(name), arm.weight()));
    }
    return views;
  }

  private EngineConfig limits(Device opensOn, List<View> views, Speculation speculates, int vocabSize) {
    int positions = views.stream().mapToInt(View::maxPositions).min().getAsInt();
    long bytesPerPosition = speculates.views(views).stream().mapToLong(View::kvBytesPerPosition).sum();
    long affordable = kvBytes / bytesPerPosition / PAGE_SIZE * PAGE_SIZE;
    for (View view : views) {
      if (maxModelLen > view.maxPositions()) {
        throw new IllegalArgumentException("max_model_len is " + maxModelLen + ", " + view.name() + " ("
            + view.model().directory() + ") has " + view.maxPositions() + " positions");
      }
    }
    int length = maxModelLen > 0 ? maxModelLen : (int) Math.max(2, Math.min(positions, affordable));
    EngineConfig config = EngineConfig.of(vocabSize, length, maxSequences, views.size());
    long pages = Math.max(config.kvPages() / maxSequences, affordable / PAGE_SIZE);
    return config
        .withKvPages((int) Math.min(config.kvPages(), pages))
        .withMaxQueue(maxQueue)
        .withStepsInFlight(stepsInFlight == 0 ? opensOn.defaultStepsInFlight() : stepsInFlight)
        .withPrefixSharing(prefixSharing)
        .withMaxComponents(components ? maxSequences * views.size() : 0)
        .withActivations(activations == null ? opensOn.defaultActivations() : activations);
  }
}

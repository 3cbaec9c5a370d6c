package org.genarm.guidance;

import java.nio.file.Path;
import java.util.List;
import org.genarm.binding.ModelShape;
import org.genarm.checkpoint.CheckpointException;
import org.genarm.model.Adapter;
import org.genarm.model.Model;

/**
 * A model in the place that it has in a guided generation: the base, or a reward model that is weighed against it.
 *
 * @param name what messages, weights and outputs call it
 * @param adapter the update that makes it a model of its own, or null
 * @param preference of a preference-conditioned adapter where a request does not say; empty for any other
 * @param weight what its logits count where a request does not say; 1 for the base
 */
public record View(String name, Model model, Adapter adapter, List<Float> preference, float weight) {
  /** The base's name. */
  public static final String BASE = "base";

  public View {
    if (name.isBlank()) {
      throw new IllegalArgumentException("a reward model's name must not be blank");
    }
    weight = Guidance.weight(name, weight);
    preference = List.copyOf(preference);
    requireLength(name, adapter, preference);
  }

  /** A reward model that is a checkpoint of its own. */
  public View(String name, Model model, float weight) {
    this(name, model, null, List.of(), weight);
  }

  public static View base(Model model) {
    return new View(BASE, model, 1);
  }

  /** Where it was read from: the adapter's directory where it has one. */
  public Path directory() {
    return adapter == null ? model.directory() : adapter.directory();
  }

  /** Refuses a vector that its adapter was not trained for; an empty one stands for its own. */
  public void requirePreference(List<Float> vector) {
    if (!vector.isEmpty()) {
      requireLength(name, adapter, vector);
    }
  }

  private static void requireLength(String name, Adapter adapter, List<Float> vector) {
    int expected = adapter == null ? 0 : adapter.config().numObjectives();
    if (vector.size() != expected) {
      throw new IllegalArgumentException(
          "the preference of " + name + " must have " + expected + " values, got " + vector.size());
    }
    for (float value : vector) {
      if (!Float.isFinite(value)) {
        throw new IllegalArgumentException("the preference of " + name + " must be finite, got " + value);
      }
    }
  }

  /**
   * A vocabulary that is longer than the law's is padding, which is cut; a shorter one is another vocabulary.
   *
   * @throws CheckpointException that names the view and its directory
   */
  public void requireCovers(int vocabSize) {
    if (vocabSize() < vocabSize) {
      throw new CheckpointException(model.directory(), "a vocabulary that covers the " + vocabSize
          + " tokens that the base draws from", vocabSize() + " tokens in " + name);
    }
  }

  public int vocabSize() {
    return model.config().shape().vocabSize();
  }

  /** Positions of the longest text that it can read. */
  public int maxPositions() {
    return model.config().shape().maxPositions();
  }

  /** Bytes that keys and values of one position take, in f32. */
  public long kvBytesPerPosition() {
    ModelShape shape = model.config().shape();
    return 2L * shape.numLayers() * shape.numKvHeads() * shape.headDim() * Float.BYTES;
  }

  public void requireInVocabulary(int[] ids) {
    for (int i = 0; i < ids.length; i++) {
      if (ids[i] < 0 || ids[i] >= vocabSize()) {
        throw new IllegalArgumentException(
            "token " + i + " is " + ids[i] + ", the vocabulary of " + name + " has " + vocabSize() + " tokens");
      }
    }
  }
}

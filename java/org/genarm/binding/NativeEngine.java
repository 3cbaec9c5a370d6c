package org.genarm.binding;

import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import org.genarm.binding.door.Genarm;
import org.genarm.binding.door.ga_engine;
import org.genarm.binding.door.ga_engine_config;

/** The guided step over any number of views. */
public final class NativeEngine implements AutoCloseable {
  /** Flag of a sequence: keep the law's log-probabilities, for {@link #law}. */
  public static final int KEEP_LAW = Genarm.GA_KEEP_LAW;

  /** Flag of a sequence: keep each term's own log-softmax at temperature 1, for {@link #component}. */
  public static final int KEEP_COMPONENTS = Genarm.GA_KEEP_COMPONENTS;

  /** Flag of a sequence at temperature 1 of which nothing is cut off: keep the terms' sum as it is, for {@link #logits}. */
  public static final int KEEP_LOGITS = Genarm.GA_KEEP_LOGITS;

  /** The most steps that an engine may have in flight. */
  public static final int MAX_IN_FLIGHT = Genarm.GA_MAX_IN_FLIGHT;

  private final Handle<ga_engine> handle;
  private final EngineLimits limits;
  private StepBuffer buffer;
  private OperationLog log;

  private NativeEngine(ga_engine pointer, Device device, EngineLimits limits) {
    this.limits = limits;
    handle = new Handle<>("the engine", pointer, Genarm::ga_engine_close, device.handle);
  }

  /** An engine without views: add them, then {@link #start()}. */
  public static NativeEngine create(Device device, EngineLimits limits) {
    ga_engine pointer = new ga_engine();
    try (ga_engine_config config = limits.struct()) {
      NativeLibrary.check(Genarm.ga_engine_create(device.handle.pointer(), config, pointer));
    }
    return new NativeEngine(pointer, device, limits);
  }

  /**
   * Adds a view; views are numbered 0, 1, ... Views over one weight set are added one after the other and share one pool
   * of {@code numPages} KV pages, given by the first of them.
   */
  public void addView(NativeWeights weights, int numPages) {
    NativeLibrary.check(Genarm.ga_engine_add_view(handle.pointer(), weights.handle.pointer(), numPages));
    handle.buildOn(weights.handle);
  }

  /** As {@link #addView(NativeWeights, int)}, for a weight set with an adapter. */
  public void addView(NativeWeights weights, NativeAdapter adapter, int numPages) {
    NativeLibrary.check(
        Genarm.ga_engine_add_adapter_view(
            handle.pointer(), weights.handle.pointer(), adapter.handle.pointer(), numPages));
    handle.buildOn(weights.handle);
    handle.buildOn(adapter.handle);
  }

  /** Allocates everything. No view can be added afterwards. */
  public void start() {
    NativeLibrary.check(Genarm.ga_engine_start(handle.pointer()));
    buffer = new StepBuffer(Genarm.ga_engine_step_buffer(handle.pointer()), limits);
  }

  /** The engine's step; there is one, and it stays the same. */
  public StepBuffer buffer() {
    handle.pointer();
    if (buffer == null) {
      throw new IllegalStateException("the engine was not started");
    }
    return buffer;
  }

  /** Runs the step. {@link IllegalArgumentException} names the first value out of range; nothing was computed then. */
  public void step() {
    buffer();
    NativeLibrary.check(Genarm.ga_engine_step(handle.pointer()));
  }

  /**
   * Has the device run the step after those that were submitted before; the buffer may be written anew. A token id of
   * {@code -1 - s} is the token that sequence s of the step submitted before draws.
   */
  public void submit() {
    buffer();
    NativeLibrary.check(Genarm.ga_engine_submit(handle.pointer()));
  }

  /** Waits for the oldest step that was submitted and not collected, and leaves its tokens in the buffer. */
  public void collect() {
    buffer();
    NativeLibrary.check(Genarm.ga_engine_collect(handle.pointer()));
  }

  /**
   * After a step: log-probabilities of a sequence with {@link #KEEP_LAW}, minus infinity outside the allowed set.
   *
   * @param out direct, in native byte order; [vocabSize] values are written from its position, which stays
   */
  public void law(int sequence, FloatBuffer out) {
    requireRoom(out);
    NativeLibrary.check(Genarm.ga_engine_law(handle.pointer(), sequence, out));
  }

  /** As {@link #law(int, FloatBuffer)}, through a copy. */
  public void law(int sequence, float[] out) {
    requireRoom(out.length);
    NativeLibrary.check(Genarm.ga_engine_law(handle.pointer(), sequence, out));
  }

  /**
   * After a step: log-softmax at temperature 1 of one term of a sequence with {@link #KEEP_COMPONENTS}.
   *
   * @param out direct, in native byte order; [vocabSize] values are written from its position, which stays
   */
  public void component(int sequence, int term, FloatBuffer out) {
    requireRoom(out);
    NativeLibrary.check(Genarm.ga_engine_component(handle.pointer(), sequence, term, out));
  }

  /** As {@link #component(int, int, FloatBuffer)}, through a copy. */
  public void component(int sequence, int term, float[] out) {
    requireRoom(out.length);
    NativeLibrary.check(Genarm.ga_engine_component(handle.pointer(), sequence, term, out));
  }

  /** After a step: the weighted sum of the terms' logits of a sequence with {@link #KEEP_LOGITS}. */
  public void logits(int sequence, float[] out) {
    requireRoom(out.length);
    NativeLibrary.check(Genarm.ga_engine_logits(handle.pointer(), sequence, out));
  }

  /** Keeps up to so many operations of each step from here on, for {@link #profiled}; 0 keeps none, as at the start. */
  public void profile(int maxOperations) {
    log = null;
    NativeLibrary.check(Genarm.ga_engine_profile(handle.pointer(), maxOperations));
    log = maxOperations == 0 ? null : new OperationLog(Genarm.ga_engine_profile_log(handle.pointer()), maxOperations);
  }

  /** The operations of the last step, up to the number that was asked for. */
  public ProfiledOperations profiled() {
    handle.pointer();
    if (log == null) {
      throw new IllegalStateException("the engine keeps no operations");
    }
    return log.operations();
  }

  /** Bytes of the engine's arenas, weights not among them. */
  public long bytes() {
    return Genarm.ga_engine_bytes(handle.pointer());
  }

  @Override
  public void close() {
    log = null;
    if (buffer != null) {
      buffer.release();
    }
    handle.close();
  }

  private void requireRoom(FloatBuffer out) {
    if (!out.isDirect() || out.isReadOnly() || out.order() != ByteOrder.nativeOrder()) {
      throw new IllegalArgumentException("out must be a writable direct buffer in native byte order, got " + out);
    }
    requireRoom(out.remaining());
  }

  private void requireRoom(int room) {
    if (room < limits.vocabSize()) {
      throw new IllegalArgumentException("out has room for " + room + " of " + limits.vocabSize() + " values");
    }
  }
}

package org.genarm.binding;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The wrappers over the real library and a model of one layer whose every weight is zero: its law is uniform. */
class NativeEngineTest {
  private static final int VOCAB = 10;
  private static final ModelShape SHAPE =
      new ModelShape(1, 8, 12, 2, 1, 4, VOCAB, 64, false, false, false, false, true, 1e-6f, 1);
  private static final EngineLimits LIMITS = new EngineLimits(VOCAB, 64, 8, 4, 4, 4, 1, 2, 16, 0, Dtype.F32, 2);

  @TempDir private Path directory;
  private Device device;
  private NativeWeights weights;
  private NativeEngine engine;

  @BeforeEach
  void open() throws IOException {
    device = Device.open("cpu", 1);
    weights = NativeWeights.create(device, SHAPE, new float[] {1, 0.01f}, new int[] {0}, null);
    Path zeros = Files.write(directory.resolve("zeros"), new byte[1024]);
    try (MappedFile file = MappedFile.open(zeros)) {
      load(file, "model.embed_tokens.weight", VOCAB, 8);
      load(file, "model.norm.weight", 8);
      for (String norm : new String[] {"input_layernorm", "post_attention_layernorm"}) {
        load(file, "model.layers.0." + norm + ".weight", 8);
      }
      load(file, "model.layers.0.self_attn.q_proj.weight", 8, 8);
      load(file, "model.layers.0.self_attn.k_proj.weight", 4, 8);
      load(file, "model.layers.0.self_attn.v_proj.weight", 4, 8);
      load(file, "model.layers.0.self_attn.o_proj.weight", 8, 8);
      load(file, "model.layers.0.mlp.gate_proj.weight", 12, 8);
      load(file, "model.layers.0.mlp.up_proj.weight", 12, 8);
      load(file, "model.layers.0.mlp.down_proj.weight", 8, 12);
    }
    weights.finish();
    engine = NativeEngine.create(device, LIMITS);
    engine.addView(weights, 4);
    engine.start();
  }

  private void load(MappedFile file, String name, long... shape) {
    long elements = 1;
    for (long dimension : shape) {
      elements *= dimension;
    }
    weights.load(name, Dtype.F32, shape, file, 0, elements * Float.BYTES);
  }

  @AfterEach
  void close() {
    engine.close();
    weights.close();
    device.close();
  }

  private StepBuffer oneRow() {
    StepBuffer step = engine.buffer();
    step.laneView.put(0, 0);
    step.lanePosition.put(0, 0);
    step.laneRows.put(0, 1);
    step.lanePages.put(0, 0);
    step.tokenIds.put(0, 3);
    step.termRow.put(0, 0);
    step.termWeight.put(0, 1);
    step.sequenceTerms.put(0, 1);
    step.sequenceSeed.put(0, 42);
    step.sequenceChoice.put(0, 0);
    step.sequencePosition.put(0, 1);
    step.sequenceTemperature.put(0, 1);
    step.sequenceTopK.put(0, 0);
    step.sequenceTopP.put(0, 1);
    step.sequenceMinP.put(0, 0);
    step.sequenceFlags.put(0, NativeEngine.KEEP_LAW | NativeEngine.KEEP_COMPONENTS);
    step.counts(1, 1);
    return step;
  }

  @Test
  void aStepDrawsATokenAndKeepsTheLaw() {
    StepBuffer step = oneRow();

    engine.step();

    assertTrue(step.sampled.get(0) >= 0 && step.sampled.get(0) < VOCAB, "sampled " + step.sampled.get(0));
    float[] law = new float[VOCAB];
    engine.law(0, law);
    FloatBuffer component = direct(VOCAB + 2).position(2);
    engine.component(0, 0, component);
    for (int v = 0; v < VOCAB; v++) {
      assertEquals(-Math.log(VOCAB), law[v], 1e-6);
      assertEquals(-Math.log(VOCAB), component.get(2 + v), 1e-6);
    }
  }

  @Test
  void theFirstValueOutOfRangeIsNamed() {
    oneRow().tokenIds.put(0, VOCAB);

    var thrown = assertThrows(IllegalArgumentException.class, engine::step);

    assertTrue(thrown.getMessage().contains("token_ids[0]"), thrown.getMessage());
  }

  @Test
  void countsBeyondTheLimitsAreRefused() {
    assertThrows(IllegalArgumentException.class, () -> engine.buffer().counts(5, 1));
    assertThrows(IllegalArgumentException.class, () -> engine.buffer().counts(1, 5));
    assertThrows(IllegalArgumentException.class, () -> engine.buffer().counts(-1, 1));
  }

  @Test
  void anOutputThatIsTooSmallIsRefused() {
    oneRow();
    engine.step();

    var thrown = assertThrows(IllegalArgumentException.class, () -> engine.law(0, new float[VOCAB - 1]));

    assertEquals("out has room for 9 of 10 values", thrown.getMessage());
    assertThrows(IllegalArgumentException.class, () -> engine.law(0, direct(VOCAB).position(1)));
    assertThrows(IllegalArgumentException.class, () -> engine.law(0, FloatBuffer.allocate(VOCAB)));
  }

  @Test
  void aClosedEngineRefusesAndItsBufferIsEmpty() {
    StepBuffer step = oneRow();

    engine.close();
    engine.close();

    assertEquals(0, step.tokenIds.capacity());
    assertEquals(
        "the engine is closed", assertThrows(IllegalStateException.class, engine::step).getMessage());
    assertThrows(IllegalStateException.class, engine::bytes);
    assertThrows(IndexOutOfBoundsException.class, () -> step.counts(1, 1));
  }

  @Test
  void anEngineOutlivesTheClosingOfWhatItStandsOn() {
    device.close();
    weights.close();
    oneRow();

    engine.step();

    assertThrows(IllegalStateException.class, device::description);
    assertThrows(IllegalStateException.class, weights::bytes);
  }

  @Test
  void anEngineThatWasNotStartedHasNoStep() {
    try (NativeEngine idle = NativeEngine.create(device, LIMITS)) {
      assertEquals(
          "the engine was not started", assertThrows(IllegalStateException.class, idle::step).getMessage());
    }
  }

  @Test
  void arraysOfTheWrongLengthNeverReachNativeCode() {
    assertThrows(
        IllegalArgumentException.class,
        () -> NativeWeights.create(device, SHAPE, new float[1], new int[] {0}, null));
    assertThrows(
        IllegalArgumentException.class,
        () -> NativeWeights.create(device, SHAPE, new float[2], new int[] {0, 0}, null));
  }

  @Test
  void anUnknownDeviceIsRefused() {
    assertThrows(NativeException.class, () -> Device.open("abacus", 1));
    assertThrows(IllegalArgumentException.class, () -> Device.open("c\0pu", 1));
  }

  @Test
  void aMappedFileIsReadInPieces() throws IOException {
    Path path = Files.write(directory.resolve("bytes-ä"), new byte[] {1, 2, 3, 4, 5});
    try (MappedFile file = MappedFile.open(path)) {
      assertEquals(5, file.size());
      assertEquals(ByteBuffer.wrap(new byte[] {4, 5}), ByteBuffer.wrap(file.read(3, 2)));
      assertEquals(0, file.read(5, 0).length);
      assertThrows(IllegalArgumentException.class, () -> file.read(4, 2));
      assertThrows(IllegalArgumentException.class, () -> file.read(-1, 2));
      assertThrows(IllegalArgumentException.class, () -> file.read(Long.MAX_VALUE, 2));
    }
  }

  private static FloatBuffer direct(int size) {
    return ByteBuffer.allocateDirect(size * Float.BYTES).order(ByteOrder.nativeOrder()).asFloatBuffer();
  }
}

package org.genarm;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.genarm.binding.Dtype;
import org.genarm.checkpoint.Safetensors;
import org.genarm.checkpoint.SafetensorsWriter;
import org.genarm.checkpoint.StoredTensor;
import org.genarm.checkpoint.TensorType;
import org.genarm.checkpoint.TensorValues;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * What keeping an adapter in f32 as bf16 beside quantised weights does to the guided law (docs/decisions/0008): the numbers
 * of {@code bench/RESULTS.md}. Beside f32 weights nothing is rounded, so there the same adapter, stored once in each type,
 * shows the rounding by itself.
 */
class AdapterRoundingTest {
  private static final Path F32 = Golden.MODELS.resolve("demo-lora-positive");
  private static final String WEIGHTS = "adapter_model.safetensors";
  @TempDir static Path bf16;

  @BeforeAll
  static void storeTheAdapterInBf16() throws IOException {
    Files.copy(F32.resolve("adapter_config.json"), bf16.resolve("adapter_config.json"));
    try (Safetensors stored = Safetensors.open(F32.resolve(WEIGHTS))) {
      List<SafetensorsWriter.Plan> plans = stored.tensors().values().stream()
          .map(tensor -> new SafetensorsWriter.Plan(tensor.name(), TensorType.BF16, tensor.shape())).toList();
      try (SafetensorsWriter writer = SafetensorsWriter.create(bf16.resolve(WEIGHTS), plans)) {
        for (StoredTensor tensor : stored.tensors().values()) {
          writer.write(tensor.name(), 0, rounded(TensorValues.read(tensor)));
        }
        writer.finish();
      }
    }
  }

  /** To nearest, ties to even, as two bytes each. */
  private static ByteBuffer rounded(float[] values) {
    ByteBuffer bytes = ByteBuffer.allocate(values.length * Short.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (float value : values) {
      int bits = Float.floatToRawIntBits(value);
      bytes.putShort((short) (bits + 0x7fff + (bits >>> 16 & 1) >>> 16));
    }
    return bytes.flip();
  }

  @Test
  void theGuidedLawStaysClose() throws Exception {
    double[][] exact = QuantisedLawTest.laws(F32, Dtype.F32, Dtype.F32);

    double rounded = report("adapter as bf16 alone", exact, QuantisedLawTest.laws(bf16, Dtype.F32, Dtype.F32));
    double int8 = report("int8 weights, adapter as bf16", exact, QuantisedLawTest.laws(F32, Dtype.INT8, Dtype.F32));
    double int4 = report("int4 weights, adapter as bf16", exact, QuantisedLawTest.laws(F32, Dtype.INT4, Dtype.F32));

    assertTrue(rounded > 0, "an adapter in f32 was rounded beside f32 weights too");
    assertTrue(rounded < 0.1 * int8 && int8 < int4, "rounding the adapter " + rounded + ", weights " + int8);
  }

  @ParameterizedTest
  @EnumSource(value = Dtype.class, names = {"INT8", "INT4"})
  void besideQuantisedWeightsAnAdapterInF32IsTheOneInBf16(Dtype weights) throws Exception {
    double[][] given = QuantisedLawTest.laws(F32, weights, Dtype.F32);

    assertArrayEquals(QuantisedLawTest.laws(bf16, weights, Dtype.F32), given);
  }

  /** The mean divergence, printed with the largest. */
  private static double report(String what, double[][] exact, double[][] law) {
    double[] divergence = new double[exact.length];
    for (int i = 0; i < exact.length; i++) {
      divergence[i] = QuantisedLawTest.divergence(exact[i], law[i]);
    }
    double mean = Arrays.stream(divergence).average().orElseThrow();
    System.out.printf(Locale.ROOT, "guided law, LoRA in f32, %s: KL over %d positions: mean %.9f, largest %.9f nats%n", what,
        divergence.length, mean, Arrays.stream(divergence).max().orElseThrow());
    return mean;
  }
}

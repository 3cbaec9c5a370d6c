package org.genarm.model;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.genarm.binding.Device;
import org.genarm.binding.Dtype;
import org.genarm.binding.ModelShape;
import org.genarm.checkpoint.StoredTensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class WeightBytesTest {
  private static final StoredAs BF16 = StoredAs.of(Dtype.BF16);

  private static ModelShape shape(int layers, int hidden, int inner, int heads, int kvHeads, int head, int vocabulary,
      boolean qkvBias, boolean qkNorm, boolean tied) {
    return new ModelShape(layers, hidden, inner, heads, kvHeads, head, vocabulary, 4096, qkvBias, false, false, qkNorm,
        tied, 1e-5f, 1);
  }

  /** Published parameter counts, what a token reads of them, and bf16 bytes of that: (L·lin + small + V·h)·2. */
  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "Llama-2-7B,     32, 4096, 11008, 32, 32, 128,  32000, false, false, false,  6738415616,  6607343616, 13.215",
    "Llama-2-13B,    40, 5120, 13824, 40, 40, 128,  32000, false, false, false, 13015864320, 12852024320, 25.704",
    "Llama-2-70B,    80, 8192, 28672, 64,  8, 128,  32000, false, false, false, 68976648192, 68714504192, 137.43",
    "LLaMA-65B,      80, 8192, 22016, 64, 64, 128,  32000, false, false, false, 65285660672, 65023516672, 130.05",
    "Llama-3.2-1B,   16, 2048,  8192, 32,  8,  64, 128256, false, false, true,   1235814400,  1235814400, 2.472",
    "Llama-3.1-8B,   32, 4096, 14336, 32,  8, 128, 128256, false, false, false,  8030261248,  7504924672, 15.010",
    "Qwen2.5-0.5B,   24,  896,  4864, 14,  2,  64, 151936, true,  false, true,    494032768,   494032768, 0.988",
    "Qwen2.5-7B,     28, 3584, 18944, 28,  4, 128, 152064, true,  false, false,  7615616512,  7070619136, 14.141",
    "Qwen3-0.6B,     28, 1024,  3072, 16,  8, 128, 151936, false, true,  true,    596049920,   596049920, 1.192",
    "Qwen3-8B,       36, 4096, 12288, 32,  8, 128, 151936, false, true,  false,  8190735360,  7568405504, 15.137",
  })
  void aTokenReadsTheLinearLayersTheNormsAndOneTable(String name, int layers, int hidden, int inner, int heads,
      int kvHeads, int head, int vocabulary, boolean qkvBias, boolean qkNorm, boolean tied, long parameters, long read,
      double gigabytes) {
    ModelShape shape = shape(layers, hidden, inner, heads, kvHeads, head, vocabulary, qkvBias, qkNorm, tied);

    WeightBytes bytes = WeightBytes.of(shape, new KeptAs(BF16, BF16));

    assertEquals(parameters, bytes.parameters());
    assertEquals(read, bytes.readParameters());
    // Norms and biases are kept in f32: some ten-thousandths more than two bytes each.
    assertEquals(gigabytes, bytes.read() / 1e9, gigabytes * 1e-3);
  }

  @Test
  void everyWeightTakesItsActualBits() {
    ModelShape llama = shape(32, 4096, 11008, 32, 32, 128, 32000, false, false, false);
    double hiddenColumns = 32.0 * (4 * 4096L * 4096 + 2 * 4096L * 11008);
    double innerColumns = 32.0 * 4096 * 11008;
    double table = 32000.0 * 4096;
    double vectors = (32 * 2 + 1) * 4096 * 4.0;

    for (StoredAs kept : List.of(BF16, StoredAs.of(Dtype.F32), StoredAs.of(Dtype.INT8), StoredAs.of(Dtype.INT4),
        StoredAs.gptq(128), StoredAs.gptq(64), StoredAs.gptq(-1))) {
      double linear = hiddenColumns * kept.bitsPerWeight(4096) + innerColumns * kept.bitsPerWeight(11008);
      WeightBytes bytes = WeightBytes.of(llama, new KeptAs(kept, BF16));
      // Within a line of 64 bytes for each panel of 16 rows.
      assertEquals(linear / 8 + table * 2 + vectors, bytes.read(), 1e-3 * bytes.read(), kept.toString());
      assertEquals(table * 2, bytes.resident() - bytes.read(), kept.toString());
    }
    assertEquals(8.5, StoredAs.of(Dtype.INT8).bitsPerWeight(4096));
    assertEquals(4.5, StoredAs.of(Dtype.INT4).bitsPerWeight(4096));
    assertEquals(4.1875, StoredAs.gptq(128).bitsPerWeight(4096));
  }

  /** Directories whose tensors are all of config.json's type. */
  static List<Path> checkpoints() throws IOException {
    List<Path> found = new ArrayList<>();
    for (String parent : List.of("tests/golden", "models")) {
      try (Stream<Path> folders = Files.list(Path.of(parent))) {
        folders.filter(folder -> Files.exists(folder.resolve("config.json")))
            .filter(folder -> !folder.toString().matches(".*(score|mixed-dtypes).*"))
            .filter(folder -> ModelConfig.read(folder).storedDtype() != null)
            .sorted().forEach(found::add);
      }
    }
    return found;
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("checkpoints")
  void whatConfigJsonSaysIsWhatIsResidentOnceLoaded(Path folder) {
    GptqConfig gptq = GptqConfig.read(folder);
    try (Device device = Device.open("cpu", 1)) {
      for (Dtype dtype : new Dtype[] {null, Dtype.F32, Dtype.BF16, Dtype.INT8, Dtype.INT4}) {
        try (Model model = Model.load(device, folder, new LoadOptions(dtype, (loaded, total) -> {}))) {
          assertEquals(model.weights().bytes(), WeightBytes.of(model.config(), gptq, dtype).resident(),
              folder + " as " + dtype);
        }
      }
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("checkpoints")
  void inspectCountsTheShapesParameters(Path folder) {
    try (ModelFiles files = ModelFiles.open(folder)) {
      long counted = 0;
      for (StoredTensor tensor : files.tensors()) {
        counted += files.parameters(tensor);
      }
      assertEquals(WeightBytes.of(files.config(), files.gptq(), null).parameters(), counted);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "tests/golden/llama-gqa, tests/golden/lora-arm-on-llama-gqa",
    "tests/golden/llama-gqa, tests/golden/pblora-arm-on-llama-gqa",
    "models/demo-base, models/demo-lora-positive",
    "models/demo-base, models/demo-parm",
  })
  void anAdaptersConfigurationSaysWhatIsResidentOnceLoaded(Path base, Path folder) {
    try (Device device = Device.open("cpu", 1)) {
      for (Dtype dtype : new Dtype[] {null, Dtype.F32, Dtype.BF16, Dtype.INT8, Dtype.INT4}) {
        try (Model model = Model.load(device, base, new LoadOptions(dtype, (loaded, total) -> {}));
            Adapter adapter = Adapter.load(model, folder)) {
          KeptAs kept = KeptAs.of(model.config(), null, dtype);
          assertEquals(adapter.tensors().bytes(), AdapterBytes.read(folder, model.config().shape(), kept).bytes(),
              folder + " beside " + dtype);
        }
      }
    }
  }

  @Test
  void theScriptsLoraOfASevenBillionHasSixMillion() {
    ModelShape llama = shape(32, 4096, 11008, 32, 32, 128, 32000, false, false, false);

    assertEquals(6_291_456,
        AdapterBytes.lora(llama, 8, List.of("q_proj", "k_proj", "v_proj")).parameters());
  }
}

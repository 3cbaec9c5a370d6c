package org.genarm.train;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.genarm.binding.Device;
import org.genarm.binding.Dtype;
import org.genarm.binding.NativeTrainer;
import org.genarm.checkpoint.CheckpointException;
import org.genarm.checkpoint.StoredTensor;
import org.genarm.checkpoint.TensorType;
import org.genarm.model.LoadOptions;
import org.genarm.model.ModelConfig;
import org.genarm.model.ModelFiles;

/** A base in a trainer, and which of its tensors are trained. */
final class TrainableModel implements AutoCloseable {
  private final Path base;
  private final ModelConfig config;
  private final NativeTrainer trainer;
  private final List<TrainedTensor> trained;

  private TrainableModel(Path base, ModelConfig config, NativeTrainer trainer, List<TrainedTensor> trained) {
    this.base = base;
    this.config = config;
    this.trainer = trainer;
    this.trained = List.copyOf(trained);
  }

  /** {@link CheckpointException} names what is wrong with the base's files. */
  static TrainableModel open(Device device, Path base, TrainConfig run, LoadOptions.Progress progress) {
    try (ModelFiles files = ModelFiles.open(base)) {
      ModelConfig config = files.config();
      NativeTrainer trainer =
          NativeTrainer.create(
              device, config.shape(), inverseFrequencies(config), windows(config), run.trainerOptions());
      try {
        List<TrainedTensor> trained = run.lora() == null ? tensors(files) : addLora(trainer, config, run.lora());
        load(trainer, base, files.tensors(), progress);
        return new TrainableModel(base, config, trainer, trained);
      } catch (RuntimeException | Error failure) {
        trainer.close();
        throw failure;
      }
    }
  }

  Path base() {
    return base;
  }

  ModelConfig config() {
    return config;
  }

  NativeTrainer trainer() {
    return trainer;
  }

  /** In the order of the model. */
  List<TrainedTensor> trained() {
    return trained;
  }

  float[] read(TrainedTensor tensor, NativeTrainer.State state) {
    float[] values = new float[tensor.size()];
    trainer.read(tensor.name(), state, values);
    return values;
  }

  @Override
  public void close() {
    trainer.close();
  }

  private static List<TrainedTensor> tensors(ModelFiles files) {
    return files.tensors().stream().map(t -> new TrainedTensor(t.name(), t.shape(), t.type())).toList();
  }

  private static List<TrainedTensor> addLora(NativeTrainer trainer, ModelConfig config, LoraOptions lora) {
    List<TrainedTensor> trained = new ArrayList<>();
    long rank = lora.rank();
    for (String module : lora.modules(config.shape())) {
      trainer.addLowRank(module, lora.rank(), lora.scale());
      long[] layer = LoraOptions.dimensions(config.shape(), module);
      trained.add(new TrainedTensor(module + ".lora_A.weight", List.of(rank, layer[1]), TensorType.F32));
      trained.add(new TrainedTensor(module + ".lora_B.weight", List.of(layer[0], rank), TensorType.F32));
    }
    return trained;
  }

  private static void load(
      NativeTrainer trainer, Path base, List<StoredTensor> tensors, LoadOptions.Progress progress) {
    long total = tensors.stream().mapToLong(StoredTensor::bytes).sum();
    long loaded = 0;
    try {
      for (StoredTensor tensor : tensors) {
        Dtype dtype = Dtype.valueOf(tensor.type().name());
        trainer.load(
            tensor.name(), dtype, tensor.dimensions(), tensor.file().mapped(), tensor.offset(), tensor.bytes());
        loaded += tensor.bytes();
        progress.loaded(loaded, total);
      }
      trainer.finish();
    } catch (IllegalArgumentException refused) {
      throw new CheckpointException(base, "a checkpoint that fits its configuration", refused.getMessage());
    }
  }

  private static int[] windows(ModelConfig config) {
    return config.windows().stream().mapToInt(Integer::intValue).toArray();
  }

  private static float[] inverseFrequencies(ModelConfig config) {
    float[] frequencies = new float[config.rotaryFrequencies().size()];
    for (int i = 0; i < frequencies.length; i++) {
      frequencies[i] = config.rotaryFrequencies().get(i);
    }
    return frequencies;
  }
}

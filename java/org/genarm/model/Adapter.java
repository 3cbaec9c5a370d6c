package org.genarm.model;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.genarm.binding.NativeAdapter;
import org.genarm.checkpoint.CheckpointException;
import org.genarm.checkpoint.Safetensors;
import org.genarm.checkpoint.StoredTensor;

/** A LoRA or PBLoRA adapter, resident beside the weight set that it updates; never merged into it. */
public final class Adapter implements AutoCloseable {
  private static final String WEIGHTS = "adapter_model.safetensors";
  private static final String PICKLED = "adapter_model.bin";

  private final Path directory;
  private final AdapterConfig config;
  private final NativeAdapter tensors;

  private Adapter(Path directory, AdapterConfig config, NativeAdapter tensors) {
    this.directory = directory;
    this.config = config;
    this.tensors = tensors;
  }

  /** Loads a PEFT or PARM folder over a model; {@link CheckpointException} names what is wrong with its files. */
  public static Adapter load(Model model, Path directory) {
    AdapterConfig config = AdapterConfig.read(directory);
    Path file = directory.resolve(WEIGHTS);
    if (!Files.exists(file)) {
      String found = Files.exists(directory.resolve(PICKLED)) ? PICKLED + ": genarm convert makes it one" : "none";
      throw new CheckpointException(directory, WEIGHTS, found);
    }
    try (Safetensors stored = Safetensors.open(file)) {
      AdapterTensors expected = new AdapterTensors(file, config, model.config().shape(), model.directory());
      return new Adapter(directory, config, pack(model, config, expected.of(stored.tensors().values())));
    } catch (IllegalArgumentException refused) {
      throw new CheckpointException(file, "an adapter that fits its configuration", refused.getMessage());
    }
  }

  public Path directory() {
    return directory;
  }

  public AdapterConfig config() {
    return config;
  }

  public NativeAdapter tensors() {
    return tensors;
  }

  @Override
  public void close() {
    tensors.close();
  }

  private static NativeAdapter pack(
      Model model, AdapterConfig config, Map<String, Map<String, StoredTensor>> modules) {
    NativeAdapter adapter = NativeAdapter.create(model.weights(), config.numObjectives());
    try {
      modules.forEach(
          (module, parts) -> {
            parts.forEach(
                (part, tensor) ->
                    adapter.load(
                        module,
                        part,
                        ExpectedTensors.dtype(tensor.type()),
                        tensor.dimensions(),
                        tensor.file().mapped(),
                        tensor.offset(),
                        tensor.bytes()));
            adapter.scale(module, config.scale(module));
          });
      adapter.finish();
      return adapter;
    } catch (RuntimeException | Error failure) {
      adapter.close();
      throw failure;
    }
  }
}

package org.genarm.model;

import java.nio.file.Path;
import java.util.List;
import org.genarm.checkpoint.Checkpoint;
import org.genarm.checkpoint.CheckpointException;
import org.genarm.checkpoint.StoredTensor;

/** A model's files, open and checked against each other, before any weight is packed. */
public final class ModelFiles implements AutoCloseable {
  private final ModelConfig config;
  private final Checkpoint checkpoint;
  private final List<StoredTensor> tensors;

  private ModelFiles(ModelConfig config, Checkpoint checkpoint, List<StoredTensor> tensors) {
    this.config = config;
    this.checkpoint = checkpoint;
    this.tensors = tensors;
  }

  /** {@link CheckpointException} names what is wrong with a directory's configuration and tensors. */
  public static ModelFiles open(Path directory) {
    Checkpoint.requireModel(directory);
    ModelConfig config = ModelConfig.read(directory);
    Checkpoint checkpoint = Checkpoint.open(directory);
    try {
      return new ModelFiles(config, checkpoint, new ExpectedTensors(config.shape()).in(checkpoint));
    } catch (RuntimeException | Error failure) {
      checkpoint.close();
      throw failure;
    }
  }

  public ModelConfig config() {
    return config;
  }

  public Checkpoint checkpoint() {
    return checkpoint;
  }

  /** Those that are loaded, file by file, in the order in which they lie in it. */
  public List<StoredTensor> tensors() {
    return tensors;
  }

  @Override
  public void close() {
    checkpoint.close();
  }
}

package org.genarm.model;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.genarm.checkpoint.CheckpointException;

/** Whatever config.json holds, it is understood or refused: no other exception, no endless work. */
class ModelConfigFuzz {
  @FuzzTest(maxDuration = "60s")
  void aConfigurationIsUnderstoodOrRefused(byte[] json) throws IOException {
    Path directory = Files.createTempDirectory("fuzz");
    Path file = directory.resolve(ModelConfig.FILE);
    try {
      Files.write(file, json);
      ModelConfig config = ModelConfig.read(directory);
      if (config.windows().size() != config.shape().numLayers()) {
        throw new AssertionError(config);
      }
    } catch (CheckpointException refused) {
      if (refused.getMessage().lines().count() != 1) {
        throw new AssertionError(refused.getMessage());
      }
    } finally {
      Files.delete(file);
      Files.delete(directory);
    }
  }
}

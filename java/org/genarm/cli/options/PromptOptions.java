package org.genarm.cli.options;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.stream.Stream;
import org.genarm.GenArmBuilder;
import org.genarm.Request;
import org.genarm.checkpoint.CheckpointException;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The prompt as text, as a file or as token ids, and the template of each view. */
public final class PromptOptions {
  @Option(names = "--prompt", paramLabel = "TEXT", description = "the prompt")
  private String text;

  @Option(
      names = "--prompt-file",
      paramLabel = "FILE",
      description = "the prompt in a file of UTF-8; one newline at its end is not part of it")
  private Path file;

  @Option(names = "--prompt-ids", paramLabel = "1,2,3", description = "token ids, used as they are by every model")
  private String ids;

  @Mixin private TemplateOptions templates;

  public void applyTemplates(GenArmBuilder builder, CommonOptions common) {
    templates.apply(builder, common);
  }

  public Request.Builder request(CommonOptions common) {
    long given = Stream.of(text, file, ids).filter(Objects::nonNull).count();
    if (given != 1) {
      throw common.usage("expected one of --prompt, --prompt-file and --prompt-ids, got " + given);
    }
    if (ids != null) {
      return Request.ofIds(parseIds(common));
    }
    return Request.of(text != null ? text : read(file));
  }

  private int[] parseIds(CommonOptions common) {
    String[] parts = ids.strip().split("\\s*,\\s*", -1);
    int[] parsed = new int[parts.length];
    for (int i = 0; i < parts.length; i++) {
      try {
        parsed[i] = Integer.parseInt(parts[i]);
      } catch (NumberFormatException e) {
        throw common.usage("--prompt-ids: expected numbers separated by commas, got '" + parts[i] + "' at " + i);
      }
    }
    return parsed;
  }

  private static String read(Path path) {
    try {
      String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(Files.readAllBytes(path))).toString();
      return text.endsWith("\n") ? text.substring(0, text.length() - (text.endsWith("\r\n") ? 2 : 1)) : text;
    } catch (CharacterCodingException e) {
      throw new CheckpointException(path, "text in UTF-8", "other bytes");
    } catch (IOException e) {
      throw new CheckpointException(path, "a readable file", e);
    }
  }
}

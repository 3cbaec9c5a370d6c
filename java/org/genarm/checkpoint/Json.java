package org.genarm.checkpoint;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Pattern;

/** JSON files beside a checkpoint: bounded in size and depth, no key twice. */
public final class Json {
  /** An index of 100,000 tensors has about 10 MB. */
  private static final long LARGEST_FILE = 64 << 20;

  /** Deeper than any configuration, shallow enough for every recursive reader. */
  private static final int DEEPEST = 64;

  /** What Jackson adds for programmers. */
  private static final Pattern ADVICE =
      Pattern.compile(" \\(start marker at .*|: was expecting \\(.*|, from `[^`]*`", Pattern.DOTALL);

  static final ObjectMapper MAPPER =
      JsonMapper.builder(
              JsonFactory.builder()
                  .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(DEEPEST).build())
                  .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                  .build())
          // Python's json writes and reads NaN and Infinity.
          .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private Json() {}

  /** The object in a file; {@link CheckpointException} where there is no such file or it holds anything else. */
  public static JsonNode read(Path file) {
    byte[] bytes = bytes(file);
    JsonNode root;
    try {
      root = MAPPER.readTree(bytes);
    } catch (JsonProcessingException broken) {
      throw new CheckpointException(file, "JSON", problem(broken));
    } catch (IOException unreadable) {
      throw new CheckpointException(file, "JSON", unreadable);
    }
    if (!root.isObject()) {
      throw new CheckpointException(file, "a JSON object", kind(root));
    }
    return root;
  }

  /** What a node is, for a message: "a string", "nothing". */
  public static String kind(JsonNode node) {
    return switch (node.getNodeType()) {
      case ARRAY -> node.isEmpty() ? "an empty array" : "an array";
      case OBJECT -> node.isEmpty() ? "an empty object" : "an object";
      case STRING -> "the string \"" + CheckpointException.quote(node.textValue()) + "\"";
      case NULL -> "null";
      case MISSING -> "nothing";
      default -> CheckpointException.quote(node.toString());
    };
  }

  /** What the parser stumbled over and where. */
  static String problem(JsonProcessingException broken) {
    String message = reason(broken);
    var at = broken.getLocation();
    return at == null ? message : message + " at line " + at.getLineNr() + ", column " + at.getColumnNr();
  }

  /** What is wrong with it, without the place and without the parser's advice to programmers. */
  public static String reason(JsonProcessingException broken) {
    return CheckpointException.quote(ADVICE.matcher(broken.getOriginalMessage()).replaceFirst(""));
  }

  private static byte[] bytes(Path file) {
    if (!Files.exists(file)) {
      throw new CheckpointException(file, "a file", "none");
    }
    if (!Files.isRegularFile(file)) {
      throw new CheckpointException(file, "a file", "a directory or a device");
    }
    try {
      long size = Files.size(file);
      if (size > LARGEST_FILE) {
        throw new CheckpointException(file, "at most " + LARGEST_FILE + " bytes of JSON", size + " bytes");
      }
      return Files.readAllBytes(file);
    } catch (IOException unreadable) {
      throw new CheckpointException(file, "a readable file", unreadable);
    }
  }
}

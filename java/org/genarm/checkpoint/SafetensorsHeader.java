package org.genarm.checkpoint;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.genarm.binding.MappedFile;

/**
 * The header of a safetensors file: 8 bytes of length, then a JSON object of name → dtype, shape, data_offsets.
 *
 * <p>As strict as the reference implementation: the tensors cover the rest of the file exactly, without overlap or hole.
 */
record SafetensorsHeader(Map<String, StoredTensor> tensors, Map<String, String> metadata) {
  private static final int LENGTH_BYTES = 8;

  /** The reference implementation's limit. */
  private static final long LONGEST = 100_000_000;

  /** Five times the tensors of the largest mixture of experts; keeps a hostile header from filling the heap. */
  private static final int MOST_TENSORS = 500_000;

  private static final int MOST_DIMENSIONS = 8;

  /** One entry at a time: a header of 100 MB as one tree would be many times that. */
  private static final ObjectReader ENTRIES =
      Json.MAPPER.reader().without(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  static SafetensorsHeader read(Safetensors owner, MappedFile file) {
    return new Reader(owner, file).read();
  }

  private static final class Reader {
    private final Safetensors owner;
    private final MappedFile file;
    private final Path path;
    private final List<StoredTensor> tensors = new ArrayList<>();
    private final Map<String, String> metadata = new LinkedHashMap<>();
    private long dataStart;

    Reader(Safetensors owner, MappedFile file) {
      this.owner = owner;
      this.file = file;
      path = file.path();
    }

    SafetensorsHeader read() {
      try (JsonParser parser = Json.MAPPER.createParser(headerBytes())) {
        object(parser);
      } catch (JsonProcessingException broken) {
        throw new CheckpointException(path, "a JSON header", Json.problem(broken));
      } catch (IOException broken) {
        throw new CheckpointException(path, "a JSON header", broken.toString());
      }
      Map<String, StoredTensor> ordered = new LinkedHashMap<>();
      for (StoredTensor tensor : covering()) {
        ordered.put(tensor.name(), tensor);
      }
      return new SafetensorsHeader(ordered, metadata);
    }

    private byte[] headerBytes() {
      if (file.size() < LENGTH_BYTES) {
        throw new CheckpointException(path, "8 bytes of header length", "a file of " + file.size() + " bytes");
      }
      long length = ByteBuffer.wrap(file.read(0, LENGTH_BYTES)).order(ByteOrder.LITTLE_ENDIAN).getLong();
      if (length < 0 || length > LONGEST) {
        throw new CheckpointException(
            path, "a header of at most " + LONGEST + " bytes", "one of " + Long.toUnsignedString(length));
      }
      if (length > file.size() - LENGTH_BYTES) {
        throw new CheckpointException(
            path, "a header of " + length + " bytes", "a file of " + file.size() + " bytes");
      }
      dataStart = LENGTH_BYTES + length;
      return file.read(LENGTH_BYTES, (int) length);
    }

    private void object(JsonParser parser) throws IOException {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw new CheckpointException(path, "a JSON object as header", found(parser.currentToken()));
      }
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        String name = parser.currentName();
        parser.nextToken();
        JsonNode value = ENTRIES.readTree(parser);
        if (name.equals("__metadata__")) {
          readMetadata(value);
        } else {
          if (tensors.size() == MOST_TENSORS) {
            throw new CheckpointException(path, "at most " + MOST_TENSORS + " tensors", "more");
          }
          tensors.add(tensor(name, value));
        }
      }
      if (parser.nextToken() != null) {
        throw new CheckpointException(path, "nothing after the header's object", found(parser.currentToken()));
      }
    }

    private void readMetadata(JsonNode value) {
      value
          .fields()
          .forEachRemaining(
              entry -> {
                if (!entry.getValue().isTextual()) {
                  throw new CheckpointException(
                      path, "__metadata__." + entry.getKey(), "a string", Json.kind(entry.getValue()));
                }
                metadata.put(entry.getKey(), entry.getValue().textValue());
              });
      if (!value.isObject()) {
        throw new CheckpointException(path, "__metadata__", "an object of strings", Json.kind(value));
      }
    }

    private StoredTensor tensor(String name, JsonNode value) {
      if (!value.isObject()) {
        throw new CheckpointException(path, name, "dtype, shape and data_offsets", Json.kind(value));
      }
      JsonNode dtype = value.path("dtype");
      TensorType type = dtype.isTextual() ? TensorType.named(dtype.textValue()) : null;
      if (type == null) {
        throw new CheckpointException(path, name, "a dtype of safetensors", Json.kind(dtype));
      }
      List<Long> shape = numbers(name, "shape", value.path("shape"));
      if (shape.size() > MOST_DIMENSIONS) {
        throw new CheckpointException(
            path, name, "at most " + MOST_DIMENSIONS + " dimensions", shape.size() + " dimensions");
      }
      List<Long> offsets = numbers(name, "data_offsets", value.path("data_offsets"));
      if (offsets.size() != 2 || offsets.get(0) > offsets.get(1)) {
        throw new CheckpointException(path, name, "data_offsets [begin, end]", offsets.toString());
      }
      long bytes = offsets.get(1) - offsets.get(0);
      long expected = bytes(name, type, shape);
      if (bytes != expected) {
        throw new CheckpointException(
            path, name, expected + " bytes for " + type + " " + shape, bytes + " bytes in data_offsets");
      }
      long available = file.size() - dataStart;
      if (offsets.get(1) > available) {
        throw new CheckpointException(
            path, name, "bytes " + offsets.get(0) + " to " + offsets.get(1), available + " bytes of data in the file");
      }
      return new StoredTensor(owner, name, type, shape, dataStart + offsets.get(0), bytes);
    }

    private List<Long> numbers(String name, String field, JsonNode array) {
      if (!array.isArray()) {
        throw new CheckpointException(path, name, "an array in " + field, Json.kind(array));
      }
      List<Long> numbers = new ArrayList<>();
      for (JsonNode number : array) {
        if (!number.isIntegralNumber() || !number.canConvertToLong() || number.longValue() < 0) {
          throw new CheckpointException(path, name, "whole numbers of at least 0 in " + field, Json.kind(number));
        }
        numbers.add(number.longValue());
      }
      return numbers;
    }

    private long bytes(String name, TensorType type, List<Long> shape) {
      try {
        long bits = type.bits();
        for (long dimension : shape) {
          bits = Math.multiplyExact(bits, dimension);
        }
        if (bits % Byte.SIZE != 0) {
          throw new CheckpointException(path, name, "whole bytes", bits + " bits for " + type + " " + shape);
        }
        return bits / Byte.SIZE;
      } catch (ArithmeticException overflow) {
        throw new CheckpointException(path, name, "a shape that fits in memory", shape.toString());
      }
    }

    /** The tensors by offset, after a check that they cover the data without overlap or hole. */
    private List<StoredTensor> covering() {
      tensors.sort(Comparator.comparingLong(StoredTensor::offset).thenComparingLong(StoredTensor::bytes));
      long end = dataStart;
      for (StoredTensor tensor : tensors) {
        if (tensor.offset() != end) {
          throw new CheckpointException(
              path,
              tensor.name(),
              "data from byte " + (end - dataStart) + ", where the tensor before it ends",
              "data from byte " + (tensor.offset() - dataStart));
        }
        end += tensor.bytes();
      }
      if (end != file.size()) {
        throw new CheckpointException(
            path, end + " bytes of header and tensors", "a file of " + file.size() + " bytes");
      }
      return tensors;
    }

    private static String found(JsonToken token) {
      return token == null ? "nothing" : token.name();
    }
  }
}

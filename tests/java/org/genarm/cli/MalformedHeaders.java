package org.genarm.cli;

import static org.genarm.cli.Malformed.row;
import static org.genarm.model.ModelFixture.safetensors;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import org.genarm.model.ModelFixture;

/** safetensors files that lie about themselves. */
final class MalformedHeaders {
  private static final String FILE = "DIR/model.safetensors: ";

  private MalformedHeaders() {}

  static List<Malformed> rows() {
    return List.of(
        row("an empty file", file(new byte[0]), FILE + "expected 8 bytes of header length, found a file of 0 bytes"),
        row("half a length", file(new byte[5]), FILE + "expected 8 bytes of header length, found a file of 5 bytes"),
        row(
            "a header of 100 MB and a byte",
            file(length(100_000_001)),
            FILE + "expected a header of at most 100000000 bytes, found one of 100000001"),
        row(
            "a length beyond 63 bits",
            file(length(-2)),
            FILE + "expected a header of at most 100000000 bytes, found one of 18446744073709551614"),
        row(
            "a header longer than its file",
            file(length(1000)),
            FILE + "expected a header of 1000 bytes, found a file of 8 bytes"),
        row("no JSON", header("hello"),
            FILE + "expected a JSON header, found Unrecognized token 'hello' at line 1, column 1"),
        row("an array", header("[1]"), FILE + "expected a JSON object as header, found START_ARRAY"),
        row("JSON cut off", header("{\"a\":{\"dtype\":\"F32\""),
            FILE
                + "expected a JSON header, found Unexpected end-of-input: expected close marker for Object "
                + "at line 1, column 20"),
        row("a name twice", header("{%s,%s}".formatted(tensor("a", 0, 4), tensor("a", 4, 8)), 8),
            FILE + "expected a JSON header, found Duplicate field 'a' at line 1, column 58"),
        row("a field twice", header("{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F16\"}}"),
            FILE + "expected a JSON header, found Duplicate field 'dtype' at line 1, column 28"),
        row("a bomb", header("{\"a\":" + "[".repeat(5000)),
            FILE + "expected a JSON header, found Document nesting depth (65) exceeds the maximum allowed (64)"),
        row("more after the object", header("{} {}"),
            FILE + "expected nothing after the header's object, found START_OBJECT"),
        row("metadata of numbers", header("{\"__metadata__\":{\"step\":3}}"),
            FILE + "__metadata__.step: expected a string, found 3"),
        row("metadata that is none", header("{\"__metadata__\":7}"),
            FILE + "__metadata__: expected an object of strings, found 7"),
        row("a tensor that is none", header("{\"a\":1}"),
            FILE + "a: expected dtype, shape and data_offsets, found 1"),
        row("a type of another format", entry("\"Q4_K\"", "[1]", "[0,4]"),
            FILE + "a: expected a dtype of safetensors, found the string \"Q4_K\""),
        row("no type", entry("null", "[1]", "[0,4]"),
            FILE + "a: expected a dtype of safetensors, found null"),
        row("half a byte", entry("\"F4\"", "[3]", "[0,1]"),
            FILE + "a: expected whole bytes, found 12 bits for F4 [3]"),
        row("a shape that is none", entry("\"F32\"", "1", "[0,4]"),
            FILE + "a: expected an array in shape, found 1"),
        row("a negative dimension", entry("\"F32\"", "[-1]", "[0,4]"),
            FILE + "a: expected whole numbers of at least 0 in shape, found -1"),
        row("a broken dimension", entry("\"F32\"", "[1.5]", "[0,4]"),
            FILE + "a: expected whole numbers of at least 0 in shape, found 1.5"),
        row("a dimension beyond 64 bits", entry("\"F32\"", "[18446744073709551616]", "[0,4]"),
            FILE + "a: expected whole numbers of at least 0 in shape, found 18446744073709551616"),
        row("a shape that overflows", entry("\"F32\"", "[4294967296,4294967296]", "[0,4]"),
            FILE + "a: expected a shape that fits in memory, found [4294967296, 4294967296]"),
        row("nine dimensions", entry("\"F32\"", "[1,1,1,1,1,1,1,1,1]", "[0,4]"),
            FILE + "a: expected at most 8 dimensions, found 9 dimensions"),
        row("no offsets", entry("\"F32\"", "[1]", "null"),
            FILE + "a: expected an array in data_offsets, found null"),
        row("three offsets", entry("\"F32\"", "[1]", "[0,4,8]"),
            FILE + "a: expected data_offsets [begin, end], found [0, 4, 8]"),
        row("offsets the wrong way round", entry("\"F32\"", "[1]", "[4,0]"),
            FILE + "a: expected data_offsets [begin, end], found [4, 0]"),
        row("fewer bytes than the shape says", entry("\"F32\"", "[2]", "[0,4]"),
            FILE + "a: expected 8 bytes for F32 [2], found 4 bytes in data_offsets"),
        row("bytes beyond the file", entry("\"F32\"", "[2]", "[0,8]"),
            FILE + "a: expected bytes 0 to 8, found 4 bytes of data in the file"),
        row("two tensors on the same bytes", header("{%s,%s}".formatted(tensor("a", 0, 4), tensor("b", 2, 6)), 6),
            FILE + "b: expected data from byte 4, where the tensor before it ends, found data from byte 2"),
        row("a hole between two tensors", header("{%s,%s}".formatted(tensor("a", 0, 4), tensor("b", 6, 10)), 10),
            FILE + "b: expected data from byte 4, where the tensor before it ends, found data from byte 6"),
        row("bytes of no tensor at the end", header("{%s}".formatted(tensor("a", 0, 4)), 9),
            FILE + "expected 66 bytes of header and tensors, found a file of 71 bytes"),
        row("a name of two lines", header("{%s}".formatted(tensor("a\\nb", 4, 8)), 8),
            FILE + "a\\u000ab: expected data from byte 0, where the tensor before it ends, found data from byte 4"));
  }

  private static ModelFixture.Spoiler file(byte[] bytes) {
    return model -> model.file("model.safetensors", bytes);
  }

  private static ModelFixture.Spoiler header(String json) {
    return header(json, 0);
  }

  private static ModelFixture.Spoiler header(String json, int dataBytes) {
    return file(safetensors(json, dataBytes));
  }

  /** One tensor of these fields, then 4 bytes. */
  private static ModelFixture.Spoiler entry(String dtype, String shape, String offsets) {
    return header("{\"a\":{\"dtype\":%s,\"shape\":%s,\"data_offsets\":%s}}".formatted(dtype, shape, offsets), 4);
  }

  private static String tensor(String name, int begin, int end) {
    return "\"%s\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[%d,%d]}".formatted(name, begin, end);
  }

  private static byte[] length(long length) {
    return ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN).putLong(length).array();
  }
}

package org.genarm.checkpoint.convert;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.genarm.checkpoint.CheckpointException;

/**
 * The fields of one protobuf message, in order: {@code while (message.next()) switch (message.field()) …}; a field that is
 * not asked for is skipped. Source: protobuf.dev/programming-guides/encoding.
 */
final class Protobuf {
  private static final int VARINT = 0;
  private static final int FIXED64 = 1;
  private static final int BYTES = 2;
  private static final int FIXED32 = 5;
  private static final int LONGEST_VARINT = 10;

  private final Path file;
  private final ByteBuffer in;
  private int field;
  private int wireType;
  private long number;
  private ByteBuffer value;

  Protobuf(Path file, ByteBuffer message) {
    this.file = file;
    in = message.order(ByteOrder.LITTLE_ENDIAN);
  }

  /** To the next field; false at the end. {@link CheckpointException} where the message is cut off or none. */
  boolean next() {
    if (!in.hasRemaining()) {
      return false;
    }
    try {
      long tag = varint();
      field = (int) (tag >>> 3);
      wireType = (int) (tag & 7);
      switch (wireType) {
        case VARINT -> number = varint();
        case FIXED64 -> number = in.getLong();
        case FIXED32 -> number = in.getInt();
        case BYTES -> value = take(varint());
        default -> throw refused("a field of a protobuf message", "wire type " + wireType);
      }
      return true;
    } catch (BufferUnderflowException cut) {
      throw refused("the rest of field " + field, "the end of the message");
    }
  }

  int field() {
    return field;
  }

  int integer() {
    require(VARINT);
    return (int) number;
  }

  boolean flag() {
    require(VARINT);
    return number != 0;
  }

  float real() {
    require(FIXED32);
    return Float.intBitsToFloat((int) number);
  }

  String text() {
    return new String(bytes(), StandardCharsets.UTF_8);
  }

  byte[] bytes() {
    require(BYTES);
    byte[] bytes = new byte[value.remaining()];
    value.get(bytes);
    return bytes;
  }

  Protobuf message() {
    require(BYTES);
    return new Protobuf(file, value);
  }

  private ByteBuffer take(long length) {
    if (length < 0 || length > in.remaining()) {
      throw new BufferUnderflowException();
    }
    ByteBuffer taken = in.slice(in.position(), (int) length);
    in.position(in.position() + (int) length);
    return taken;
  }

  private long varint() {
    long result = 0;
    for (int i = 0; i < LONGEST_VARINT; i++) {
      byte octet = in.get();
      result |= (octet & 0x7fL) << (7 * i);
      if (octet >= 0) {
        return result;
      }
    }
    throw refused("a number of at most " + LONGEST_VARINT + " bytes", "a longer one");
  }

  private void require(int expected) {
    if (wireType != expected) {
      throw refused("wire type " + expected + " for field " + field, "wire type " + wireType);
    }
  }

  private CheckpointException refused(String expected, String found) {
    return new CheckpointException(file, "protobuf", expected, found);
  }
}

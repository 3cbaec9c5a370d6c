package org.genarm.checkpoint.convert;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.genarm.checkpoint.CheckpointException;

/**
 * The opcodes of pickle protocols 2 to 5 that {@code torch.save} writes, as a stack machine that builds data and runs
 * nothing: what a global, a call or a persistent id means is the {@link Host}'s to say, and to refuse.
 *
 * <p>Values are String, Long, Double, Boolean, {@link #NONE}, {@link Tuple}, List, Map and whatever the host makes. They
 * may contain each other in a circle, so nothing here walks, compares or prints one. Source: CPython's pickletools.
 */
final class PickleReader {
  /** Python's None. */
  static final Object NONE = new Object();

  /** A Python tuple. */
  record Tuple(List<Object> items) {}

  /** What a pickle may name and call. Throws {@link CheckpointException} for all that it does not allow. */
  interface Host {
    Object global(String module, String name);

    Object call(Object function, List<Object> arguments);

    Object persistent(Object id);
  }

  /** A tensor costs about 30 values: room for 60,000 of them, and an end for a file made to fill the heap. */
  private static final int MOST_VALUES = 2_000_000;

  private static final int MOST_MEMOS = 1_000_000;
  private static final int LONGEST_NAME = 256;
  private static final Object MARK = new Object();

  private final Path file;
  private final ByteBuffer in;
  private final Host host;
  private final List<Object> stack = new ArrayList<>();
  private final Map<Integer, Object> memo = new HashMap<>();
  private int opcodeAt;
  private int values;

  PickleReader(Path file, byte[] pickle, Host host) {
    this.file = file;
    this.host = host;
    in = ByteBuffer.wrap(pickle).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** The object that the pickle describes. */
  Object read() {
    try {
      while (true) {
        opcodeAt = in.position();
        int opcode = in.get() & 0xff;
        if (opcode == '.') {
          Object result = pop();
          require(stack.isEmpty(), "one value at STOP", stack.size() + 1 + " values");
          return result;
        }
        if (!constant(opcode) && !container(opcode) && !memo(opcode) && !object(opcode)) {
          throw refused("an opcode that torch.save writes for tensors", PickleOpcodes.name(opcode));
        }
      }
    } catch (BufferUnderflowException truncated) {
      throw refused("the rest of an opcode", "the end of the pickle at byte " + in.limit());
    }
  }

  private boolean constant(int opcode) {
    switch (opcode) {
      case 'N' -> push(NONE);
      case 0x88 -> push(Boolean.TRUE);
      case 0x89 -> push(Boolean.FALSE);
      case 'J' -> push((long) in.getInt());
      case 'K' -> push((long) (in.get() & 0xff));
      case 'M' -> push((long) (in.getShort() & 0xffff));
      case 0x8a -> push(longOf(in.get() & 0xff));
      case 'G' -> push(in.order(ByteOrder.BIG_ENDIAN).getDouble());
      case 'X' -> push(text(in.getInt() & 0xffffffffL));
      case 0x8c -> push(text(in.get() & 0xff));
      case 0x8d -> push(text(in.getLong()));
      default -> {
        return false;
      }
    }
    in.order(ByteOrder.LITTLE_ENDIAN);
    return true;
  }

  private boolean container(int opcode) {
    switch (opcode) {
      case '(' -> push(MARK);
      case ')' -> push(new Tuple(List.of()));
      case 0x85 -> push(new Tuple(popMany(1)));
      case 0x86 -> push(new Tuple(popMany(2)));
      case 0x87 -> push(new Tuple(popMany(3)));
      case 't' -> push(new Tuple(popToMark()));
      case ']' -> push(new ArrayList<>());
      case 'a' -> append(popMany(1));
      case 'e' -> append(popToMark());
      case '}' -> push(new LinkedHashMap<>());
      case 's' -> setItems(popMany(2));
      case 'u' -> setItems(popToMark());
      default -> {
        return false;
      }
    }
    return true;
  }

  private boolean memo(int opcode) {
    switch (opcode) {
      case 'q' -> memoize(in.get() & 0xff);
      case 'r' -> memoize(in.getInt());
      case 0x94 -> memoize(memo.size());
      case 'h' -> push(memoized(in.get() & 0xff));
      case 'j' -> push(memoized(in.getInt()));
      default -> {
        return false;
      }
    }
    return true;
  }

  private boolean object(int opcode) {
    switch (opcode) {
      case 0x80 -> {
        int protocol = in.get() & 0xff;
        require(protocol >= 2 && protocol <= 5, "a pickle of protocol 2 to 5", "protocol " + protocol);
      }
      case 0x95 -> in.getLong();
      case 'c' -> push(host.global(line(), line()));
      case 0x93 -> {
        List<Object> names = popMany(2);
        push(host.global(name(names.get(0)), name(names.get(1))));
      }
      case 'R' -> {
        List<Object> call = popMany(2);
        require(call.get(1) instanceof Tuple, "a tuple of arguments for REDUCE", "another value");
        push(host.call(call.get(0), ((Tuple) call.get(1)).items()));
      }
      case 'Q' -> push(host.persistent(pop()));
      case 'b' -> build();
      default -> {
        return false;
      }
    }
    return true;
  }

  /** Attributes of an OrderedDict ({@code _metadata} of a state_dict): of no use here. */
  private void build() {
    List<Object> pair = popMany(2);
    boolean attributes = pair.get(0) instanceof Map && pair.get(1) instanceof Map;
    require(attributes, "BUILD with the attributes of an OrderedDict", "BUILD of another object");
    push(pair.get(0));
  }

  @SuppressWarnings("unchecked")
  private void setItems(List<Object> items) {
    require(items.size() % 2 == 0, "keys with values", "a key without one");
    require(!stack.isEmpty() && top() instanceof Map, "a dictionary to fill", "another value");
    Map<Object, Object> map = (Map<Object, Object>) top();
    for (int i = 0; i < items.size(); i += 2) {
      Object key = items.get(i);
      require(key instanceof String || key instanceof Long, "a string or a number as key", "another value");
      map.put(key, items.get(i + 1));
    }
  }

  @SuppressWarnings("unchecked")
  private void append(List<Object> items) {
    require(!stack.isEmpty() && top() instanceof List, "a list to append to", "another value");
    ((List<Object>) top()).addAll(items);
  }

  private void memoize(int index) {
    require(index >= 0 && index < MOST_MEMOS, "a memo below " + MOST_MEMOS, Integer.toUnsignedString(index));
    require(!stack.isEmpty() && top() != MARK, "a value to memoize", "none");
    memo.put(index, top());
  }

  private Object memoized(int index) {
    Object value = memo.get(index);
    require(value != null, "a memo that was written", "memo " + Integer.toUnsignedString(index));
    return value;
  }

  private Object top() {
    return stack.get(stack.size() - 1);
  }

  private void push(Object value) {
    require(++values <= MOST_VALUES, "at most " + MOST_VALUES + " values", "more");
    stack.add(value);
  }

  private Object pop() {
    return popMany(1).get(0);
  }

  private List<Object> popMany(int count) {
    List<Object> tail = stack.subList(Math.max(0, stack.size() - count), stack.size());
    require(tail.size() == count && !tail.contains(MARK), count + " values on the stack", "fewer");
    return moved(tail);
  }

  private List<Object> popToMark() {
    int mark = stack.lastIndexOf(MARK);
    require(mark >= 0, "a MARK on the stack", "none");
    List<Object> items = moved(stack.subList(mark + 1, stack.size()));
    stack.remove(mark);
    return items;
  }

  private static List<Object> moved(List<Object> tail) {
    List<Object> items = new ArrayList<>(tail);
    tail.clear();
    return items;
  }

  private Long longOf(int bytes) {
    require(bytes <= Long.BYTES, "a number of at most 8 bytes", bytes + " bytes");
    long value = 0;
    for (int i = 0; i < bytes; i++) {
      long octet = i == bytes - 1 ? in.get() : in.get() & 0xff;
      value |= octet << (Byte.SIZE * i);
    }
    return value;
  }

  private String text(long length) {
    if (length < 0 || length > in.remaining()) {
      throw new BufferUnderflowException();
    }
    byte[] bytes = new byte[(int) length];
    in.get(bytes);
    return new String(bytes, StandardCharsets.UTF_8);
  }

  /** GLOBAL's argument: text up to a line feed. */
  private String line() {
    StringBuilder line = new StringBuilder();
    for (int c = in.get(); c != '\n'; c = in.get()) {
      require(line.length() < LONGEST_NAME, "a name of at most " + LONGEST_NAME + " characters", "a longer one");
      line.append((char) (c & 0xff));
    }
    return line.toString();
  }

  private String name(Object value) {
    require(value instanceof String, "a name for STACK_GLOBAL", "another value");
    return (String) value;
  }

  private void require(boolean holds, String expected, String found) {
    if (!holds) {
      throw refused(expected, found);
    }
  }

  private CheckpointException refused(String expected, String found) {
    return new CheckpointException(file, "data.pkl, byte " + opcodeAt, expected, found);
  }
}

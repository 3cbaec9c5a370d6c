package org.genarm.binding;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.genarm.binding.door.Genarm;
import org.genarm.binding.door.ga_engine;
import org.genarm.binding.door.ga_profile_event;

/** Reads the operations that an engine has kept. */
final class OperationEvents implements AutoCloseable {
  private static final List<String> NAMES = names();

  private static final int SIZE = Pointer.sizeof(ga_profile_event.class);
  private static final int ROWS = offset("rows");
  private static final int BEGIN = offset("begin_nanos");
  private static final int NANOS = offset("nanos");
  private static final int BYTES = offset("bytes");
  private static final int FIRST_BYTES = offset("first_bytes");
  private static final int FLOPS = offset("flops");

  private final ga_profile_event events;
  private final int capacity;
  /** The events as memory: a call for each field would be a part of what is measured. */
  private final ByteBuffer memory;
  private final int[] count = new int[1];
  private final long[] lost = new long[1];

  OperationEvents(int capacity) {
    this.capacity = capacity;
    events = new ga_profile_event(capacity);
    memory = new BytePointer(events).capacity((long) capacity * SIZE).asByteBuffer().order(ByteOrder.nativeOrder());
  }

  private static int offset(String field) {
    return Pointer.offsetof(ga_profile_event.class, field);
  }

  private static List<String> names() {
    List<String> names = new ArrayList<>();
    for (BytePointer name = Genarm.ga_operation_name(0); name != null; name = Genarm.ga_operation_name(names.size())) {
      names.add(NativeLibrary.text(name));
    }
    return List.copyOf(names);
  }

  List<ProfiledOperation> take(ga_engine engine) {
    NativeLibrary.check(Genarm.ga_engine_profile_events(engine, events, capacity, count, lost));
    List<ProfiledOperation> operations = new ArrayList<>(count[0]);
    for (int i = 0; i < count[0]; i++) {
      int at = i * SIZE;
      operations.add(new ProfiledOperation(NAMES.get(memory.getInt(at)), memory.getInt(at + ROWS),
          memory.getLong(at + BEGIN), memory.getLong(at + NANOS), memory.getLong(at + BYTES),
          memory.getLong(at + FIRST_BYTES), memory.getLong(at + FLOPS)));
    }
    return operations;
  }

  @Override
  public void close() {
    events.close();
  }
}

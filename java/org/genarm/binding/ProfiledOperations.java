package org.genarm.binding;

import java.nio.ByteBuffer;
import java.util.AbstractList;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.RandomAccess;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.genarm.binding.door.Genarm;
import org.genarm.binding.door.ga_profile_event;

/** The operations of one step in order, unchangeable. Each is made when it is asked for, not while the engine runs. */
public final class ProfiledOperations extends AbstractList<ProfiledOperation> implements RandomAccess {
  static final int SIZE = Pointer.sizeof(ga_profile_event.class);

  private static final List<String> NAMES = names();
  private static final int OPERATION = offset("operation");
  private static final int ROWS = offset("rows");
  private static final int BEGIN = offset("begin_nanos");
  private static final int NANOS = offset("nanos");
  private static final int BYTES = offset("bytes");
  private static final int FIRST_BYTES = offset("first_bytes");
  private static final int FLOPS = offset("flops");

  private final ByteBuffer events;

  /** events: [size] ga_profile_event in native byte order, from here on this list's. */
  ProfiledOperations(ByteBuffer events) {
    this.events = events;
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

  @Override
  public int size() {
    return events.capacity() / SIZE;
  }

  @Override
  public ProfiledOperation get(int index) {
    int at = Objects.checkIndex(index, size()) * SIZE;
    return new ProfiledOperation(NAMES.get(events.getInt(at + OPERATION)), events.getInt(at + ROWS),
        events.getLong(at + BEGIN), events.getLong(at + NANOS), events.getLong(at + BYTES),
        events.getLong(at + FIRST_BYTES), events.getLong(at + FLOPS));
  }

  /** Nanoseconds within all of them. */
  public long nanos() {
    long nanos = 0;
    for (int at = NANOS; at < events.capacity(); at += SIZE) {
      nanos += events.getLong(at);
    }
    return nanos;
  }
}

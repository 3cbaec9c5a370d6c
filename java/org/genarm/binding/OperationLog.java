package org.genarm.binding;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.Pointer;
import org.genarm.binding.door.ga_profile_log;

/** The operations of an engine's last step, in the engine's own memory. */
final class OperationLog {
  private static final int COUNT = Pointer.offsetof(ga_profile_log.class, "num_events") / Integer.BYTES;

  private final IntBuffer counts;
  private final ByteBuffer events;

  /** capacity: operations that the engine keeps. */
  OperationLog(ga_profile_log log, int capacity) {
    counts = new IntPointer(log).capacity(COUNT + 1).asBuffer();
    events = new BytePointer(log.events()).capacity((long) capacity * ProfiledOperations.SIZE).asByteBuffer();
  }

  /** A copy, of bytes alone: the engine waits for it. */
  ProfiledOperations operations() {
    byte[] copy = new byte[counts.get(COUNT) * ProfiledOperations.SIZE];
    events.get(0, copy);
    return new ProfiledOperations(ByteBuffer.wrap(copy).order(ByteOrder.nativeOrder()));
  }
}

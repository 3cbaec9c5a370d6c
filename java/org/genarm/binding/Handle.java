package org.genarm.binding;

import java.util.Arrays;
import java.util.function.Consumer;
import org.bytedeco.javacpp.Pointer;

/**
 * A native object and everything built on it: it is released when its owner has closed it and nothing that was built on
 * it is open any more, so that no order of closing leaves a dangling pointer behind the door.
 */
final class Handle<P extends Pointer> {
  private final String noun;
  private final P pointer;
  private final Consumer<P> release;
  private Handle<?>[] foundations;
  private int users = 1;
  private boolean closed;

  /** Takes over {@code pointer}; {@code foundations} stay allocated as long as it does. */
  Handle(String noun, P pointer, Consumer<P> release, Handle<?>... foundations) {
    this.noun = noun;
    this.pointer = pointer;
    this.release = release;
    this.foundations = foundations;
    for (Handle<?> foundation : foundations) {
      foundation.users++;
    }
  }

  P pointer() {
    if (closed) {
      throw new IllegalStateException(noun + " is closed");
    }
    return pointer;
  }

  /** Keeps {@code foundation} allocated as long as this is. */
  void buildOn(Handle<?> foundation) {
    foundations = Arrays.copyOf(foundations, foundations.length + 1);
    foundations[foundations.length - 1] = foundation;
    foundation.users++;
  }

  void close() {
    if (!closed) {
      closed = true;
      leave();
    }
  }

  private void leave() {
    if (--users == 0) {
      release.accept(pointer);
      for (Handle<?> foundation : foundations) {
        foundation.leave();
      }
    }
  }
}

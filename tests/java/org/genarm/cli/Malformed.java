package org.genarm.cli;

import org.genarm.model.ModelFixture;

/**
 * A way to spoil a good checkpoint and the one line that refuses it, DIR standing for the directory.
 *
 * @param what the case's name
 */
record Malformed(String what, ModelFixture.Spoiler spoiler, String message) {
  static Malformed row(String what, ModelFixture.Spoiler spoiler, String message) {
    return new Malformed(what, spoiler, message);
  }

  @Override
  public String toString() {
    return what;
  }
}

package org.genarm.tokenizer.jinja;

import java.util.List;

/**
 * What Python iterates without it being a list: a range, the items of a dict, or the result of {@code map} and its like.
 * A generator can be walked once; Python would find it empty the second time, here that is an error.
 */
final class View {
  enum Kind {
    RANGE,
    DICT,
    GENERATOR
  }

  private final Kind kind;
  private final List<Object> items;
  private boolean walked;

  View(Kind kind, List<Object> items) {
    this.kind = kind;
    this.items = items;
  }

  Kind kind() {
    return kind;
  }

  List<Object> items() {
    if (kind == Kind.GENERATOR && walked) {
      throw new TemplateException("a generator is walked twice: turn it into a list first");
    }
    walked = true;
    return items;
  }

  /** The number of items, without walking them; generators have none in Python. */
  int size() {
    if (kind == Kind.GENERATOR) {
      throw new TemplateException("object of type 'generator' has no len()");
    }
    return items.size();
  }
}

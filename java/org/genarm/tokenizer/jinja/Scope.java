package org.genarm.tokenizer.jinja;

import java.util.HashMap;
import java.util.Map;

/** Names and their values, innermost first: a loop's iteration or a macro's call opens one, an {@code if} does not. */
final class Scope {
  private final Scope outer;
  private final Budget budget;
  private final Map<String, Object> names = new HashMap<>();

  Scope(Map<String, Object> variables, Budget budget) {
    this.outer = null;
    this.budget = budget;
    names.putAll(variables);
  }

  private Scope(Scope outer) {
    this.outer = outer;
    this.budget = outer.budget;
  }

  Scope inner() {
    return new Scope(this);
  }

  Budget budget() {
    return budget;
  }

  void set(String name, Object value) {
    names.put(name, value);
  }

  Object get(String name) {
    for (Scope scope = this; scope != null; scope = scope.outer) {
      if (scope.names.containsKey(name)) {
        return scope.names.get(name);
      }
    }
    return new Undefined("'" + name + "' is undefined");
  }
}

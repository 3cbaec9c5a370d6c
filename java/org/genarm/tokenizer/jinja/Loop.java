package org.genarm.tokenizer.jinja;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The {@code for} statement and the {@code loop} its body sees. */
record Loop(Target target, Expression items, Expression filter, Statement body, Statement otherwise)
    implements Statement {
  @Override
  public Flow run(Scope scope, StringBuilder out) {
    List<Object> kept = Values.items(items.value(scope));
    if (filter != null) {
      kept = kept.stream().filter(item -> {
        Scope inner = scope.inner();
        target.assign(inner, item);
        return Values.truth(filter.value(inner));
      }).toList();
    }
    for (int i = 0; i < kept.size(); i++) {
      Scope inner = scope.inner();
      target.assign(inner, kept.get(i));
      inner.set("loop", state(kept, i));
      scope.budget().step();
      if (body.run(inner, out) == Flow.BREAK) {
        break;
      }
    }
    return kept.isEmpty() ? otherwise.run(scope.inner(), out) : Flow.NEXT;
  }

  private Namespace state(List<Object> items, int i) {
    int size = items.size();
    Map<String, Object> state = new HashMap<>();
    state.put("index", i + 1L);
    state.put("index0", (long) i);
    state.put("revindex", (long) size - i);
    state.put("revindex0", size - i - 1L);
    state.put("first", i == 0);
    state.put("last", i == size - 1);
    state.put("length", (long) size);
    state.put("depth", 1L);
    state.put("depth0", 0L);
    state.put("previtem", i > 0 ? items.get(i - 1) : new Undefined("there is no previous item"));
    state.put("nextitem", i < size - 1 ? items.get(i + 1) : new Undefined("there is no next item"));
    state.put("cycle", (Callable) (a, scope) -> {
      if (a.positional().isEmpty()) {
        throw new TemplateException("no items for cycling given");
      }
      return a.positional().get(i % a.positional().size());
    });
    state.put("changed", (Callable) (a, scope) -> {
      throw new TemplateException("loop.changed is not supported");
    });
    return new Namespace(state);
  }
}

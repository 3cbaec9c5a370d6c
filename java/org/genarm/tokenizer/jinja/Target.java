package org.genarm.tokenizer.jinja;

import java.util.List;

/** The left side of an assignment: a name, a namespace's field, or several of them. */
@FunctionalInterface
interface Target {
  void assign(Scope scope, Object value);

  static Target name(String name) {
    return (scope, value) -> scope.set(name, value);
  }

  static Target field(String name, String field) {
    return (scope, value) -> {
      if (!(scope.get(name) instanceof Namespace namespace)) {
        throw new TemplateException("cannot assign attribute on non-namespace object '%s'", name);
      }
      namespace.fields().put(field, value);
    };
  }

  static Target each(List<Target> targets) {
    return (scope, value) -> {
      List<Object> items = Values.items(value);
      if (items.size() != targets.size()) {
        throw new TemplateException("expected %d values to unpack, got %d", targets.size(), items.size());
      }
      for (int i = 0; i < items.size(); i++) {
        targets.get(i).assign(scope, items.get(i));
      }
    };
  }
}

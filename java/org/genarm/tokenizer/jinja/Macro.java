package org.genarm.tokenizer.jinja;

import java.util.List;

/** {@code {% macro %}}: called with text as its result. Its body sees the names around its definition. */
record Macro(String name, List<String> parameters, List<Expression> defaults, Statement body, Scope around)
    implements Callable {
  @Override
  public Object call(Arguments a, Scope caller) {
    a.only(name, parameters.toArray(String[]::new));
    Budget budget = caller.budget();
    budget.enter();
    Scope scope = around.inner();
    int required = parameters.size() - defaults.size();
    for (int i = 0; i < parameters.size(); i++) {
      String parameter = parameters.get(i);
      Object value = a.has(i, parameter) ? a.get(i, parameter)
          : i >= required ? defaults.get(i - required).value(scope)
          : new Undefined("parameter '" + parameter + "' was not provided");
      scope.set(parameter, value);
    }
    StringBuilder out = new StringBuilder();
    body.run(scope, out);
    budget.leave();
    return out.toString();
  }
}

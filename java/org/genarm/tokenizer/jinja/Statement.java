package org.genarm.tokenizer.jinja;

import java.util.List;

/** A parsed statement: writes to {@code out} and says how the statements after it go on. */
@FunctionalInterface
interface Statement {
  enum Flow {
    NEXT,
    CONTINUE,
    BREAK
  }

  Flow run(Scope scope, StringBuilder out);

  /** Runs statements in order until one leaves its loop. */
  static Statement sequence(List<Statement> statements) {
    Statement[] body = statements.toArray(Statement[]::new);
    return (scope, out) -> {
      for (Statement statement : body) {
        scope.budget().step();
        Flow flow = statement.run(scope, out);
        if (flow != Flow.NEXT) {
          return flow;
        }
      }
      return Flow.NEXT;
    };
  }
}

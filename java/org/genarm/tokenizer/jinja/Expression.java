package org.genarm.tokenizer.jinja;

/** A parsed expression: its value in a scope. */
@FunctionalInterface
interface Expression {
  Object value(Scope scope);
}

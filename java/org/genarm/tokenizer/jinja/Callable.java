package org.genarm.tokenizer.jinja;

/** A function, a bound method or a macro. */
@FunctionalInterface
interface Callable {
  Object call(Arguments arguments, Scope scope);
}

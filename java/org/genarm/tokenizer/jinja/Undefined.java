package org.genarm.tokenizer.jinja;

/** A name or attribute that is not there: prints as nothing, is false and empty; every other use is an error. */
record Undefined(String what) {
  TemplateException used() {
    return new TemplateException(what);
  }
}

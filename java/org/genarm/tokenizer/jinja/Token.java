package org.genarm.tokenizer.jinja;

/**
 * A piece of a template: literal text, the bounds of a tag, or a word inside one.
 *
 * @param text the literal text, the name, the operator, or a string's value
 * @param line where it stands, from 1
 */
record Token(Kind kind, String text, int line) {
  enum Kind {
    DATA,
    PRINT_BEGIN,
    PRINT_END,
    BLOCK_BEGIN,
    BLOCK_END,
    NAME,
    STRING,
    INTEGER,
    FLOAT,
    OPERATOR,
    END
  }

  boolean is(Kind other, String word) {
    return kind == other && text.equals(word);
  }
}

/**
 * Jinja as chat templates use it: the language of jinja2 3.1 with {@code trim_blocks}, {@code lstrip_blocks} and loop
 * controls, the values of Python, and the functions transformers adds.
 *
 * <p>The law: a template renders exactly as Python renders it, or it is refused with a {@link
 * org.genarm.tokenizer.jinja.TemplateException}. Whatever is not known (a tag, a filter, a method) is an error, never an
 * empty string. The text of a message is a value: it is never read as a template.
 *
 * <p>Imports nothing but the JDK. A {@link org.genarm.tokenizer.jinja.Template} is immutable; any thread may render it.
 */
package org.genarm.tokenizer.jinja;

/**
 * The facade: open models, ask for text or tokens, read them as they come.
 *
 * <p>Joins {@code tokenizer} and {@code engine}: prompts become each view's token ids here, tokens become text, stop
 * strings end it. Holds no thread of its own; everything here is called from the caller's threads.
 */
package org.genarm;

/**
 * Text and token ids: Hugging Face tokenizers, chat and prompt templates, text as tokens arrive, stop strings.
 *
 * <p>Knows files and text, no model and no engine; imports no other room. A {@link org.genarm.tokenizer.Tokenizer}, a {@link
 * org.genarm.tokenizer.ChatTemplate} and a {@link org.genarm.tokenizer.PromptTemplate} may be used by any thread; a {@link
 * org.genarm.tokenizer.StreamDecoder} and {@link org.genarm.tokenizer.StopStrings} belong to one sequence.
 */
package org.genarm.tokenizer;

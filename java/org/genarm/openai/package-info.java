/**
 * OpenAI's protocol, without HTTP: completions, chat, models and errors as JSON, and guidance as their extension. A body
 * becomes a {@link org.genarm.openai.Job}, and what it generates becomes an answer or its chunks.
 *
 * <p>Knows OpenAI's JSON and the facade; the server and batches of files share it. Used from any thread.
 */
package org.genarm.openai;

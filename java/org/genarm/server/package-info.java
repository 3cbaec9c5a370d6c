/**
 * The HTTP server: OpenAI's completions and chat, live guidance, health, metrics and a page to play with.
 *
 * <p>Knows HTTP; what a body means and how an answer is written is {@link org.genarm.openai}'s. Three kinds of threads: the event loop
 * owns connections, reads bodies and writes bytes; parsers turn bodies into requests (JSON, templates, tokens); writers
 * turn tokens into text and JSON. A generation runs on the engine's thread, never here. A run's writer has at most one
 * write under way, so a slow reader holds up nothing but itself.
 */
package org.genarm.server;

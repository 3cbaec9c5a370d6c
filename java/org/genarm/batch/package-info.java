/**
 * Many requests from a file or a data set: OpenAI's batch lines in, their answers out, in the same order.
 *
 * <p>Knows lines, files and how much may be under way; what a request means is {@link org.genarm.openai}'s. An answer
 * depends on its line and the models alone: it has no clock, its ids come from {@code custom_id}, and so does its seed
 * where the line has none. That is why a run that was cut off can go on, here or on another machine. One thread reads,
 * submits and writes; the engine has its own.
 */
package org.genarm.batch;

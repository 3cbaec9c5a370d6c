/**
 * Requests in, tokens out: who runs in a step, how many rows, on which KV pages.
 *
 * <p>One engine thread owns everything here that is not public, and it alone calls {@code binding}. Other threads
 * hand a {@link org.genarm.engine.TokenRequest} to {@link org.genarm.engine.Engine#submit} and read the
 * {@link org.genarm.engine.Submission} that comes back; they meet the engine thread in the inbox and in the
 * submission, nowhere else. Imports {@code guidance}, {@code model}, {@code binding}; knows token ids and no text.
 */
package org.genarm.engine;

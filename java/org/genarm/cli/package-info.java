/**
 * The command line: verbs, their options and what they print. Results go to standard output, everything else to standard
 * error; an error is one line and an exit code.
 *
 * <p>Knows people's words (flags, files, terminals) and turns them into calls of the rooms below; nothing imports it.
 * Runs on the main thread.
 */
package org.genarm.cli;

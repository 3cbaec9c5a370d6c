/**
 * Training reward models: preference pairs, the loop over them, its log, state and output.
 *
 * <p>Knows files of pairs, schedules and what a run leaves behind; forward, backward and AdamW are native, behind {@code
 * binding}. Imports the facade and below. A run belongs to the thread that runs it.
 */
package org.genarm.train;

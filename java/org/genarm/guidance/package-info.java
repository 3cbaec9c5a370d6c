/**
 * What guides a generation: the views (base and reward models), a weight for each reward model, and how a token is
 * drawn. Values only, used from any thread.
 *
 * <p>Imports {@code model} and what it stands on. Knows nothing of steps, text or files.
 */
package org.genarm.guidance;

/**
 * What GPUs the machine has, as their driver tells it: names, memory, versions. Knows nothing of ours.
 *
 * <p>The room's other half, {@code cuda}, speaks to the driver through the JavaCPP CUDA presets. It is found by a
 * {@link java.util.ServiceLoader} and by nothing else, so that on a machine without a GPU, or without the presets on
 * its class path, no class of theirs is ever loaded. Any thread may ask.
 */
package org.genarm.device;

/** Speaks to NVIDIA's driver through the JavaCPP CUDA presets. Nothing of ours imports this: see {@code device}. */
package org.genarm.device.cuda;

/**
 * Files of a checkpoint: safetensors (read mapped, written whole), shards and their index, JSON beside them.
 *
 * <p>Knows names, types, shapes and offsets and believes none of them before they are checked; does not know what a model
 * needs. Whatever is wrong is a {@link org.genarm.checkpoint.CheckpointException} that names the file and the tensor.
 * Imports {@code binding} alone. Used by the thread that loads.
 */
package org.genarm.checkpoint;

/**
 * A checkpoint as a model: {@code config.json} read as transformers 4 and 5 write it, the tensors it asks for, rotary
 * frequencies, and the weight set on a device.
 *
 * <p>Knows Llama, Mistral, Qwen2 and Qwen3 as rows of switches ({@link org.genarm.model.Family}) and refuses everything
 * else by name. Does not know tokens' text, lanes or guidance. Imports {@code checkpoint} and {@code binding}. Used by
 * the thread that loads; a loaded model belongs to whoever asked for it.
 */
package org.genarm.model;

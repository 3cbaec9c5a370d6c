/**
 * Checkpoints in the formats of others, rewritten as what {@code checkpoint} reads: PyTorch's pickled .bin files become
 * safetensors, a SentencePiece model of the Llama family becomes {@code tokenizer.json}.
 *
 * <p>Nothing in a file is ever executed: a pickle may name the few types and functions that {@code torch.save} writes for
 * tensors, and these are data here. Everything else is refused with the file, the place and the name. Tensors are streamed:
 * the heap holds names and shapes. Imports {@code checkpoint} alone. Used by the thread that converts.
 */
package org.genarm.checkpoint.convert;

// The models of the GPU benches.
#pragma once

#include "genarm.h"

namespace genarm::cuda {

inline ga_model_config shape_of(int layers, int hidden, int inner, int heads, int kv_heads, int head_dim, int vocab,
                                bool tied) {
  ga_model_config c = {};
  c.struct_size = sizeof c;
  c.num_layers = layers;
  c.hidden_size = hidden;
  c.intermediate_size = inner;
  c.num_heads = heads;
  c.num_kv_heads = kv_heads;
  c.head_dim = head_dim;
  c.vocab_size = vocab;
  c.max_positions = 4096;
  c.tie_embeddings = tied;
  c.rms_norm_eps = 1e-5f;
  c.rope_attention_factor = 1;
  return c;
}

inline const ga_model_config kLlama1B = shape_of(16, 2048, 8192, 32, 8, 64, 128256, true);
inline const ga_model_config kLlama7B = shape_of(32, 4096, 11008, 32, 32, 128, 32000, false);
inline const ga_model_config kLlama8B = shape_of(32, 4096, 14336, 32, 8, 128, 128256, false);
inline const ga_model_config kLlama13B = shape_of(40, 5120, 13824, 40, 40, 128, 32000, false);
inline const ga_model_config kLlama70B = shape_of(80, 8192, 28672, 64, 8, 128, 32000, false);
inline const ga_model_config kSmoke = shape_of(2, 64, 96, 4, 2, 16, 200, true);

}  // namespace genarm::cuda

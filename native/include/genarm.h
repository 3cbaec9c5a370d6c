/*
 * GenARM: guided generation from a base language model and autoregressive reward models (arXiv 2410.08193).
 *
 * This is the door between a host (the JVM through JavaCPP, or any program) and the native engine; genarm_train.h
 * is its part for training.
 *
 *   device   a CPU or a GPU that computes
 *   file     a mapped checkpoint file
 *   weights  a weight set: one checkpoint's tensors, resident on a device
 *   adapter  low-rank updates (LoRA, PBLoRA) of a weight set
 *   engine   the guided step over any number of views; a view is a weight set (with an adapter or none)
 *
 * Every function returns a status; on anything but GA_OK, ga_last_error() says what was expected and what was
 * found, outputs are unwritten and every handle stays usable. No function prints, exits or aborts. A device and
 * what was made from it are used by one thread at a time; ga_last_error() is the calling thread's own. Strings are UTF-8.
 */
#ifndef GENARM_H
#define GENARM_H

#include <stdint.h>

#define GA_ABI_VERSION 1

#ifdef __cplusplus
#define GA_API extern "C" __attribute__((visibility("default")))
#else
#define GA_API __attribute__((visibility("default")))
#endif

typedef enum ga_status {
  GA_OK = 0,
  GA_INVALID_ARGUMENT = 1,
  GA_OUT_OF_MEMORY = 2,
  GA_UNSUPPORTED = 3,
  GA_DEVICE_ERROR = 4,
  GA_FILE_ERROR = 5,
  GA_NOT_FINITE = 6 /**< training diverged: a loss or a gradient is not finite */
} ga_status;

/** How a tensor's numbers are stored. INT8 and INT4 are symmetric in groups of 32 with an f16 scale. */
typedef enum ga_dtype {
  GA_F32 = 0,
  GA_F16 = 1,
  GA_BF16 = 2,
  GA_INT8 = 3,
  GA_INT4 = 4
} ga_dtype;

/** What ga_engine_step keeps of a sequence beside its token (flags of ga_step). */
#define GA_KEEP_LAW 1        /**< the law's log-probabilities, for ga_engine_law */
#define GA_KEEP_COMPONENTS 2 /**< each term's own log-softmax at temperature 1, for ga_engine_component */
#define GA_KEEP_LOGITS 4     /**< the terms' sum as it is, for ga_engine_logits; temperature 1, nothing cut off */

/** The most steps that an engine may have in flight. */
#define GA_MAX_IN_FLIGHT 8

typedef struct ga_device ga_device;
typedef struct ga_file ga_file;
typedef struct ga_weights ga_weights;
typedef struct ga_adapter ga_adapter;
typedef struct ga_engine ga_engine;

/** GA_ABI_VERSION of the library that answers. */
GA_API int32_t ga_abi_version(void);

/** What the last failing call on this thread said; "" after none. Valid until the thread's next call. */
GA_API const char* ga_last_error(void);

/* ---------------------------------------------------------------- device */

/**
 * Opens a device by name: "cpu", "cpu:0-3,6" to keep each thread on one of these CPUs, or "cuda" / "cuda:N" where this
 * library was built with it.
 * num_threads: threads that compute on a CPU, the caller's among them; 0 takes one for each core, or for each CPU named.
 * GA_DEVICE_ERROR where there is no such device.
 */
GA_API ga_status ga_device_open(const char* name, int32_t num_threads, ga_device** out);
GA_API void ga_device_close(ga_device* device);

/**
 * Keeps the calling thread, which is to run the steps, on the first of the CPUs that the device was opened with; does
 * nothing where none were named.
 */
GA_API ga_status ga_device_pin_thread(const ga_device* device);

/** One line for people: "cpu, AVX-512 with BF16, 2 threads". Valid while the device is open. */
GA_API const char* ga_device_description(const ga_device* device);

/** How many CUDA devices ga_device_open may find; where it is 0, ga_last_error() says why in a sentence. */
GA_API int32_t ga_cuda_count(void);

/** The device's memory in bytes: what is free now, and all of it. On a CPU the machine's. */
GA_API ga_status ga_device_memory(ga_device* device, int64_t* free_bytes, int64_t* total_bytes);

/* ------------------------------------------------------------------ file */

/** Maps a file for reading; `path` names it in every later message. GA_FILE_ERROR with the system's reason. */
GA_API ga_status ga_file_open(const char* path, ga_file** out);
GA_API void ga_file_close(ga_file* file);

/** Size in bytes. */
GA_API int64_t ga_file_size(const ga_file* file);

/** Copies `bytes` bytes from `offset` to `out`. GA_INVALID_ARGUMENT where they do not lie in the file. */
GA_API ga_status ga_file_read(const ga_file* file, int64_t offset, int64_t bytes, void* out);

/* --------------------------------------------------------------- weights */

/** The shape of a decoder-only transformer (Llama, Mistral, Qwen2, Qwen3): a family is a row of switches. */
typedef struct ga_model_config {
  int32_t struct_size; /**< sizeof(ga_model_config) */
  int32_t num_layers;
  int32_t hidden_size;
  int32_t intermediate_size;
  int32_t num_heads;
  int32_t num_kv_heads; /**< divides num_heads */
  int32_t head_dim;     /**< even */
  int32_t vocab_size;
  int32_t max_positions;
  int32_t qkv_bias;        /**< 0 or 1: q_proj, k_proj, v_proj have a bias */
  int32_t o_bias;          /**< 0 or 1: o_proj has a bias */
  int32_t mlp_bias;        /**< 0 or 1: gate_proj, up_proj, down_proj have a bias */
  int32_t qk_norm;         /**< 0 or 1: RMSNorm over each head of q and k before the rotation */
  int32_t tie_embeddings;  /**< 0 or 1: the LM head is the embedding table */
  int32_t num_labels;      /**< above 0: lm_head.weight is a score head of so many rows; 0: it has vocab_size */
  float rms_norm_eps;
  float rope_attention_factor; /**< multiplies cos and sin (yarn); 1 otherwise */
} ga_model_config;

/**
 * An empty weight set of this shape.
 * inv_freq: [head_dim / 2] f32, rotary frequencies after any scaling.
 * windows: [num_layers] i32, 0 for full attention, else position t sees positions (t - window, t].
 * dtype: how matrices are kept (a ga_dtype), or -1 to keep each as stored. GA_INT8 and GA_INT4 round as Q8_0 and Q4_0
 * do; GA_INT4 keeps the embedding and the LM head as GA_INT8. GPTQ layers stay as they are.
 */
GA_API ga_status ga_weights_create(ga_device* device, const ga_model_config* config, const float* inv_freq,
                                   const int32_t* windows, int32_t dtype, ga_weights** out);
GA_API void ga_weights_close(ga_weights* weights);

/**
 * Reads one tensor from a mapped file and packs it for the kernel that reads it.
 * name: Hugging Face's, as "model.layers.0.self_attn.q_proj.weight". dtype: GA_F32, GA_F16 or GA_BF16.
 * GA_INVALID_ARGUMENT for a name or shape that the configuration does not have, for a tensor given twice, or for
 * bytes outside the file.
 */
GA_API ga_status ga_weights_load(ga_weights* weights, const char* name, int32_t dtype, const int64_t* shape,
                                 int32_t rank, const ga_file* file, int64_t offset, int64_t bytes);

/** Bytes of a mapped file. */
typedef struct ga_range {
  const ga_file* file;
  int64_t offset;
  int64_t bytes;
} ga_range;

/**
 * A linear layer [rows, columns] as 4-bit GPTQ stores it: with g = g_idx[i],
 *   W[o, i] = scales[g, o] * (q[i, o] - (zeros[g, o] + zero_offset) mod 16)
 * Integers are little-endian words of eight numbers, the first in the lowest four bits.
 */
typedef struct ga_gptq {
  int32_t struct_size; /**< sizeof(ga_gptq) */
  int32_t group_size;  /**< columns that share a scale, -1 for all */
  int32_t zero_offset; /**< 1 for the first format, which stores zeros less one; 0 for "gptq_v2" */
  ga_range qweight;    /**< [columns / 8, rows] i32 */
  ga_range qzeros;     /**< [groups, rows / 8] i32, groups = ceil(columns / group_size) */
  ga_range scales;     /**< [groups, rows] f16 */
  ga_range g_idx;      /**< [columns] i32, or a null file: i / group_size */
} ga_gptq;

/**
 * Packs one GPTQ layer from mapped files, without loss, in place of its ".weight".
 * module: Hugging Face's, as "model.layers.0.self_attn.q_proj".
 * GA_INVALID_ARGUMENT for a module that the configuration does not have or whose weight was given, and names the
 * tensor whose bytes do not fit, do not lie in the file, or are not possible.
 */
GA_API ga_status ga_weights_load_gptq(ga_weights* weights, const char* module, const ga_gptq* gptq);

/** Checks that every tensor was given: GA_INVALID_ARGUMENT names the first that is missing. */
GA_API ga_status ga_weights_finish(ga_weights* weights);

/** Bytes resident on the device. */
GA_API int64_t ga_weights_bytes(const ga_weights* weights);

/* --------------------------------------------------------------- adapter */

/**
 * An empty adapter over a weight set: y += scale * B (C (A x)) in its linear layers, for the rows of its view alone.
 * num_objectives: 0 for LoRA (C is the identity); for PBLoRA (PARM) the length of the preference vector p, with
 * C = blockdiag(W1, sum over k of p[k] W2[k]).
 */
GA_API ga_status ga_adapter_create(ga_weights* weights, int32_t num_objectives, ga_adapter** out);
GA_API void ga_adapter_close(ga_adapter* adapter);

/**
 * Reads one part of the update of `module` ("model.layers.0.self_attn.q_proj", ..., "lm_head") from a mapped file:
 * "A" [rank, in], "B" [out, rank], "W1" [r1, r1], "W2" [num_objectives, r2 * r2] with r1 + r2 = rank.
 * GA_INVALID_ARGUMENT names the module, the part and what was expected.
 */
GA_API ga_status ga_adapter_load(ga_adapter* adapter, const char* module, const char* part, int32_t dtype,
                                 const int64_t* shape, int32_t rank, const ga_file* file, int64_t offset,
                                 int64_t bytes);

/** Sets the scale of a module (LoRA: alpha / r, or alpha / sqrt(r) for rsLoRA; PBLoRA: alpha / r2). */
GA_API ga_status ga_adapter_scale(ga_adapter* adapter, const char* module, float scale);

/** Checks that every module that was touched is whole: GA_INVALID_ARGUMENT names the first that is not. */
GA_API ga_status ga_adapter_finish(ga_adapter* adapter);

/** Bytes resident on the device. */
GA_API int64_t ga_adapter_bytes(const ga_adapter* adapter);

/* ---------------------------------------------------------------- engine */

/** Limits of an engine: its arenas are sized from them once, and nothing is allocated while it generates. */
typedef struct ga_engine_config {
  int32_t struct_size;    /**< sizeof(ga_engine_config) */
  int32_t vocab_size;     /**< tokens that may be drawn: logits are cut to this many */
  int32_t max_model_len;  /**< positions of the longest lane */
  int32_t max_rows;       /**< rows of one step, over all lanes */
  int32_t max_lanes;      /**< lanes in one step */
  int32_t max_sequences;  /**< sequences that draw a token in one step */
  int32_t max_terms;      /**< terms of those sequences together */
  int32_t max_components; /**< terms whose own law is kept in one step (GA_KEEP_COMPONENTS); 0 keeps none */
  int32_t max_biases;     /**< biases of those sequences together; 0 where none has any */
  int32_t page_size;      /**< positions in a KV page: a multiple of 16 */
  int32_t max_objectives; /**< longest preference vector of an adapter; 0 where none has one */
  int32_t activations;    /**< precision of matrix inputs: GA_F32, or GA_BF16 or GA_INT8 where the device has it */
  int32_t max_in_flight;  /**< steps submitted before the first of them is collected, up to GA_MAX_IN_FLIGHT; 0 as 1 */
} ga_engine_config;

/**
 * An engine without views. Add views, then call ga_engine_start. Over score heads, vocab_size counts labels.
 * Handles may be closed in any order: an engine keeps what it was made from.
 */
GA_API ga_status ga_engine_create(ga_device* device, const ga_engine_config* config, ga_engine** out);
GA_API void ga_engine_close(ga_engine* engine);

/**
 * Adds a view; views are numbered 0, 1, ... in the order in which they are added. Views over the same weight set
 * must be added one after the other and share one pool of num_pages KV pages, given by the first of them.
 */
GA_API ga_status ga_engine_add_view(ga_engine* engine, ga_weights* weights, int32_t num_pages);

/** ga_engine_add_view for a weight set with an adapter. */
GA_API ga_status ga_engine_add_adapter_view(ga_engine* engine, ga_weights* weights, ga_adapter* adapter,
                                            int32_t num_pages);

/** Allocates everything. No view can be added afterwards. */
GA_API ga_status ga_engine_start(ga_engine* engine);

/**
 * What one step computes: flat arrays in host memory that belong to the engine, sized by its limits, written by
 * the host before each ga_engine_step or ga_engine_submit. The pointers never change after ga_engine_start.
 *
 * Lanes are ordered by view. The rows of lane l are consecutive: lane_rows[l] tokens at positions
 * lane_position[l], lane_position[l] + 1, ...; lane l + 1's rows follow. A row's keys and values are written to
 * page lane_pages[l * max_pages_per_lane + position / page_size] of its weight set's pool, and it attends to every earlier
 * position of its lane: computed in an earlier step, or in this one, by this lane or by another that shares the page.
 * A token id of -1 - s stands for the token that sequence s of the step submitted before draws: the device reads it where
 * it lies, so the host need not have it. Where that law was not finite the row is of token 0, and nobody's.
 *
 * Sequence s has the next sequence_terms[s] terms. A term is a row and a weight: its model's logits at that row
 * count weight times. The base is the first term, at weight 1 where it is guided. The law of the sequence's next token is
 *   softmax(min-p(top-p(top-k((sum of weight * logits + bias) / temperature))))
 * and sampled[s] is drawn from it with noise that depends on seed, choice, position and token alone. It has the next
 * sequence_biases[s] biases, each of one token; every other token's bias is 0.
 */
typedef struct ga_step {
  int32_t max_pages_per_lane;
  int32_t num_lanes;
  int32_t num_sequences;
  int32_t* lane_view;           /**< [max_lanes] */
  int32_t* lane_position;       /**< [max_lanes] position of the lane's first row */
  int32_t* lane_rows;           /**< [max_lanes] at least 1 */
  int32_t* lane_pages;          /**< [max_lanes, max_pages_per_lane] page ids, for positions up to its last row */
  float* lane_preference;       /**< [max_lanes, max_objectives] finite; read for lanes of PBLoRA views */
  int32_t* token_ids;           /**< [max_rows] at least 0, or -1 - s as above */
  int32_t* term_row;            /**< [max_terms] index into token_ids */
  float* term_weight;           /**< [max_terms] finite */
  int32_t* sequence_terms;      /**< [max_sequences] at least 1 */
  int64_t* sequence_seed;       /**< [max_sequences] */
  int32_t* sequence_choice;     /**< [max_sequences] which of a request's n completions */
  int32_t* sequence_position;   /**< [max_sequences] position in the base's lane of the token to be drawn */
  float* sequence_temperature;  /**< [max_sequences] at least 0; 0 takes the likeliest token, lowest id on ties */
  int32_t* sequence_top_k;      /**< [max_sequences] 0 is off */
  float* sequence_top_p;        /**< [max_sequences] in (0, 1]; 1 is off */
  float* sequence_min_p;        /**< [max_sequences] in [0, 1]; 0 is off */
  int32_t* sequence_flags;      /**< [max_sequences] GA_KEEP_... */
  int32_t* sequence_biases;     /**< [max_sequences] at least 0 */
  int32_t* bias_token;          /**< [max_biases] in [0, vocab_size), rising within a sequence */
  float* bias_value;            /**< [max_biases] finite */
  int32_t* sampled;             /**< [max_sequences] out: the token, or -1 where the law is not finite */
} ga_step;

/** The engine's step, or null before ga_engine_start. */
GA_API ga_step* ga_engine_step_buffer(ga_engine* engine);

/**
 * Runs the step: ga_engine_submit, then ga_engine_collect. GA_INVALID_ARGUMENT names the first value out of range, before
 * anything is computed; it is refused, too, while steps are in flight.
 */
GA_API ga_status ga_engine_step(ga_engine* engine);

/**
 * Has the device run the step after those that were submitted before, and returns without its tokens; the step's arrays
 * may be written anew. A CPU runs it before this returns. At most max_in_flight steps are submitted and not collected.
 * GA_INVALID_ARGUMENT as ga_engine_step: the step is not in flight, those before it are.
 */
GA_API ga_status ga_engine_submit(ga_engine* engine);

/**
 * Waits for the oldest step in flight and writes its tokens to `sampled`. GA_INVALID_ARGUMENT where none is in flight;
 * after GA_DEVICE_ERROR close the engine.
 */
GA_API ga_status ga_engine_collect(ga_engine* engine);

/**
 * After a step, while none is in flight: log-probabilities of sequence s (flag GA_KEEP_LAW).
 * out: [vocab_size] f32, minus infinity outside the allowed set.
 */
GA_API ga_status ga_engine_law(ga_engine* engine, int32_t sequence, float* out);

/**
 * After a step, while none is in flight: log-softmax at temperature 1 of term t of sequence s alone (flag
 * GA_KEEP_COMPONENTS). out: [vocab_size] f32.
 */
GA_API ga_status ga_engine_component(ga_engine* engine, int32_t sequence, int32_t term, float* out);

/**
 * After a step, while none is in flight: sum of weight * logits over the terms of sequence s (flag GA_KEEP_LOGITS), a
 * score head's scores. out: [vocab_size] f32.
 */
GA_API ga_status ga_engine_logits(ga_engine* engine, int32_t sequence, float* out);

/** Bytes of the engine's arenas, weights not among them. */
GA_API int64_t ga_engine_bytes(const ga_engine* engine);

#endif

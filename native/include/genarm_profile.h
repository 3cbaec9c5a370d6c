/* What the operations of an engine's steps took: a part of the door of its own (see genarm.h). */
#ifndef GENARM_PROFILE_H
#define GENARM_PROFILE_H

#include "genarm.h"

/**
 * One operation of a step, the same stage of every weight set together. Work is what cannot be avoided: weights and
 * low-rank updates once, keys and values of each lane once, logits where they are written; activations are not counted.
 */
typedef struct ga_profile_event {
  int32_t operation;   /**< index for ga_operation_name */
  int32_t rows;        /**< rows or sequences that it computed */
  int64_t begin_nanos; /**< of the system's monotonic clock: when the one before was done */
  int64_t nanos;       /**< until it was done */
  int64_t bytes;
  int64_t first_bytes; /**< those of the first weight set with rows in the step: the base's, where it runs */
  int64_t flops;       /**< multiplications and additions */
} ga_profile_event;

/** The operations of an engine's last step, in order. */
typedef struct ga_profile_log {
  int32_t num_events;
  int32_t num_lost;               /**< operations beyond max_events */
  const ga_profile_event* events; /**< [max_events] */
} ga_profile_log;

/** "embed", "qkv", ...; null from the first index on that there is none for. */
GA_API const char* ga_operation_name(int32_t operation);

/**
 * Keeps up to max_events operations of each step from here on, of an engine that was started; 0 keeps none and costs
 * nothing, which is how an engine starts. Each operation is waited for while it is on.
 */
GA_API ga_status ga_engine_profile(ga_engine* engine, int32_t max_events);

/** The engine's own memory, written by each step until the next ga_engine_profile; null where it keeps none. */
GA_API const ga_profile_log* ga_engine_profile_log(ga_engine* engine);

#endif

package org.genarm.binding;

import org.genarm.binding.door.ga_engine_config;

/**
 * Limits of an engine, {@code ga_engine_config} as a value: its arenas are sized from them once.
 *
 * @param vocabSize tokens that may be drawn: logits are cut to this many
 * @param maxModelLen positions of the longest lane
 * @param maxRows rows of one step, over all lanes
 * @param maxLanes lanes in one step
 * @param maxSequences sequences that draw a token in one step
 * @param maxTerms terms of those sequences together
 * @param maxComponents terms whose own law is kept in one step; 0 keeps none
 * @param maxBiases biases of those sequences together; 0 where none has any
 * @param pageSize positions in a KV page: a multiple of 16
 * @param maxObjectives longest preference vector of an adapter; 0 where none has one
 * @param activations precision of matrix inputs: F32, or BF16 or INT8 where the device has it
 * @param maxInFlight steps submitted before the first of them is collected
 */
public record EngineLimits(
    int vocabSize,
    int maxModelLen,
    int maxRows,
    int maxLanes,
    int maxSequences,
    int maxTerms,
    int maxComponents,
    int maxBiases,
    int pageSize,
    int maxObjectives,
    Dtype activations,
    int maxInFlight) {

  /** The caller closes it. */
  ga_engine_config struct() {
    ga_engine_config config = new ga_engine_config();
    config.zero();
    return config
        .struct_size(config.sizeof())
        .vocab_size(vocabSize)
        .max_model_len(maxModelLen)
        .max_rows(maxRows)
        .max_lanes(maxLanes)
        .max_sequences(maxSequences)
        .max_terms(maxTerms)
        .max_components(maxComponents)
        .max_biases(maxBiases)
        .page_size(pageSize)
        .max_objectives(maxObjectives)
        .activations(activations.code)
        .max_in_flight(maxInFlight);
  }
}

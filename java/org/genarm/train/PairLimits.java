package org.genarm.train;

/**
 * What a model can read of pairs.
 *
 * @param vocabSize ids are below it
 * @param maxLength tokens of a prompt and a response together
 * @param hasRejected whether pairs have a second response
 * @param skipLong longer pairs are left out instead of refused
 */
public record PairLimits(int vocabSize, int maxLength, boolean hasRejected, boolean skipLong) {}

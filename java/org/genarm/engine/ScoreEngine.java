package org.genarm.engine;

import java.util.ArrayList;
import java.util.List;
import org.genarm.binding.Device;
import org.genarm.binding.Dtype;
import org.genarm.binding.EngineLimits;
import org.genarm.binding.NativeEngine;
import org.genarm.binding.StepBuffer;
import org.genarm.model.ScoreModel;

/**
 * Scores rows of token ids with a model's score head at their last token, as many rows in a step as its arenas hold.
 * Works on the calling thread, which alone uses it and its device.
 */
public final class ScoreEngine implements AutoCloseable {
  private static final int PAGE_SIZE = 16;
  private static final int MOST_LANES = 64;
  private static final int LEAST_ROWS = 256;

  private final Device device;
  private final ScoreModel model;
  private final Dtype activations;
  private NativeEngine door;
  private int maxRows;

  /** The device and the model are the caller's and stay open until this is closed. */
  public ScoreEngine(Device device, ScoreModel model, Dtype activations) {
    this.device = device;
    this.model = model;
    this.activations = activations;
  }

  /**
   * The scores of each row, one for each label.
   *
   * @throws IllegalArgumentException for an empty row, one that is longer than the model's positions, or a token outside
   *     its vocabulary
   * @throws GenerationException where a score is not finite
   */
  public List<double[]> score(List<int[]> rows) {
    int longest = 1;
    for (int row = 0; row < rows.size(); row++) {
      check(row, rows.get(row));
      longest = Math.max(longest, rows.get(row).length);
    }
    open(longest);
    List<double[]> scores = new ArrayList<>();
    while (scores.size() < rows.size()) {
      step(rows, scores);
    }
    return scores;
  }

  private void check(int row, int[] ids) {
    int positions = model.model().config().shape().maxPositions();
    int vocabSize = model.model().config().shape().vocabSize();
    if (ids.length == 0 || ids.length > positions) {
      throw new IllegalArgumentException(
          "row " + row + " has " + ids.length + " tokens, a score model of " + positions + " positions reads 1 to "
              + positions);
    }
    for (int i = 0; i < ids.length; i++) {
      if (ids[i] < 0 || ids[i] >= vocabSize) {
        throw new IllegalArgumentException(
            "row " + row + ": token " + i + " is " + ids[i] + ", the vocabulary has " + vocabSize + " tokens");
      }
    }
  }

  /** The arenas grow where a row is longer than any before it. */
  private void open(int longest) {
    if (door != null && longest <= maxRows) {
      return;
    }
    close();
    maxRows = Math.max(LEAST_ROWS, Integer.highestOneBit(longest - 1) * 2);
    int pages = maxRows / PAGE_SIZE + MOST_LANES;
    NativeEngine opened = NativeEngine.create(device, new EngineLimits(
        model.numLabels(), maxRows, maxRows, MOST_LANES, MOST_LANES, MOST_LANES, 0, 0, PAGE_SIZE, 0, activations, 1));
    try {
      opened.addView(model.model().weights(), pages);
      opened.start();
    } catch (RuntimeException | Error failure) {
      opened.close();
      throw failure;
    }
    door = opened;
  }

  /** Scores as many of the rows that have no score yet as one step holds. */
  private void step(List<int[]> rows, List<double[]> scores) {
    StepBuffer step = door.buffer();
    int first = scores.size();
    int lanes = 0;
    int tokens = 0;
    int pages = 0;
    while (lanes < MOST_LANES && first + lanes < rows.size()) {
      int[] ids = rows.get(first + lanes);
      int length = model.length(ids);
      if (tokens + length > maxRows) {
        break;
      }
      writeLane(step, lanes, ids, length, tokens, pages);
      pages += EngineConfig.pages(length, PAGE_SIZE);
      tokens += length;
      writeSequence(step, lanes++, tokens - 1);
    }
    step.counts(lanes, lanes);
    door.step();
    float[] logits = new float[model.numLabels()];
    for (int lane = 0; lane < lanes; lane++) {
      door.logits(lane, logits);
      double[] values = model.scores(logits);
      for (double value : values) {
        if (!Double.isFinite(value)) {
          throw new GenerationException("the score of row " + (first + lane) + " is not finite");
        }
      }
      scores.add(values);
    }
  }

  private static void writeLane(StepBuffer step, int lane, int[] ids, int length, int firstRow, int firstPage) {
    step.laneView.put(lane, 0);
    step.lanePosition.put(lane, 0);
    step.laneRows.put(lane, length);
    for (int page = 0; page < EngineConfig.pages(length, PAGE_SIZE); page++) {
      step.lanePages.put(lane * step.maxPagesPerLane() + page, firstPage + page);
    }
    step.tokenIds.put(firstRow, ids, 0, length);
  }

  private static void writeSequence(StepBuffer step, int sequence, int row) {
    step.termRow.put(sequence, row);
    step.termWeight.put(sequence, 1);
    step.sequenceTerms.put(sequence, 1);
    step.sequenceSeed.put(sequence, 0);
    step.sequenceChoice.put(sequence, 0);
    step.sequencePosition.put(sequence, 0);
    step.sequenceTemperature.put(sequence, 1);
    step.sequenceTopK.put(sequence, 0);
    step.sequenceTopP.put(sequence, 1);
    step.sequenceMinP.put(sequence, 0);
    step.sequenceFlags.put(sequence, NativeEngine.KEEP_LOGITS);
    step.sequenceBiases.put(sequence, 0);
  }

  @Override
  public void close() {
    if (door != null) {
      door.close();
      door = null;
    }
  }
}

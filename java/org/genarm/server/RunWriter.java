package org.genarm.server;

import org.genarm.Piece;
import org.genarm.openai.Job;

/** Turns what a run generates into its response. One thread at a time calls. */
interface RunWriter {
  /** Takes what has come of a choice, numbered over all prompts. */
  void add(int index, Piece piece);

  /** Whether so much has been added that it should be flushed first. */
  boolean isFull();

  /** Sends what has been added; `ready` is told when more can be sent. */
  void flush(Runnable ready);

  /** Every choice has ended. */
  void finish(Job.Usage usage);
}

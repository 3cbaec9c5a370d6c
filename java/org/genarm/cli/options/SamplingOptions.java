package org.genarm.cli.options;

import org.genarm.guidance.SamplingParams;
import picocli.CommandLine.Option;

/** How a token is drawn, for the verbs that have a law. */
public final class SamplingOptions {
  @Option(names = "--temperature", defaultValue = "1", paramLabel = "T", description = "0 takes the likeliest token")
  private double temperature;

  @Option(names = "--top-k", defaultValue = "0", paramLabel = "K", description = "keeps the K likeliest tokens; 0: off")
  private int topK;

  @Option(
      names = "--top-p",
      defaultValue = "1",
      paramLabel = "P",
      description = "keeps the smallest set of tokens whose probability reaches P; 1: off")
  private double topP;

  @Option(
      names = "--min-p",
      defaultValue = "0",
      paramLabel = "P",
      description = "keeps tokens at least P times as likely as the likeliest; 0: off")
  private double minP;

  /** IllegalArgumentException names the first that is out of range. */
  public SamplingParams params() {
    return new SamplingParams((float) temperature, topK, (float) topP, (float) minP, 0);
  }
}

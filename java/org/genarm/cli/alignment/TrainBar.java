package org.genarm.cli.alignment;

import java.time.Duration;
import java.util.Locale;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.genarm.train.StepReport;
import org.genarm.train.Training;

/** Steps, loss and the time left on standard error, or nothing. */
final class TrainBar implements Training.Listener, AutoCloseable {
  private static final int UPDATE_MS = 200;

  private final ProgressBar bar;

  private TrainBar(ProgressBar bar) {
    this.bar = bar;
  }

  static TrainBar open(Training training, boolean shown) {
    if (!shown) {
      return new TrainBar(null);
    }
    return new TrainBar(
        new ProgressBarBuilder()
            .setTaskName("train")
            .setInitialMax(training.steps())
            .startsFrom(training.done(), Duration.ZERO)
            .setStyle(ProgressBarStyle.ASCII)
            .setUpdateIntervalMillis(UPDATE_MS)
            .setConsumer(new ConsoleProgressBarConsumer(System.err))
            .build());
  }

  @Override
  public void step(StepReport report, long steps) {
    if (bar != null) {
      String accuracy =
          report.accuracy() == null ? "" : String.format(Locale.ROOT, ", accuracy %.2f", report.accuracy());
      bar.setExtraMessage(
          String.format(Locale.ROOT, " loss %.4f%s, %.0f tokens/s", report.loss(), accuracy, report.tokensPerSecond()));
      bar.stepTo(report.step());
    }
  }

  @Override
  public void close() {
    if (bar != null) {
      bar.close();
    }
  }
}

package org.genarm.cli.console;

import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.genarm.model.LoadOptions;

/** A bar on standard error that follows a load, or nothing. */
public final class LoadBar implements LoadOptions.Progress, AutoCloseable {
  private static final long MEBIBYTE = 1 << 20;
  private static final int UPDATE_MS = 100;

  private final String name;
  private final boolean shown;
  private ProgressBar bar;

  private LoadBar(String name, boolean shown) {
    this.name = name;
    this.shown = shown;
  }

  public static LoadBar open(String name, boolean shown) {
    return new LoadBar(name, shown);
  }

  @Override
  public void loaded(long bytes, long totalBytes) {
    if (!shown) {
      return;
    }
    if (bar == null) {
      bar =
          new ProgressBarBuilder()
              .setTaskName(name)
              .setInitialMax(totalBytes)
              .setUnit("MB", MEBIBYTE)
              .setStyle(ProgressBarStyle.ASCII)
              .setUpdateIntervalMillis(UPDATE_MS)
              .setConsumer(new ConsoleProgressBarConsumer(System.err))
              .build();
    }
    bar.stepTo(bytes);
  }

  /** A second call does nothing: what comes after a bar is not for it to draw over. */
  @Override
  public void close() {
    if (bar != null) {
      bar.close();
      bar = null;
    }
  }
}

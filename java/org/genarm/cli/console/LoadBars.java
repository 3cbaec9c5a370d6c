package org.genarm.cli.console;

import java.io.PrintWriter;
import org.genarm.GenArmBuilder;

/** Where the models run unless that was said, and on a terminal a bar for each, one after the other. */
public final class LoadBars implements GenArmBuilder.LoadListener {
  private final PrintWriter err;
  private final boolean onTerminal;
  private LoadBar bar;

  public LoadBars(PrintWriter err, boolean onTerminal) {
    this.err = err;
    this.onTerminal = onTerminal;
  }

  @Override
  public void onCpu(String why) {
    err.println("computing on the CPU: " + why);
  }

  @Override
  public void loaded(String view, long bytes, long totalBytes) {
    if (!onTerminal) {
      return;
    }
    if (bar == null) {
      bar = LoadBar.open(view, true);
    }
    bar.loaded(bytes, totalBytes);
    if (bytes == totalBytes) {
      bar.close();
      bar = null;
    }
  }
}

package org.genarm.cli;

import org.genarm.GenArmBuilder;

/** A bar on standard error for each model, one after the other, and where they run unless that was said. */
final class LoadBars implements GenArmBuilder.LoadListener {
  private LoadBar bar;

  @Override
  public void onCpu(String why) {
    System.err.println("computing on the CPU: " + why);
  }

  @Override
  public void loaded(String view, long bytes, long totalBytes) {
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

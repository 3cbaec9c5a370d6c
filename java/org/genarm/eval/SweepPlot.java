package org.genarm.eval;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Dimension;
import java.io.IOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.apache.batik.svggen.SVGGeneratorContext;
import org.apache.batik.svggen.SVGGraphics2D;
import org.genarm.checkpoint.CheckpointException;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler.LegendPosition;
import org.knowm.xchart.style.markers.SeriesMarkers;
import org.w3c.dom.Document;
import org.w3c.dom.Element;

/** Draws a sweep, as PNG and as SVG, without a screen. */
public final class SweepPlot {
  private static final Color[] COLOURS = {
    new Color(0x1f5fa8), new Color(0xc2571a), new Color(0x3f7f3f), new Color(0x7a4f9a), new Color(0x777777)
  };

  /** Letters are drawn as outlines; more digits of a pixel than these are not seen. */
  private static final int DIGITS = 2;

  private SweepPlot() {}

  /** What a sweep lets be drawn: two objectives against each other, and every score against the one value that varies. */
  public static List<Path> write(Path folder, SweepSummary summary) {
    System.setProperty("java.awt.headless", "true");
    List<Path> written = new ArrayList<>();
    if (summary.objectives().size() == 2) {
      written.addAll(save(front(summary), folder.resolve("front")));
    }
    Set<String> names = new TreeSet<>();
    summary.points().forEach(result -> names.addAll(result.point().values().keySet()));
    if (names.size() == 1 && summary.points().size() > 1) {
      written.addAll(save(scores(summary, names.iterator().next()), folder.resolve("scores")));
    }
    return written;
  }

  private static XYChart front(SweepSummary summary) {
    XYChart chart = chart(summary.objectives().get(0), summary.objectives().get(1));
    List<double[]> means =
        summary.points().stream().map(point -> SweepSummary.means(point, summary.objectives())).toList();
    XYSeries all = series(chart, "grid points", means, summary, COLOURS[4]);
    all.setXYSeriesRenderStyle(XYSeries.XYSeriesRenderStyle.Scatter);
    List<double[]> front = new ArrayList<>(summary.front().stream().map(means::get).toList());
    front.sort(Comparator.comparingDouble(point -> point[0]));
    XYSeries line = chart.addSeries("Pareto front", column(front, 0), column(front, 1));
    style(line, COLOURS[0]);
    return chart;
  }

  private static XYSeries series(XYChart chart, String name, List<double[]> means, SweepSummary summary, Color colour) {
    double[] errors = summary.points().stream()
        .mapToDouble(point -> point.scores().get(summary.objectives().get(1)).halfWidth())
        .toArray();
    XYSeries series = chart.addSeries(name, column(means, 0), column(means, 1), errors);
    style(series, colour);
    return series;
  }

  private static XYChart scores(SweepSummary summary, String name) {
    XYChart chart = chart("weight of " + name, "mean score, with 95 % confidence");
    List<PointResult> rising = new ArrayList<>(summary.points());
    rising.sort(Comparator.comparingDouble(point -> point.point().value(name, 0)));
    double[] x = rising.stream().mapToDouble(point -> point.point().value(name, 0)).toArray();
    int colour = 0;
    for (String scorer : rising.get(0).scores().keySet()) {
      double[] y = rising.stream().mapToDouble(point -> point.scores().get(scorer).value()).toArray();
      double[] errors = rising.stream().mapToDouble(point -> point.scores().get(scorer).halfWidth()).toArray();
      style(chart.addSeries(scorer, x, y, errors), COLOURS[colour++ % COLOURS.length]);
    }
    return chart;
  }

  private static void style(XYSeries series, Color colour) {
    series.setMarkerColor(colour);
    series.setMarker(SeriesMarkers.CIRCLE);
    series.setLineColor(colour);
    series.setLineStyle(new BasicStroke(2f));
  }

  static XYChart chart(String x, String y) {
    XYChart chart = new XYChartBuilder().width(720).height(440).xAxisTitle(x).yAxisTitle(y).build();
    chart.getStyler()
        .setChartBackgroundColor(Color.WHITE)
        .setPlotBackgroundColor(Color.WHITE)
        .setLegendPosition(LegendPosition.InsideNW)
        .setLegendBorderColor(Color.WHITE)
        .setMarkerSize(7);
    chart.getStyler().setDecimalPattern("0.####");
    chart.getStyler().setPlotGridLinesColor(new Color(0xdddddd)).setErrorBarsColorSeriesColor(true);
    return chart;
  }

  /** Writes STEM.png and STEM.svg. */
  public static List<Path> save(XYChart chart, Path stem) {
    Path svg = Path.of(stem + ".svg");
    try {
      BitmapEncoder.saveBitmap(chart, stem.toString(), BitmapEncoder.BitmapFormat.PNG);
      saveSvg(chart, svg);
    } catch (IOException failure) {
      throw new CheckpointException(stem, "a place to write a plot to", failure);
    }
    return List.of(Path.of(stem + ".png"), svg);
  }

  private static void saveSvg(XYChart chart, Path file) throws IOException {
    Dimension size = new Dimension(chart.getWidth(), chart.getHeight());
    SVGGeneratorContext context = SVGGeneratorContext.createDefault(emptySvg());
    context.setComment(null);
    context.setPrecision(DIGITS);
    SVGGraphics2D graphics = new SVGGraphics2D(context, false);
    graphics.setSVGCanvasSize(size);
    chart.paint(graphics, size.width, size.height);
    Element svg = graphics.getRoot();
    svg.setAttribute("viewBox", "0 0 " + size.width + " " + size.height);
    try (Writer writer = Files.newBufferedWriter(file)) {
      graphics.stream(svg, writer, false, false);
    }
  }

  private static Document emptySvg() {
    try {
      return DocumentBuilderFactory.newInstance().newDocumentBuilder().getDOMImplementation()
          .createDocument(SVGGraphics2D.SVG_NAMESPACE_URI, SVGGraphics2D.SVG_SVG_TAG, null);
    } catch (ParserConfigurationException none) {
      throw new IllegalStateException(none);
    }
  }

  private static double[] column(List<double[]> points, int column) {
    return points.stream().mapToDouble(point -> point[column]).toArray();
  }
}

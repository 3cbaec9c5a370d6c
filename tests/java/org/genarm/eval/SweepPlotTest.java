package org.genarm.eval;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Files;
import java.nio.file.Path;
import javax.imageio.ImageIO;
import javax.xml.parsers.DocumentBuilder;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.style.markers.SeriesMarkers;
import org.w3c.dom.Element;

class SweepPlotTest {
  @TempDir private Path folder;

  private static XYChart chart() {
    XYChart chart = SweepPlot.chart("weight", "score");
    double[] weights = {0, 1, 2};
    chart.addSeries("score", weights, new double[] {-0.5, 0.25, 3}, new double[] {0.1, 0.1, 0.1})
        .setMarker(SeriesMarkers.CIRCLE);
    return chart;
  }

  @Test
  void theSvgHasTheSizeOfThePngAndACircleForEachPoint() throws Exception {
    SweepPlot.save(chart(), folder.resolve("plot"));

    DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
    factory.setFeature("http://apache.org/xml/features/nonvalidating/load-external-dtd", false);
    DocumentBuilder builder = factory.newDocumentBuilder();
    Element svg = builder.parse(folder.resolve("plot.svg").toFile()).getDocumentElement();
    var png = ImageIO.read(folder.resolve("plot.png").toFile());
    assertEquals(String.valueOf(png.getWidth()), svg.getAttribute("width"));
    assertEquals(String.valueOf(png.getHeight()), svg.getAttribute("height"));
    assertEquals("0 0 720 440", svg.getAttribute("viewBox"));
    int legend = 1;
    assertEquals(3 + legend, svg.getElementsByTagName("circle").getLength());
  }

  @Test
  void theSameChartIsTheSameSvg() throws Exception {
    SweepPlot.save(chart(), folder.resolve("one"));
    SweepPlot.save(chart(), folder.resolve("two"));

    assertArrayEquals(Files.readAllBytes(folder.resolve("one.svg")), Files.readAllBytes(folder.resolve("two.svg")));
  }
}

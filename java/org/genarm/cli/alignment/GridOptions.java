package org.genarm.cli.alignment;

import java.util.ArrayList;
import java.util.List;
import org.genarm.eval.Grid;
import org.genarm.eval.GridPoint;
import picocli.CommandLine.Option;

/** The points of a sweep. */
final class GridOptions {
  @Option(names = "--grid", paramLabel = "NAME=FROM:TO:STEP",
      description = "values of a weight, also NAME=V1,V2,...; repeatable, every combination is a point")
  private List<String> axes = new ArrayList<>();

  @Option(names = "--point", paramLabel = "NAME=V,NAME=V,...", description = "one point as it is; repeatable")
  private List<String> points = new ArrayList<>();

  @Option(names = "--simplex", paramLabel = "STEP", description = "weights of all --arm that sum to 1, in steps")
  private Double simplex;

  @Option(names = "--preference-grid", paramLabel = "NAME=STEP",
      description = "preference vectors of a preference-conditioned reward model that sum to 1, in steps")
  private String preferences;

  @Option(names = "--preference-length", defaultValue = "2", paramLabel = "N", description = "values of such a vector")
  private int preferenceLength;

  /** IllegalArgumentException says what was expected; without any of these there is one point, the weights as given. */
  List<GridPoint> points(List<String> arms) {
    List<GridPoint> all = new ArrayList<>();
    if (!axes.isEmpty()) {
      all.addAll(Grid.product(axes));
    }
    points.forEach(point -> all.add(Grid.point(point)));
    if (simplex != null) {
      all.addAll(Grid.simplex(arms, simplex));
    }
    if (preferences != null) {
      int equals = preferences.indexOf('=');
      try {
        String name = preferences.substring(0, equals);
        all.addAll(Grid.preferences(name, preferenceLength, Double.parseDouble(preferences.substring(equals + 1))));
      } catch (NumberFormatException | StringIndexOutOfBoundsException e) {
        throw new IllegalArgumentException("--preference-grid: expected NAME=STEP, got '" + preferences + "'");
      }
    }
    return all.isEmpty() ? Grid.product(List.of()) : all;
  }
}

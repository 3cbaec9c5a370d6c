package org.genarm.guidance;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * What one request asks of preference-conditioned reward models (PARM): a vector for each, whose
 * values weigh the objectives that it was trained on. A lane's keys and values depend on it, so it stays the same while
 * a request runs.
 *
 * @param byView by the view's place, the base's first; empty or beyond the end: the view's own
 */
public record Preferences(List<List<Float>> byView) {
  /** Every view's own. */
  public static final Preferences DEFAULT = new Preferences(List.of());

  public Preferences {
    byView = List.copyOf(byView);
  }

  /** From vectors by the views' names. {@link IllegalArgumentException} for a name that no view has. */
  public static Preferences of(List<View> views, Map<String, List<Float>> byName) {
    List<String> names = views.stream().map(View::name).toList();
    for (String name : byName.keySet()) {
      if (!names.contains(name)) {
        throw new IllegalArgumentException("no reward model is called " + name + ", there are " + names);
      }
    }
    return new Preferences(names.stream().map(name -> byName.getOrDefault(name, List.of())).toList());
  }

  /** The vector of a view; empty where nothing is said. */
  public List<Float> of(int view) {
    return view < byView.size() ? byView.get(view) : List.of();
  }

  /** With each view's own vector where nothing is said. */
  public Preferences orElse(List<View> views) {
    List<List<Float>> filled = new ArrayList<>();
    for (int view = 0; view < views.size(); view++) {
      filled.add(of(view).isEmpty() ? views.get(view).preference() : of(view));
    }
    return new Preferences(filled);
  }
}

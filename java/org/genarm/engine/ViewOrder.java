package org.genarm.engine;

import java.util.ArrayList;
import java.util.List;
import org.genarm.binding.NativeWeights;
import org.genarm.guidance.View;

/**
 * How the native engine numbers the views: those over one weight set stand together, so that their rows go through
 * its weights in one pass. The base stays first.
 *
 * @param views views()[number] is the view's place in the caller's order
 * @param setOf each view's weight set, numbered from 0, in the caller's order
 */
record ViewOrder(int[] views, int[] setOf) {
  static ViewOrder of(List<View> views) {
    List<NativeWeights> sets = new ArrayList<>();
    int[] setOf = new int[views.size()];
    for (int view = 0; view < setOf.length; view++) {
      NativeWeights weights = views.get(view).model().weights();
      if (!sets.contains(weights)) {
        sets.add(weights);
      }
      setOf[view] = sets.indexOf(weights);
    }
    return new ViewOrder(grouped(setOf), setOf);
  }

  /** The views in order of their sets, each set's in the caller's order. */
  static int[] grouped(int[] setOf) {
    int[] views = new int[setOf.length];
    int number = 0;
    for (int set = 0; number < views.length; set++) {
      for (int view = 0; view < setOf.length; view++) {
        if (setOf[view] == set) {
          views[number++] = view;
        }
      }
    }
    return views;
  }
}

package org.genarm.server;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.genarm.Request;

/**
 * The {@code guidance} of a request.
 *
 * @param weights by reward model; absent: the weight given at start
 * @param components whether each model's own log-probabilities are told
 */
record GuidanceField(Map<String, Double> weights, boolean components) {
  private static final GuidanceField NONE = new GuidanceField(Map.of(), false);

  GuidanceField {
    weights = Map.copyOf(weights);
  }

  /** The field of a request's body; where it is absent nothing is changed. */
  static GuidanceField of(Fields body, List<String> arms) {
    Fields guidance = body.object("guidance");
    if (guidance == null) {
      return NONE;
    }
    GuidanceField field = new GuidanceField(weights(guidance, arms), guidance.flag("components"));
    refusePreferences(guidance);
    refuseUnknown(guidance);
    return field;
  }

  /** The body of a change to a running generation: weights alone. */
  static Map<String, Double> change(Fields body, List<String> arms) {
    Map<String, Double> weights = weights(body, arms);
    refusePreferences(body);
    refuseUnknown(body);
    if (weights.isEmpty()) {
      throw OpenAiError.field("weights", "weights must have at least one reward model's, there are " + arms);
    }
    return weights;
  }

  private static Map<String, Double> weights(Fields guidance, List<String> arms) {
    Map<String, Double> byArm = new LinkedHashMap<>();
    Fields weights = guidance.object("weights");
    if (weights == null) {
      return byArm;
    }
    for (String arm : weights.names()) {
      if (!arms.contains(arm)) {
        throw OpenAiError.field(weights.path(arm), "no reward model is called " + arm + ", there are " + arms);
      }
      Double weight = weights.real(arm, -Double.MAX_VALUE, Double.MAX_VALUE);
      if (weight != null) {
        byArm.put(arm, weight);
      }
    }
    return byArm;
  }

  private static void refusePreferences(Fields guidance) {
    Fields preferences = guidance.object("preferences");
    if (preferences != null && !preferences.names().isEmpty()) {
      String arm = preferences.names().get(0);
      throw OpenAiError.field(preferences.path(arm), "no preference-conditioned reward model is called " + arm);
    }
  }

  /** A misspelt weight must not pass for none. */
  private static void refuseUnknown(Fields guidance) {
    for (String name : guidance.unread()) {
      throw OpenAiError.field(guidance.path(name), guidance.path(name) + " is unknown, expected weights, preferences"
          + " or components");
    }
  }

  void apply(Request.Builder request) {
    request.weights(weights).components(components);
  }
}

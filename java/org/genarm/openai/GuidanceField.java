package org.genarm.openai;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.genarm.GenArm;
import org.genarm.Request;

/**
 * The {@code guidance} of a request.
 *
 * @param weights by reward model; absent: the weight given at start
 * @param preferences by preference-conditioned reward model; absent: the vector given at start
 * @param components whether each model's own log-probabilities are told
 */
public record GuidanceField(Map<String, Double> weights, Map<String, List<Float>> preferences, boolean components) {
  private static final GuidanceField NONE = new GuidanceField(Map.of(), Map.of(), false);

  public GuidanceField {
    weights = Map.copyOf(weights);
    preferences = Map.copyOf(preferences);
  }

  /** The field of a request's body; where it is absent nothing is changed. */
  static GuidanceField of(Fields body, GenArm genArm) {
    Fields guidance = body.object("guidance");
    if (guidance == null) {
      return NONE;
    }
    GuidanceField field = new GuidanceField(
        weights(guidance, genArm.arms()), preferences(guidance, genArm), guidance.flag("components"));
    refuseUnknown(guidance);
    return field;
  }

  /** The body of a change to a running generation: weights alone. */
  public static Map<String, Double> change(Fields body, List<String> arms) {
    Map<String, Double> weights = weights(body, arms);
    refuseChangeOfPreferences(body);
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
      requireKnown(weights, arm, arms);
      Double weight = weights.real(arm, -Double.MAX_VALUE, Double.MAX_VALUE);
      if (weight != null) {
        byArm.put(arm, weight);
      }
    }
    return byArm;
  }

  private static void requireKnown(Fields field, String arm, List<String> arms) {
    if (!arms.contains(arm)) {
      throw OpenAiError.field(field.path(arm), "no reward model is called " + arm + ", there are " + arms);
    }
  }

  private static Map<String, List<Float>> preferences(Fields guidance, GenArm genArm) {
    Map<String, List<Float>> byArm = new LinkedHashMap<>();
    Fields preferences = guidance.object("preferences");
    if (preferences == null) {
      return byArm;
    }
    Map<String, List<Float>> own = genArm.preferences();
    for (String arm : preferences.names()) {
      requireKnown(preferences, arm, genArm.arms());
      if (!own.containsKey(arm)) {
        throw OpenAiError.field(preferences.path(arm),
            arm + " is not preference-conditioned, those that are: " + own.keySet());
      }
      List<Float> vector = preferences.reals(arm, own.get(arm).size());
      if (vector != null) {
        byArm.put(arm, vector);
      }
    }
    return byArm;
  }

  /** The keys and values of what has been read depend on the preference. */
  private static void refuseChangeOfPreferences(Fields change) {
    Fields preferences = change.object("preferences");
    if (preferences != null && !preferences.names().isEmpty()) {
      String arm = preferences.names().get(0);
      throw OpenAiError.field(preferences.path(arm),
          "the preference of " + arm + " stays as it is while a generation runs: only weights change");
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
    preferences.forEach(request::preference);
  }
}

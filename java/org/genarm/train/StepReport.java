package org.genarm.train;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;

/**
 * One step, as the log has it.
 *
 * @param step from 1
 * @param loss the mean before the step's update
 * @param accuracy share of pairs whose margin is above 0; null for language modelling, as the margin
 * @param gradNorm before clipping
 * @param evaluation after the step's update; null where none was due
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record StepReport(
    @JsonProperty("step") long step,
    @JsonProperty("loss") double loss,
    @JsonProperty("accuracy") Double accuracy,
    @JsonProperty("margin") Double margin,
    @JsonProperty("grad_norm") double gradNorm,
    @JsonProperty("learning_rate") double learningRate,
    @JsonProperty("tokens_per_second") double tokensPerSecond,
    @JsonProperty("eval") Evaluation evaluation) {

  /** Held-out pairs: means as a step's. */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  public record Evaluation(
      @JsonProperty("loss") double loss,
      @JsonProperty("accuracy") Double accuracy,
      @JsonProperty("margin") Double margin) {}
}

package org.genarm.cli.options;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import org.genarm.GenArmBuilder;
import org.genarm.tokenizer.PromptTemplate;
import picocli.CommandLine.Option;

/** What a text prompt is put into, for each view. */
public final class TemplateOptions {
  @Option(
      names = "--template",
      defaultValue = "auto",
      paramLabel = "NAME|none|auto",
      description = "what a text prompt is put into; auto: the model's chat template where it has one")
  private String template;

  @Option(names = "--arm-template", paramLabel = "NAME=TEMPLATE", description = "as --template, for one reward model")
  private List<String> armTemplates = new ArrayList<>();

  public void apply(GenArmBuilder builder, CommonOptions common) {
    builder.template(known("--template", template, common));
    common.byArm("--arm-template", armTemplates).forEach(
        (arm, name) -> builder.armTemplate(arm, known("--arm-template", name, common)));
  }

  public void describe(ObjectNode json) {
    json.put("template", template);
    armTemplates.forEach(json.putArray("arm_templates")::add);
  }

  /** The name, refused where there is no such template. */
  static String known(String option, String name, CommonOptions common) {
    if (!PromptTemplate.names().contains(name)) {
      throw common.usage(
          option + ": expected one of " + String.join(", ", PromptTemplate.names()) + ", got '" + name + "'");
    }
    return name;
  }
}

package org.genarm.cli.options;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.genarm.GenArmBuilder;
import picocli.CommandLine.Option;

/** What requests in OpenAI's form are read with, over HTTP or out of a file: the model's name and the templates. */
public final class RequestOptions {
  @Option(names = "--served-model-name", paramLabel = "NAME", description = "as bodies say it; default: the base's folder")
  private String modelName;

  @Option(
      names = "--kv-cache-memory-bytes",
      defaultValue = "1073741824",
      paramLabel = "BYTES",
      description = "for keys and values of all models together")
  private long kvBytes;

  @Option(
      names = "--template",
      paramLabel = "NAME|none|auto",
      description = "what prompts are put into; default: nothing, and for chats the model's own template")
  private String template;

  @Option(
      names = "--arm-template",
      split = ";",
      paramLabel = "NAME=TEMPLATE",
      description = "as --template, for one reward model")
  private List<String> armTemplates = new ArrayList<>();

  /** Refuses templates that there are not. */
  public void check(CommonOptions common) {
    armTemplates(common).values().forEach(name -> TemplateOptions.known("--arm-template", name, common));
    if (template != null) {
      TemplateOptions.known("--template", template, common);
    }
  }

  /** What the models are opened with. */
  public GenArmBuilder builder(CommonOptions common) {
    GenArmBuilder builder = common.builder().kvBytes(kvBytes).components(true);
    armTemplates(common).forEach(builder::armTemplate);
    if (template != null) {
      builder.template(template);
    }
    return builder;
  }

  public Map<String, String> armTemplates(CommonOptions common) {
    return common.byArm("--arm-template", armTemplates);
  }

  /** What prompts are put into. */
  public String template() {
    return template == null ? "none" : template;
  }

  public String modelName(CommonOptions common) {
    Path directory = common.base().toAbsolutePath().normalize();
    Path folder = directory.getFileName() == null ? directory : directory.getFileName();
    return modelName == null ? folder.toString() : modelName;
  }
}

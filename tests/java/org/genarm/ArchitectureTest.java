package org.genarm;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import java.util.ArrayList;
import java.util.List;

/**
 * Imports point one way: cli → server, batch → openai; eval → score; openai, eval, train → GenArm; score, GenArm → engine
 * → guidance → model → checkpoint → binding; the tokenizer imports nothing, and the engine and what lies below it know no text.
 */
@AnalyzeClasses(packages = "org.genarm", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
  private static final String BINDING = "org.genarm.binding..";
  private static final String CHECKPOINT = "org.genarm.checkpoint..";
  private static final String MODEL = "org.genarm.model..";
  private static final String GUIDANCE = "org.genarm.guidance..";
  private static final String ENGINE = "org.genarm.engine..";
  private static final String TOKENIZER = "org.genarm.tokenizer..";
  private static final String FACADE = "org.genarm";
  private static final String TRAIN = "org.genarm.train..";
  private static final String SCORE = "org.genarm.score..";
  private static final String EVAL = "org.genarm.eval..";
  private static final String DEVICE = "org.genarm.device..";
  private static final String CUDA_PRESETS = "org.genarm.device.cuda..";
  private static final String OPENAI = "org.genarm.openai..";
  private static final String SERVER = "org.genarm.server..";
  private static final String BATCH = "org.genarm.batch..";

  @ArchTest static final ArchRule bindingImportsNothing = room(BINDING);

  @ArchTest static final ArchRule checkpointImportsBinding = room(CHECKPOINT, BINDING);

  @ArchTest static final ArchRule modelImportsCheckpointAndBelow = room(MODEL, CHECKPOINT, BINDING);

  @ArchTest static final ArchRule guidanceImportsModelAndBelow = room(GUIDANCE, MODEL, CHECKPOINT, BINDING);

  @ArchTest static final ArchRule engineImportsGuidanceAndBelow = room(ENGINE, GUIDANCE, MODEL, CHECKPOINT, BINDING);

  @ArchTest static final ArchRule tokenizerImportsNothing = room(TOKENIZER);

  @ArchTest
  static final ArchRule theFacadeImportsEngineTokenizerAndBelow =
      room(FACADE, ENGINE, TOKENIZER, GUIDANCE, MODEL, CHECKPOINT, BINDING);

  @ArchTest
  static final ArchRule trainImportsTheFacadeAndBelow =
      room(TRAIN, FACADE, ENGINE, TOKENIZER, GUIDANCE, MODEL, CHECKPOINT, BINDING);

  @ArchTest
  static final ArchRule scoreImportsEngineTokenizerAndBelow =
      room(SCORE, ENGINE, TOKENIZER, GUIDANCE, MODEL, CHECKPOINT, BINDING);

  @ArchTest
  static final ArchRule evalImportsScoreTheFacadeAndBelow =
      room(EVAL, SCORE, FACADE, ENGINE, TOKENIZER, GUIDANCE, MODEL, CHECKPOINT, BINDING);

  @ArchTest
  static final ArchRule openaiImportsTheFacadeAndBelow =
      room(OPENAI, FACADE, ENGINE, TOKENIZER, GUIDANCE, MODEL, CHECKPOINT, BINDING);

  @ArchTest
  static final ArchRule serverImportsOpenaiTheFacadeAndBelow =
      room(SERVER, OPENAI, FACADE, ENGINE, TOKENIZER, GUIDANCE, MODEL, CHECKPOINT, BINDING);

  @ArchTest
  static final ArchRule batchImportsOpenaiTheFacadeAndBelow =
      room(BATCH, OPENAI, FACADE, ENGINE, TOKENIZER, GUIDANCE, MODEL, CHECKPOINT, BINDING);

  @ArchTest
  static final ArchRule onlyTheServerKnowsHttp =
      noClasses().that(not(resideInAPackage(SERVER))).should().dependOnClassesThat(resideInAPackage("io.vertx.."));

  @ArchTest static final ArchRule deviceImportsNothing = room(DEVICE);

  @ArchTest
  static final ArchRule onlyBindingKnowsJavaCpp =
      noClasses()
          .that(not(resideInAnyPackage(BINDING, CUDA_PRESETS)))
          .should()
          .dependOnClassesThat(resideInAnyPackage("org.bytedeco..", "org.genarm.binding.door.."));

  /** So that nothing of them loads where there is no GPU: a ServiceLoader finds the room, no class names it. */
  @ArchTest
  static final ArchRule thePresetsAreNamedByNobody =
      noClasses()
          .that(not(resideInAPackage(CUDA_PRESETS)))
          .should()
          .dependOnClassesThat(resideInAnyPackage(CUDA_PRESETS, "org.bytedeco.cuda.."));

  @ArchTest
  static final ArchRule onlyTheCommandLineKnowsTerminals =
      noClasses()
          .that(not(resideInAPackage("org.genarm.cli..")))
          .should()
          .dependOnClassesThat(resideInAnyPackage("picocli..", "me.tongfei.."));

  /** Within the command line: verbs know what they share, and it knows no verb. */
  @ArchTest
  static final ArchRule whatVerbsShareKnowsNoVerb =
      noClasses()
          .that(resideInAnyPackage("org.genarm.cli.options", "org.genarm.cli.console"))
          .should()
          .dependOnClassesThat(
              resideInAnyPackage("org.genarm.cli", "org.genarm.cli.measure", "org.genarm.cli.alignment"));

  @ArchTest
  static final ArchRule measuringKnowsNoOtherVerb =
      noClasses()
          .that(resideInAPackage("org.genarm.cli.measure"))
          .should()
          .dependOnClassesThat(resideInAnyPackage("org.genarm.cli", "org.genarm.cli.alignment"));

  @ArchTest
  static final ArchRule aligningKnowsNoOtherVerb =
      noClasses()
          .that(resideInAPackage("org.genarm.cli.alignment"))
          .should()
          .dependOnClassesThat(resideInAnyPackage("org.genarm.cli", "org.genarm.cli.measure"));

  /** A room that may import these others of ours, and itself. */
  private static ArchRule room(String room, String... others) {
    List<String> allowed = new ArrayList<>(List.of(others));
    allowed.add(room);
    return noClasses()
        .that(resideInAPackage(room))
        .should()
        .dependOnClassesThat(
            resideInAPackage("org.genarm..").and(not(resideInAnyPackage(allowed.toArray(String[]::new)))))
        .allowEmptyShould(true);
  }
}

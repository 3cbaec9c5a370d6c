package org.genarm.openai;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;
import org.genarm.GenArm;
import org.genarm.engine.TokenLaw;

/**
 * Laws as OpenAI's two endpoints write them. A token outside the law has −9999 instead of minus infinity, which JSON
 * does not have; OpenAI does the same. Components stand beside by model: the base's and each reward model's own.
 */
final class LogprobsJson {
  private static final float IMPOSSIBLE = -9999;
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

  private final IntFunction<String> tokenText;
  private final IntFunction<String> writtenText;
  private final List<String> models;

  /** components: whether each model's own log-probabilities are told. */
  LogprobsJson(GenArm genArm, boolean components) {
    tokenText = genArm.hasTokenizer() ? genArm::tokenText : id -> "token_id:" + id;
    writtenText = genArm::writtenText;
    models = names(genArm, components);
  }

  private static List<String> names(GenArm genArm, boolean components) {
    List<String> names = new ArrayList<>();
    if (components) {
      names.add("base");
      names.addAll(genArm.arms());
    }
    return names;
  }

  /** The {@code logprobs} of a completion's choice, parallel lists; from: where its tokens' text begins. */
  ObjectNode ofCompletion(ResponseShape.Text text, int from) {
    ObjectNode logprobs = NODES.objectNode();
    ArrayNode tokens = logprobs.putArray("tokens");
    ArrayNode tokenLogprobs = logprobs.putArray("token_logprobs");
    ArrayNode top = logprobs.putArray("top_logprobs");
    ArrayNode offsets = logprobs.putArray("text_offset");
    List<ArrayNode> components = new ArrayList<>();
    ObjectNode byModel = models.isEmpty() ? null : logprobs.putObject("components");
    models.forEach(model -> components.add(byModel.putArray(model)));

    int offset = from;
    List<TokenLaw> laws = new ArrayList<>();
    if (text.echo() != null && text.echo().laws() != null) {
      String first = tokenText.apply(text.echo().ids()[0]);
      tokens.add(first);
      tokenLogprobs.addNull();
      top.addNull();
      offsets.add(offset);
      components.forEach(ArrayNode::addNull);
      offset += writtenText.apply(text.echo().ids()[0]).length();
      laws.addAll(text.echo().laws());
    }
    laws.addAll(text.laws());
    for (TokenLaw law : laws) {
      String token = tokenText.apply(law.drawn().token());
      tokens.add(token);
      tokenLogprobs.add(number(law.drawn().logprob()));
      ObjectNode likeliest = top.addObject();
      law.likeliest().forEach(one -> likeliest.set(tokenText.apply(one.token()), number(one.logprob())));
      likeliest.set(token, number(law.drawn().logprob()));
      offsets.add(offset);
      for (int model = 0; model < components.size(); model++) {
        components.get(model).add(number(law.drawn().models().get(model)));
      }
      offset += writtenText.apply(law.drawn().token()).length();
    }
    return logprobs;
  }

  /** Characters of the text that the tokens which {@link #ofCompletion} tells add. */
  int characters(ResponseShape.Text text) {
    int characters = 0;
    if (text.echo() != null && text.echo().laws() != null) {
      for (int id : text.echo().ids()) {
        characters += writtenText.apply(id).length();
      }
    }
    for (TokenLaw law : text.laws()) {
      characters += writtenText.apply(law.drawn().token()).length();
    }
    return characters;
  }

  /** The {@code logprobs} of a chat's choice: a list of objects. */
  ObjectNode ofChat(List<TokenLaw> laws) {
    ObjectNode logprobs = NODES.objectNode();
    ArrayNode content = logprobs.putArray("content");
    for (TokenLaw law : laws) {
      ObjectNode token = candidate(law.drawn());
      content.add(token);
      ArrayNode top = token.putArray("top_logprobs");
      law.likeliest().forEach(one -> top.add(candidate(one)));
    }
    return logprobs;
  }

  private ObjectNode candidate(TokenLaw.Candidate one) {
    ObjectNode node = NODES.objectNode();
    String token = tokenText.apply(one.token());
    node.put("token", token);
    node.set("logprob", number(one.logprob()));
    if (token.indexOf('\uFFFD') >= 0) {
      node.putNull("bytes");
    } else {
      ArrayNode bytes = node.putArray("bytes");
      for (byte value : token.getBytes(StandardCharsets.UTF_8)) {
        bytes.add(value & 0xFF);
      }
    }
    ObjectNode components = models.isEmpty() ? null : node.putObject("components");
    for (int model = 0; model < models.size(); model++) {
      components.set(models.get(model), number(one.models().get(model)));
    }
    return node;
  }

  private static JsonNode number(float logprob) {
    return Float.isNaN(logprob) ? NODES.nullNode() : NODES.numberNode(Math.max(logprob, IMPOSSIBLE));
  }
}

package org.genarm.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.ProxySelector;
import java.net.SocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.genarm.tokenizer.jinja.TemplateException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the files of a tokenizer may look like, and what is refused. */
class TokenizerFilesTest {
  private static final String SMALL =
      "{'version':'1.0','added_tokens':[{'id':2,'content':'<s>','single_word':false,'lstrip':false,'rstrip':false,"
          + "'normalized':false,'special':true}],'model':{'type':'BPE','vocab':{'a':0,'b':1},'merges':[]}}";

  @TempDir Path directory;

  private Tokenizer open(String tokenizer, String config) throws IOException {
    Files.writeString(directory.resolve("tokenizer.json"), tokenizer.replace('\'', '"'));
    if (config != null) {
      Files.writeString(directory.resolve("tokenizer_config.json"), config.replace('\'', '"'));
    }
    return Tokenizer.open(directory).orElseThrow();
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
    "``                                          | expected an object, found null",
    "{                                           | not the JSON of a tokenizer",
    "[]                                          | expected an object, found START_ARRAY",
    "{}                                          | expected tokens in model.vocab, found none",
    "{'model':[]}                                | expected an object in model, found START_ARRAY",
    "{'model':{'vocab':{'a':'x'}}}               | expected an id for the token 'a', found VALUE_STRING",
    "{'model':{'vocab':{'a':-1}}}                | the token 'a' has id -1, expected 0 to 16777215",
    "{'model':{'vocab':{'a':4294967295}}}        | the token 'a' has id 4294967295, expected 0 to 16777215",
    "{'model':{'vocab':{'a':99999999999999999999}}} | not the JSON of a tokenizer",
    "{'model':{'vocab':{'a':0,'a':1}}}           | the token 'a' is in model.vocab twice",
    "{'model':{'vocab':[['a']]}}                 | not a tokenizer",
    "{'model':{'vocab':[5]}}                     | expected [token, score] at model.vocab[0], found VALUE_NUMBER_INT",
    "{'model':{'vocab':{'a':0}}}                 | not a tokenizer",
    "{'model':{'type':'BPE','vocab':{'a':0},'merges':[['a','z']]}} | not a tokenizer: Token `z` out of vocabulary",
    "{'added_tokens':[{'id':0}],'model':{'vocab':{'a':0}}} | expected id and content in each of added_tokens",
    "{'added_tokens':5,'model':{'vocab':{'a':0}}} | expected a list in added_tokens, found VALUE_NUMBER_INT",
    "{'model':{'vocab':{'a':0}}} trailing        | not the JSON of a tokenizer",
  })
  void aMalformedTokenizerIsOneErrorThatNamesTheFile(String json, String message) {
    var thrown = assertThrows(TokenizerException.class, () -> open(json, null));

    assertTrue(thrown.getMessage().startsWith(directory.resolve("tokenizer.json") + ": " + message), thrown.getMessage());
  }

  /** Each of these made the library abort the process, or encode to other ids than the file says. */
  @ParameterizedTest
  @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
    "'normalizer':{'type':'Sequence','normalizers':[{'type':'Precompiled','precompiled_charsmap':'AAAA'}]}"
        + " | the normalizer Precompiled is not supported",
    "'decoder':{'type':'Strip','content':'a','start':0,'stop':9} | the decoder Strip is supported with stop 0, found 9",
    "'post_processor':{'type':'TemplateProcessing','single':[{'SpecialToken':{'id':'x','type_id':0}}],'pair':[],"
        + "'special_tokens':{}} | TemplateProcessing names 'x', which is not in its special_tokens",
    "'post_processor':{'type':'TemplateProcessing','single':[{'Sequence':{'id':'B','type_id':0}}],'pair':[],"
        + "'special_tokens':{}} | TemplateProcessing for one text names the sequence 'B'",
    "'post_processor':{'type':'BertProcessing','sep':['x',9],'cls':['y',0]}"
        + " | cannot encode: it adds the id 9 to every text and has 3 tokens",
    "'model':{'type':'BPE','continuing_subword_prefix':'###','vocab':{'a':0,'b':1,'ab':2},'merges':['a b']}"
        + " | continuing_subword_prefix '###' is not supported",
    "'added_tokens':[{'id':9,'content':'<x>'}] | the added token '<x>' has id 9, by its place it is 2",
    "'added_tokens':[{'id':1,'content':'<x>'}] | the added token '<x>' has id 1, by its place it is 2",
  })
  void whatTheLibraryCannotBearIsRefusedBefore(String part, String message) {
    String model = part.startsWith("'model'") ? "" : "," + SMALL.substring(SMALL.indexOf("'model'"), SMALL.length() - 1);
    String added = part.startsWith("'post_processor':{'type':'Bert")
        ? SMALL.substring(SMALL.indexOf("'added"), SMALL.indexOf("'model'")) : "";

    var thrown = assertThrows(TokenizerException.class, () -> open("{" + added + part + model + "}", null));

    assertEquals(directory.resolve("tokenizer.json") + ": " + message, thrown.getMessage());
  }

  @Test
  void aDeepJsonIsRefused() {
    String deep = "{'x':" + "[".repeat(100_000) + "]".repeat(100_000) + "}";

    assertThrows(TokenizerException.class, () -> open(deep, null));
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
    "{                         | not JSON",
    "[]                        | expected an object",
    "{'bos_token':5}           | expected text or {\"content\": text} in bos_token, found 5",
    "{'bos_token':{}}          | expected text or {\"content\": text} in bos_token, found {}",
    "{'chat_template':5}       | ",
    "{'chat_template':[{'name':'default'}]} | expected chat_template as text or as a list of {name, template}",
  })
  void aMalformedConfigIsOneErrorThatNamesTheFile(String json, String message) throws IOException {
    if (message == null) {
      assertTrue(open(SMALL, json).chatTemplate().isEmpty());
      return;
    }
    var thrown = assertThrows(TokenizerException.class, () -> open(SMALL, json));

    String start = directory.resolve("tokenizer_config.json") + ": " + message;
    assertTrue(thrown.getMessage().startsWith(start), thrown.getMessage());
  }

  @Test
  void aFolderWithoutATokenizerHasNone() {
    assertEquals(Optional.empty(), Tokenizer.open(directory));
    assertEquals(Optional.empty(), Tokenizer.open(Path.of("bert-base-uncased")));
  }

  @Test
  void nothingIsFetched() throws IOException {
    List<URI> asked = Collections.synchronizedList(new ArrayList<>());
    ProxySelector before = ProxySelector.getDefault();
    ProxySelector.setDefault(new ProxySelector() {
      @Override
      public List<java.net.Proxy> select(URI uri) {
        asked.add(uri);
        throw new IllegalArgumentException("no network in tests: " + uri);
      }

      @Override
      public void connectFailed(URI uri, SocketAddress address, IOException failure) {}
    });
    try {
      Tokenizer.open(Path.of("bert-base-uncased"));
      open(SMALL, null).encode("ab", true);
    } finally {
      ProxySelector.setDefault(before);
    }

    assertEquals(List.of(), asked);
    assertEquals("true", System.getProperty("OPT_OUT_TRACKING"));
    assertEquals("cpu", System.getProperty("RUST_FLAVOR"));
  }

  @Test
  void truncationAndPaddingInTheFileAreIgnored() throws IOException {
    String cutting = SMALL.replace("'added_tokens'",
        "'truncation':{'direction':'Right','max_length':2,'strategy':'LongestFirst','stride':0},"
            + "'padding':{'strategy':{'Fixed':9},'direction':'Right','pad_to_multiple_of':null,'pad_id':0,"
            + "'pad_type_id':0,'pad_token':'a'},'added_tokens'");

    assertArrayEquals(new int[] {0, 1, 0}, open(cutting, null).encode("aba", false));
    assertArrayEquals(new int[] {1}, open(cutting, null).encode("b", false));
  }

  @Test
  void theConfigDecidesAboutBosWhereItSpeaks() throws IOException {
    String adding = SMALL.replace("'model'",
        "'post_processor':{'type':'TemplateProcessing','single':[{'SpecialToken':{'id':'<s>','type_id':0}},"
            + "{'Sequence':{'id':'A','type_id':0}}],'pair':[{'Sequence':{'id':'A','type_id':0}},"
            + "{'Sequence':{'id':'B','type_id':1}}],'special_tokens':{'<s>':{'id':'<s>','ids':[2],'tokens':['<s>']}}},"
            + "'model'");

    assertArrayEquals(new int[] {0}, open(SMALL, "{'bos_token':'<s>'}").encodePrompt("a"));
    assertArrayEquals(new int[] {2, 0}, open(SMALL, "{'bos_token':'<s>','add_bos_token':true}").encodePrompt("a"));
    assertArrayEquals(new int[] {2, 0}, open(adding, "{'bos_token':'<s>'}").encodePrompt("a"));
    assertArrayEquals(new int[] {0}, open(adding, "{'bos_token':'<s>','add_bos_token':false}").encodePrompt("a"));
  }

  @Test
  void aSpecialTokenIsTextOrAnObject() throws IOException {
    Tokenizer tokenizer = open(SMALL, "{'bos_token':{'content':'<s>','lstrip':false},'eos_token':null}");

    assertEquals(OptionalInt.of(2), tokenizer.bosId());
    assertEquals(OptionalInt.empty(), tokenizer.eosId());
    assertEquals(3, tokenizer.length());
    assertTrue(tokenizer.vocabulary().isSpecial(2));
  }

  @Test
  void theChatTemplateComesFromTheConfigOrItsOwnFile() throws IOException {
    List<Map<String, String>> messages = List.of();

    assertEquals("one", open(SMALL, "{'chat_template':'one'}").chatTemplate().orElseThrow().render(messages, false));
    String named = "{'chat_template':[{'name':'tool_use','template':'t'},{'name':'default','template':'two'}]}";
    assertEquals("two", open(SMALL, named).chatTemplate().orElseThrow().render(messages, false));
    Files.writeString(directory.resolve("chat_template.jinja"), "three{{ bos_token }}");
    assertEquals("three<s>",
        open(SMALL, "{'chat_template':'one','bos_token':'<s>'}").chatTemplate().orElseThrow().render(messages, false));
  }

  @Test
  void aBrokenChatTemplateLeavesTheTokenizerUsable() throws IOException {
    Tokenizer tokenizer = open(SMALL, "{'chat_template':'{% if'}");

    assertArrayEquals(new int[] {0}, tokenizer.encode("a", true));
    assertThrows(TemplateException.class, tokenizer::chatTemplate);
  }

  @Test
  void vocabulariesThatDifferAreExplained() throws IOException {
    Vocabulary small = open(SMALL, null).vocabulary();
    Vocabulary longer = open(SMALL.replace("'b':1", "'b':1,'<s>':2,'c':3"), null).vocabulary();
    Vocabulary other = open(SMALL.replace("'b':1", "'c':1"), null).vocabulary();

    assertEquals(Optional.empty(), small.difference(longer));
    assertEquals(Optional.empty(), longer.difference(small));
    assertEquals(Optional.of("id 1 is 'b' here and 'c' there (3 and 3 tokens)"), small.difference(other));
    assertEquals(small.fingerprint(), open(SMALL, null).vocabulary().fingerprint());
    assertTrue(!small.fingerprint().equals(other.fingerprint()));
  }
}

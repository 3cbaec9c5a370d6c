package org.genarm.tokenizer;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * Text to token ids and back, by the {@code tokenizer.json} of a Hugging Face directory.
 *
 * <p>Reads only the files it is given and reaches no network. Nothing is truncated or padded, whatever the file asks for.
 * Any thread may use it; after {@link #close} every use is an IllegalStateException.
 *
 * <p>A special token's text is that token wherever it stands, in a user's words too, as in transformers. Spaces before
 * punctuation are not cleaned up when decoding.
 */
public final class Tokenizer implements AutoCloseable {
  private static final long MAX_BYTES = 1L << 30;

  private final HuggingFaceTokenizer model;
  private final Vocabulary vocabulary;
  private final TokenizerSettings settings;
  private final int[] prefix;
  private final ReadWriteLock lock = new ReentrantReadWriteLock();
  private boolean closed;

  private Tokenizer(HuggingFaceTokenizer model, Vocabulary vocabulary, TokenizerSettings settings) {
    this.model = model;
    this.vocabulary = vocabulary;
    this.settings = settings;
    this.prefix = findPrefix();
  }

  /**
   * Opens a directory with a {@code tokenizer.json}, or that file itself; empty if there is none.
   *
   * @throws TokenizerException if a file cannot be read or is malformed; it names the file
   */
  public static Optional<Tokenizer> open(Path directoryOrFile) {
    boolean directory = Files.isDirectory(directoryOrFile);
    Path file = directory ? directoryOrFile.resolve("tokenizer.json") : directoryOrFile;
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    byte[] json = read(file);
    Vocabulary vocabulary = Vocabulary.read(json, file);
    TokenizerSettings settings = TokenizerSettings.read(file.toAbsolutePath().getParent());
    // The library reports its use to its makers from cloud machines, and fetches a CUDA build of itself where it finds a
    // GPU; these two say no to both, and must stand before its first class is loaded.
    System.setProperty("OPT_OUT_TRACKING", "true");
    System.setProperty("RUST_FLAVOR", "cpu");
    HuggingFaceTokenizer model;
    try {
      model = HuggingFaceTokenizer.newInstance(
          new ByteArrayInputStream(json), Map.of("truncation", "false", "padding", "false"));
    } catch (IOException | RuntimeException e) {
      throw new TokenizerException(file, "not a tokenizer: " + e.getMessage(), e);
    }
    try {
      return Optional.of(new Tokenizer(model, vocabulary, settings));
    } catch (RuntimeException e) {
      model.close();
      throw new TokenizerException(file, "cannot encode: " + e.getMessage(), e);
    }
  }

  private static byte[] read(Path file) {
    try {
      if (Files.size(file) > MAX_BYTES) {
        throw new TokenizerException(file, "has " + Files.size(file) + " bytes, at most " + MAX_BYTES + " are read");
      }
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw new TokenizerException(file, "cannot be read: " + e, e);
    }
  }

  /** The ids the tokenizer puts before a text: its BOS, as its post-processor and {@code add_bos_token} say. */
  private int[] findPrefix() {
    int[] plain = encode("a", false);
    int[] whole = encode("a", true);
    for (int id : whole) {
      if (id >= length()) {
        throw new IllegalArgumentException("it adds the id " + id + " to every text and has " + length() + " tokens");
      }
    }
    int before = Math.max(0, whole.length - plain.length);
    while (before > 0 && !Arrays.equals(whole, before, before + plain.length, plain, 0, plain.length)) {
      before--;
    }
    int[] added = Arrays.copyOf(whole, before);
    OptionalInt bos = bosId();
    if (settings.addBos() == null || bos.isEmpty()) {
      return added;
    }
    boolean has = added.length > 0 && added[0] == bos.getAsInt();
    return settings.addBos() ? has ? added : new int[] {bos.getAsInt()} : has ? new int[0] : added;
  }

  /**
   * The ids of a text; with {@code addSpecialTokens} also what the tokenizer's post-processor puts around it.
   *
   * @throws IllegalArgumentException if the text has a surrogate without its other half
   */
  public int[] encode(String text, boolean addSpecialTokens) {
    requireWhole(text);
    lock.readLock().lock();
    try {
      requireOpen();
      long[] ids = model.encode(text, addSpecialTokens, false).getIds();
      int[] result = new int[ids.length];
      for (int i = 0; i < ids.length; i++) {
        result[i] = (int) ids[i];
      }
      return result;
    } finally {
      lock.readLock().unlock();
    }
  }

  /** The ids of a text to be continued: the tokenizer's own BOS, once even if the text starts with it, and no EOS. */
  public int[] encodePrompt(String text) {
    int[] ids = encode(text, false);
    if (prefix.length == 0 || ids.length > 0 && ids[0] == prefix[0]) {
      return ids;
    }
    int[] whole = Arrays.copyOf(prefix, prefix.length + ids.length);
    System.arraycopy(ids, 0, whole, prefix.length, ids.length);
    return whole;
  }

  /** The ids of a prompt made by a {@link PromptTemplate}. */
  public int[] encode(Prompt prompt) {
    return prompt.addBos() ? encodePrompt(prompt.text()) : encode(prompt.text(), false);
  }

  /** The text of ids, all at once; for ids that arrive one by one see {@link StreamDecoder}. */
  public String decode(int[] ids, boolean skipSpecialTokens) {
    return decode(ids, 0, ids.length, skipSpecialTokens);
  }

  /**
   * The text of {@code ids[from..to)}.
   *
   * @throws IllegalArgumentException naming the first id that is not in the vocabulary
   */
  public String decode(int[] ids, int from, int to, boolean skipSpecialTokens) {
    long[] window = new long[to - from];
    for (int i = from; i < to; i++) {
      if (ids[i] < 0 || ids[i] >= length()) {
        throw new IllegalArgumentException(
            String.format("ids[%d] is %d, the tokenizer has %d tokens", i, ids[i], length()));
      }
      window[i - from] = ids[i];
    }
    lock.readLock().lock();
    try {
      requireOpen();
      return model.decode(window, skipSpecialTokens);
    } finally {
      lock.readLock().unlock();
    }
  }

  private static void requireWhole(String text) {
    for (int i = 0; i < text.length(); i++) {
      if (Character.isSurrogate(text.charAt(i))) {
        if (!Character.isHighSurrogate(text.charAt(i)) || i + 1 == text.length()
            || !Character.isLowSurrogate(text.charAt(i + 1))) {
          throw new IllegalArgumentException(
              String.format("the text has half a surrogate pair (U+%04X) at %d", (int) text.charAt(i), i));
        }
        i++;
      }
    }
  }

  private void requireOpen() {
    if (closed) {
      throw new IllegalStateException("the tokenizer is closed");
    }
  }

  /** The number of tokens: every id is below it. */
  public int length() {
    return vocabulary.length();
  }

  public Vocabulary vocabulary() {
    return vocabulary;
  }

  public Optional<String> bosToken() {
    return Optional.ofNullable(settings.specialTokens().get("bos_token"));
  }

  public Optional<String> eosToken() {
    return Optional.ofNullable(settings.specialTokens().get("eos_token"));
  }

  /** The id of the BOS token; empty if there is none or the vocabulary lacks it. */
  public OptionalInt bosId() {
    return bosToken().map(vocabulary::id).orElse(OptionalInt.empty());
  }

  /** The id of the EOS token; empty if there is none or the vocabulary lacks it. */
  public OptionalInt eosId() {
    return eosToken().map(vocabulary::id).orElse(OptionalInt.empty());
  }

  /**
   * The directory's chat template, parsed; empty if it has none.
   *
   * @throws org.genarm.tokenizer.jinja.TemplateException if it cannot be parsed
   */
  public Optional<ChatTemplate> chatTemplate() {
    return settings.chatTemplates().containsKey("default")
        ? Optional.of(new ChatTemplate(settings.chatTemplates(), settings.specialTokens()))
        : Optional.empty();
  }

  /** Frees the native tokenizer once running calls are done; a second call is harmless. */
  @Override
  public void close() {
    lock.writeLock().lock();
    try {
      if (!closed) {
        closed = true;
        model.close();
      }
    } finally {
      lock.writeLock().unlock();
    }
  }
}

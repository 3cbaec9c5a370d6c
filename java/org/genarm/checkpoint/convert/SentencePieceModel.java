package org.genarm.checkpoint.convert;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.genarm.checkpoint.CheckpointException;

/**
 * A SentencePiece {@code tokenizer.model} of type BPE, as the Llama-1/2 family has it.
 *
 * <p>Source: {@code sentencepiece_model.proto}, whose field numbers and defaults stand here.
 *
 * @param pieces by token id
 * @param byteFallback a character without a piece becomes the pieces of its UTF-8 bytes
 * @param unk id of the unknown token
 * @param bos id of the token that starts a text; below 0 where there is none
 * @param eos id of the token that ends one; below 0 where there is none
 * @param charsMap compiled rules of normalisation; empty where there are none, as in the Llama family
 * @param addDummyPrefix a text starts with a space
 * @param removeExtraWhitespaces spaces at both ends go, and of several in a row all but one
 */
record SentencePieceModel(
    List<Piece> pieces,
    boolean byteFallback,
    int unk,
    int bos,
    int eos,
    byte[] charsMap,
    boolean addDummyPrefix,
    boolean removeExtraWhitespaces) {
  enum Kind {
    NORMAL,
    UNKNOWN,
    CONTROL,
    USER_DEFINED,
    UNUSED,
    BYTE
  }

  record Piece(String text, float score, Kind kind) {}

  private static final long LARGEST_FILE = 64 << 20;
  private static final int MOST_PIECES = 1_000_000;
  private static final List<String> MODEL_TYPES = List.of("none", "UNIGRAM", "BPE", "WORD", "CHAR");
  private static final int UNIGRAM = 1;
  private static final int BPE = 2;
  private static final int BYTE_PIECES = 256;

  /** SentencePiece's trainer stops at 16 by default; every cut of a piece is tried when merges are made. */
  private static final int LONGEST_PIECE = 256;

  /** {@link CheckpointException} where the file is none, or of a type other than BPE. */
  static SentencePieceModel read(Path file) {
    try {
      long size = Files.size(file);
      if (size == 0 || size > LARGEST_FILE) {
        throw new CheckpointException(file, "1 to " + LARGEST_FILE + " bytes of SentencePiece model", size + "");
      }
      return new Reader(file).read(new Protobuf(file, ByteBuffer.wrap(Files.readAllBytes(file))));
    } catch (IOException unreadable) {
      throw new CheckpointException(file, "a readable file", unreadable);
    }
  }

  private static final class Reader {
    private final Path file;
    private final List<Piece> pieces = new ArrayList<>();
    private final Set<String> texts = new HashSet<>();
    private int modelType = UNIGRAM;
    private boolean byteFallback;
    private int unk;
    private int bos = 1;
    private int eos = 2;
    private byte[] charsMap = {};
    private boolean addDummyPrefix = true;
    private boolean removeExtraWhitespaces = true;

    Reader(Path file) {
      this.file = file;
    }

    SentencePieceModel read(Protobuf model) {
      while (model.next()) {
        switch (model.field()) {
          case 1 -> piece(model.message());
          case 2 -> trainer(model.message());
          case 3 -> normalizer(model.message());
          default -> {}
        }
      }
      require(modelType == BPE, "trainer_spec.model_type", "BPE", modelType());
      require(!pieces.isEmpty(), "pieces", "at least one", "none");
      long bytes = pieces.stream().filter(piece -> piece.kind() == Kind.BYTE).count();
      boolean fallback = !byteFallback || bytes == BYTE_PIECES;
      require(fallback, "trainer_spec.byte_fallback", BYTE_PIECES + " pieces of type BYTE", bytes + "");
      require(unk >= 0 && unk < pieces.size(), "trainer_spec.unk_id", "the id of a piece", unk + "");
      require(bos < pieces.size(), "trainer_spec.bos_id", "the id of a piece", bos + "");
      require(eos < pieces.size(), "trainer_spec.eos_id", "the id of a piece", eos + "");
      return new SentencePieceModel(
          pieces, byteFallback, unk, bos, eos, charsMap, addDummyPrefix, removeExtraWhitespaces);
    }

    private void piece(Protobuf message) {
      String text = "";
      float score = 0;
      int kind = 1;
      while (message.next()) {
        switch (message.field()) {
          case 1 -> text = message.text();
          case 2 -> score = message.real();
          case 3 -> kind = message.integer();
          default -> {}
        }
      }
      String name = "piece " + pieces.size();
      require(pieces.size() < MOST_PIECES, name, "at most " + MOST_PIECES + " pieces", "more");
      require(!text.isEmpty() && texts.add(text), name, "a text of its own", CheckpointException.quote(text));
      require(text.length() <= LONGEST_PIECE, name, "at most " + LONGEST_PIECE + " characters", text.length() + "");
      require(Float.isFinite(score), name, "a finite score", score + "");
      require(kind >= 1 && kind <= Kind.values().length, name, "a type from 1 to 6", kind + "");
      Kind known = Kind.values()[kind - 1];
      require(known != Kind.NORMAL || text.indexOf(' ') < 0, name, "spaces escaped", CheckpointException.quote(text));
      // SentencePiece splits these again after merging, which no tokenizer.json can say.
      require(known != Kind.UNUSED, name, "a piece in use", "type UNUSED");
      pieces.add(new Piece(text, score, known));
    }

    private void trainer(Protobuf message) {
      while (message.next()) {
        switch (message.field()) {
          case 3 -> modelType = message.integer();
          case 24 -> require(!message.flag(), "trainer_spec.treat_whitespace_as_suffix", "false", "true");
          case 35 -> byteFallback = message.flag();
          case 40 -> unk = message.integer();
          case 41 -> bos = message.integer();
          case 42 -> eos = message.integer();
          default -> {}
        }
      }
    }

    private void normalizer(Protobuf message) {
      while (message.next()) {
        switch (message.field()) {
          case 2 -> charsMap = message.bytes();
          case 3 -> addDummyPrefix = message.flag();
          case 4 -> removeExtraWhitespaces = message.flag();
          case 5 -> require(message.flag(), "normalizer_spec.escape_whitespaces", "true", "false");
          default -> {}
        }
      }
    }

    private String modelType() {
      boolean known = modelType > 0 && modelType < MODEL_TYPES.size();
      return known ? MODEL_TYPES.get(modelType) : "type " + modelType;
    }

    private void require(boolean holds, String field, String expected, String found) {
      if (!holds) {
        throw new CheckpointException(file, field, expected, found);
      }
    }
  }
}

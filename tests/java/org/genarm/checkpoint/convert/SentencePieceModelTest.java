package org.genarm.checkpoint.convert;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import org.genarm.checkpoint.CheckpointException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SentencePieceModelTest {
  private static final int NORMAL = 1;
  private static final int CONTROL = 3;
  private static final int UNUSED = 5;
  private static final byte[] BPE = flag(3, 2);

  @TempDir Path temp;

  @Test
  void mergesAreEveryWayToMakeAPieceBestScoreFirst() throws IOException {
    byte[] pieces =
        join(
            piece("<unk>", 0, 2),
            piece("<s>", 0, CONTROL),
            piece("</s>", 0, CONTROL),
            piece("aa", -0f, NORMAL),
            piece("aaa", -1, NORMAL),
            piece("🙂a", -2, NORMAL),
            piece("a", -3, NORMAL),
            piece("🙂", -4, NORMAL));

    SentencePieceModel model = read(pieces, message(2, BPE));

    List<String> merges =
        BpeMerges.of(model.pieces()).stream()
            .map(merge -> model.pieces().get(merge.left()).text() + "+" + model.pieces().get(merge.right()).text())
            .collect(Collectors.toList());
    assertEquals(List.of("a+a", "aa+a", "a+aa", "🙂+a"), merges);
  }

  @Test
  void defaultsAreThoseOfTheFormat() throws IOException {
    byte[] pieces = join(piece("a", 0, NORMAL), piece("b", 0, NORMAL), piece("c", 0, NORMAL));
    SentencePieceModel model = read(pieces, message(2, BPE));

    assertEquals(List.of(0, 1, 2), List.of(model.unk(), model.bos(), model.eos()));
    assertEquals(List.of(true, true, false),
        List.of(model.addDummyPrefix(), model.removeExtraWhitespaces(), model.byteFallback()));
  }

  @Test
  void whatATokenizerJsonCannotSayIsRefusedByName() {
    byte[] abc = join(piece("a", 0, NORMAL), piece("b", 0, NORMAL), piece("c", 0, NORMAL));

    refused("trainer_spec.model_type: expected BPE, found UNIGRAM", abc);
    refused("trainer_spec.model_type: expected BPE, found WORD", abc, message(2, flag(3, 3)));
    refused("trainer_spec.model_type: expected BPE, found type 9", abc, message(2, flag(3, 9)));
    refused("trainer_spec.treat_whitespace_as_suffix: expected false, found true", abc, message(2, flag(24, 1)));
    refused("trainer_spec.byte_fallback: expected 256 pieces of type BYTE, found 0", abc, message(2, BPE, flag(35, 1)));
    refused("trainer_spec.unk_id: expected the id of a piece, found 3", abc, message(2, BPE, flag(40, 3)));
    refused("trainer_spec.bos_id: expected the id of a piece, found 9", abc, message(2, BPE, flag(41, 9)));
    refused("normalizer_spec.escape_whitespaces: expected true, found false", abc, message(3, flag(5, 0)));
    refused("pieces: expected at least one, found none", message(2, BPE));
    refused("piece 0: expected a piece in use, found type UNUSED", piece("a", 0, UNUSED));
    refused("piece 1: expected a text of its own, found a", piece("a", 0, NORMAL), piece("a", 0, NORMAL));
    refused("piece 0: expected a finite score, found NaN", piece("a", Float.NaN, NORMAL));
    refused("piece 0: expected a type from 1 to 6, found 7", piece("a", 0, 7));
    refused("piece 0: expected spaces escaped, found a b", piece("a b", 0, NORMAL));
    refused("piece 0: expected at most 256 characters, found 257", piece("x".repeat(257), 0, NORMAL));
    refused("protobuf: expected wire type 2 for field 1, found wire type 0", flag(1, 1));
    refused("protobuf: expected a field of a protobuf message, found wire type 3", new byte[] {0x0b});
  }

  private void refused(String expected, byte[]... parts) {
    var thrown = assertThrows(CheckpointException.class, () -> read(parts));

    assertEquals(temp.resolve("tokenizer.model") + ": " + expected, thrown.getMessage());
  }

  private SentencePieceModel read(byte[]... parts) throws IOException {
    return SentencePieceModel.read(Files.write(temp.resolve("tokenizer.model"), join(parts)));
  }

  private static byte[] piece(String text, float score, int type) {
    byte[] real = ByteBuffer.allocate(5).order(ByteOrder.LITTLE_ENDIAN).put((byte) (2 << 3 | 5)).putFloat(score).array();
    return message(1, message(1, text.getBytes(StandardCharsets.UTF_8)), real, flag(3, type));
  }

  private static byte[] message(int field, byte[]... parts) {
    byte[] content = join(parts);
    return join(varint(field << 3 | 2), varint(content.length), content);
  }

  private static byte[] flag(int field, int value) {
    return join(varint(field << 3), varint(value));
  }

  private static byte[] varint(int value) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (int rest = value; ; rest >>>= 7) {
      if (rest < 0x80) {
        out.write(rest);
        return out.toByteArray();
      }
      out.write(rest & 0x7f | 0x80);
    }
  }

  private static byte[] join(byte[]... parts) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      out.writeBytes(part);
    }
    return out.toByteArray();
  }
}

package org.genarm.checkpoint.convert;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * The merges of a byte-pair encoding, out of a SentencePiece model that has scores of pieces alone: every way to make a
 * piece of two others, best score first. Source: transformers, {@code generate_merges} and SentencePieceExtractor.
 */
final class BpeMerges {
  /** Two pieces that become one; lengths in characters of Unicode. */
  record Merge(int left, int right, int leftLength, int rightLength, float score) {}

  private static final Comparator<Merge> BY_PARTS = Comparator.comparingInt(Merge::left).thenComparingInt(Merge::right);

  private static final Comparator<Merge> BEST_FIRST =
      Comparator.comparing(Merge::score).thenComparing(Merge::leftLength).thenComparing(Merge::rightLength).reversed();

  private BpeMerges() {}

  /** As ids of the two pieces, in the order in which they apply. */
  static List<Merge> of(List<SentencePieceModel.Piece> pieces) {
    Map<String, Integer> ids = new HashMap<>();
    for (int i = 0; i < pieces.size(); i++) {
      if (merges(pieces.get(i))) {
        ids.put(pieces.get(i).text(), i);
      }
    }
    List<Merge> merges = new ArrayList<>();
    for (SentencePieceModel.Piece piece : pieces) {
      if (merges(piece)) {
        merges.addAll(waysTo(piece, ids));
      }
    }
    merges.sort(BEST_FIRST);
    return merges;
  }

  private static List<Merge> waysTo(SentencePieceModel.Piece piece, Map<String, Integer> ids) {
    String text = piece.text();
    int length = text.codePointCount(0, text.length());
    List<Merge> ways = new ArrayList<>();
    for (int i = 1; i < length; i++) {
      int cut = text.offsetByCodePoints(0, i);
      Integer left = ids.get(text.substring(0, cut));
      Integer right = ids.get(text.substring(cut));
      if (left != null && right != null) {
        // The first merge of a trained model scores -0, which Java's order holds for less than 0.
        ways.add(new Merge(left, right, i, length - i, piece.score() + 0f));
      }
    }
    return ways.stream().sorted(BY_PARTS).collect(Collectors.toList());
  }

  /** Control, byte and user-defined pieces are matched whole or made otherwise, never merged. */
  private static boolean merges(SentencePieceModel.Piece piece) {
    return piece.kind() == SentencePieceModel.Kind.NORMAL;
  }
}

"""Makes convert/tokenizer-*: SentencePiece models with what transformers' LlamaConverter makes of texts.

    pip install transformers sentencepiece protobuf
    python tests/golden/make_sentencepiece.py
"""
import gzip
import io
import itertools
import json
import pathlib
import shutil
import tempfile
import types

import sentencepiece
from tokenizers import AddedToken, Tokenizer, processors
from transformers.convert_slow_tokenizer import LlamaConverter
from transformers.tokenization_utils_base import generate_merges

HERE = pathlib.Path(__file__).parent
OUT = HERE / "convert"

TEXTS = [
    "Hello world", " leading space", "  two spaces", "trailing  ", "a  b   c", "", " ", "The theory of the thing.",
    "naïve café — “quotes”", "日本語のテキスト", "emoji 🙂🙃 done", "tab\tand\nnewline\r\n", "<0x0A> is not a byte",
    "x▁y", "1234567890", "ﬁne ①", "null\0byte", "don't can't won't", "e\u0301 combining", "مرحبا",
    "The quick brown fox jumps over the lazy dog. " * 6,
]
SPECIAL = ["<s>Hello</s>", "Hello <s> world", "a</s> b<unk>c", "<s"]


def trained(path, **options):
    with gzip.open(HERE.parent.parent / "models" / "data" / "corpus.jsonl.gz", "rt") as corpus:
        sentences = [json.loads(line)["text"] for line in itertools.islice(corpus, 60)] + TEXTS * 4
    settings = dict(model_type="bpe", vocab_size=420, byte_fallback=True, normalization_rule_name="identity",
                    remove_extra_whitespaces=False, split_digits=True, character_coverage=0.995, num_threads=1,
                    allow_whitespace_only_pieces=True, minloglevel=2)
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences), model_writer=out, **(settings | options))
    (path / "tokenizer.model").write_bytes(out.getvalue())
    return sentencepiece.SentencePieceProcessor(model_proto=out.getvalue())


class Extractor:
    """transformers 4's SentencePieceExtractor: merges by score. Version 5 has it for whole tokenizers alone."""

    def __init__(self, file):
        self.file = file

    def extract(self, vocab_scores):
        pieces = {piece: i for i, (piece, _) in enumerate(vocab_scores)}
        return pieces, generate_merges(pieces, vocab_scores)


def converted(path, processor, legacy=True):
    original = types.SimpleNamespace(vocab_file=str(path / "tokenizer.model"), legacy=legacy, add_prefix_space=True,
                                     convert_ids_to_tokens=processor.id_to_piece)
    converter = LlamaConverter(original)
    converter.SpmExtractor = Extractor
    tokenizer: Tokenizer = converter.converted()
    tokenizer.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in ("<unk>", "<s>", "</s>")])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s>:0 $A:0", pair="<s>:0 $A:0 <s>:1 $B:1", special_tokens=[("<s>", 1)])
    return tokenizer


def cases(path, tokenizer, texts):
    rows = [{"text": t, "ids": (ids := tokenizer.encode(t).ids), "decoded": tokenizer.decode(ids)} for t in texts]
    write_rows(path, rows)


def write_rows(path, rows):
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    (path / "expected.json").write_text(f"[\n{lines}\n]\n")


def same_as_sentencepiece(processor, tokenizer, texts):
    for t in texts:
        assert tokenizer.encode(t, add_special_tokens=False).ids == processor.encode(t), t


def make_tokenizers():
    llama = folder("tokenizer-llama")
    processor = trained(llama)
    tokenizer = converted(llama, processor)
    same_as_sentencepiece(processor, tokenizer, TEXTS)
    cases(llama, tokenizer, TEXTS + SPECIAL)

    added = folder("tokenizer-added")  # no legacy; a symbol of its own, and a padding token beside the model
    processor = trained(added, user_defined_symbols=["<turn>"])
    (added / "tokenizer_config.json").write_text('{"legacy": false, "add_bos_token": true}')
    (added / "added_tokens.json").write_text('{"<pad>": 420}')
    (added / "special_tokens_map.json").write_text('{"pad_token": "<pad>"}')
    tokenizer = converted(added, processor, legacy=False)
    tokenizer.add_special_tokens([AddedToken("<pad>", normalized=False, special=True)])
    same_as_sentencepiece(processor, tokenizer, [t for t in TEXTS if not t.startswith(" ")])  # it adds none to these
    cases(added, tokenizer, TEXTS + SPECIAL + ["a<turn>b", "<turn> c", "x<pad>y<pad>"])

    # Rules of normalisation, which LlamaConverter does not carry over: here SentencePiece alone is the oracle. A few rules
    # stand for its default nmt_nfkc, whose compiled form has 240 KB.
    folded = folder("tokenizer-normalised")
    rules = [("\ufb01", "fi"), ("\u2460", "1"), ("e\u0301", "\u00e9"), ("\t", " "), ("\n", " "), ("\r", " ")]
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as tsv:
        for pattern, content in rules:
            tsv.write("\t".join(" ".join(f"{ord(c):X}" for c in side) for side in (pattern, content)) + "\n")
        tsv.flush()
        processor = trained(folded, normalization_rule_tsv=tsv.name, remove_extra_whitespaces=True)
    rows = [{"text": t, "ids": [1, *processor.encode(t)], "decoded": processor.decode(processor.encode(t))} for t in TEXTS]
    write_rows(folded, rows)

    trained(folder("tokenizer-unigram"), model_type="unigram")


def folder(name):
    path = OUT / name
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


if __name__ == "__main__":
    make_tokenizers()

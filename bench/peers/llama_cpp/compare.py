"""Times llama.cpp and the engine in turns: single-stream decode, prefill and guided decoding at equal bits.

    sh bench/peers/llama_cpp/fetch.sh
    python bench/peers/llama_cpp/compare.py CHECKPOINT [--arm CHECKPOINT] [--what decode prefill guided]

CHECKPOINT: a tied Llama in bfloat16 (bench/peers/make_random.py). Guided: base + ARM in the engine beside two llama.cpp
contexts (guided.py); the ARM is a LoRA adapter, and a separate model too with --arm. Prints a row for each dtype and
number of threads and, with --json FILE, writes every run. Needs numpy.
"""

import argparse
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
import genarm_door
import gguf
import guided
import llama
import turns

DTYPES = {"bf16": None, "int8": llama.Q8_0, "int4": llama.Q4_0}
WHAT = ["decode", "prefill", "guided"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=pathlib.Path)
    parser.add_argument("--arm", type=pathlib.Path, help="a separate ARM of the same vocabulary")
    parser.add_argument("--llama", type=pathlib.Path, default=pathlib.Path("target/llama_cpp"))
    parser.add_argument("--library", type=pathlib.Path, default=pathlib.Path("target/cmake/libgenarm.so"))
    parser.add_argument("--what", nargs="+", choices=WHAT, default=WHAT)
    parser.add_argument("--dtypes", nargs="+", choices=DTYPES, default=list(DTYPES))
    parser.add_argument("--activations", choices=["f32", "bf16", "int8"],
                        help="of the engine; llama.cpp's are as wide as its weights: bf16, or int8 beside Q8_0 and Q4_0")
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--decode", type=int, default=32, help="tokens of a decode run")
    parser.add_argument("--prefill", type=int, default=512, help="tokens of a prefill run")
    parser.add_argument("--json", type=pathlib.Path)
    return parser.parse_args()


def converted(library, checkpoint, dtype, folder):
    """The checkpoint as GGUF at this dtype, made once."""
    path = folder / f"{checkpoint.name}-bf16.gguf"
    if not path.exists():
        gguf.write(checkpoint, path)
    if DTYPES[dtype] is None:
        return path
    quantised = folder / f"{checkpoint.name}-{dtype}.gguf"
    if not quantised.exists():
        library.quantise(path, quantised, DTYPES[dtype])
    return quantised


def measure(args, table, threads, ours, peer, what, count, size):
    prefill = what.startswith("prefill")
    for model in (ours, peer):
        turns.tokens_per_second(model, min(count, 64), prefill)
    row = turns.take(lambda: turns.tokens_per_second(ours, count, prefill),
                     lambda: turns.tokens_per_second(peer, count, prefill), args.runs,
                     lambda: genarm_door.read_bandwidth(args.library, threads))
    table.add({"what": f"{what}, {turns.threads(threads)}", "peer": "llama.cpp", "unit": "tokens/s", "threads": threads,
               "tokens": count, "bytes": 0 if prefill else size, **row})


def alone(args, table, library, dtype, activations, threads):
    """Decode and prefill of one model."""
    context = max(args.prefill, turns.PROMPT + args.decode, 64) + 64
    ours = genarm_door.Model(args.library, args.checkpoint, threads, context, dtype, activations)
    peer = llama.Model(library, converted(library, args.checkpoint, dtype, args.llama), threads, context)
    for what in ("decode", "prefill"):
        if what in args.what:
            count = getattr(args, what)
            title = f"{what}, {dtype}" if what == "decode" else f"{what} {count}, {dtype}"
            measure(args, table, threads, ours, peer, title, count, ours.bytes())
    ours.close()
    peer.close()


def together(args, table, library, dtype, activations, threads, arm):
    """Guided decoding with a LoRA ARM (arm: None) or a separate one."""
    vocab = json.loads((args.checkpoint / "config.json").read_text())["vocab_size"]
    context = turns.PROMPT + max(args.decode, 64) + 64
    base, other = (converted(library, model, dtype, args.llama) for model in (args.checkpoint, arm or args.checkpoint))
    ours = guided.Guided(args.library, args.checkpoint, arm, dtype, activations, threads, vocab, context)
    peer = guided.Pair(library, base, other, threads, vocab, context)
    measure(args, table, threads, ours, peer, f"guided, {'separate' if arm else 'LoRA'} ARM, {dtype}", args.decode,
            ours.bytes())
    ours.close()
    peer.close()


def main():
    args = arguments()
    library, table = llama.Library(args.llama), turns.Table(args.json)
    for dtype in args.dtypes:
        activations = args.activations or ("int8" if DTYPES[dtype] else "bf16")
        for threads in args.threads:
            if {"decode", "prefill"} & set(args.what):
                alone(args, table, library, dtype, activations, threads)
            if "guided" in args.what:
                for arm in [None] + [args.arm] * bool(args.arm):
                    together(args, table, library, dtype, activations, threads, arm)


if __name__ == "__main__":
    main()

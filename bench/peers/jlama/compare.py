"""Times Jlama on Java 25 and the engine in turns: single-stream decode and prefill at equal bits.

    sh bench/peers/jlama/fetch.sh
    python bench/peers/jlama/compare.py CHECKPOINT [--library target/cmake/libgenarm.so] [--runs 6]

Jlama runs in processes of its own that sleep while the engine is timed. Every mode that it might have for a width is
tried; its fastest is the peer, and what it answers to the others is printed. Jlama wants a tokenizer: a small one is
written beside links to the checkpoint. Needs numpy.
"""

import argparse
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
import genarm_door
import turns

# Jlama's names: what it keeps, what it may round a product's inputs to (the first is its own choice).
WIDTHS = {"bf16": ("BF16", ["BF16", "F32"]), "int8": ("I8", ["I8", "F32", "BF16"]), "int4": ("Q4", ["I8", "F32"])}
KERNELS = {"native": [], "vector": ["-Djlama.force_panama_tensor_operations=true"]}
# Those of its run-cli.sh, without its assertions.
FLAGS = ["-server", "-Xmx12g", "-Djdk.incubator.vector.VECTOR_ACCESS_OOB_CHECK=0",
         "--add-modules=jdk.incubator.vector", "--add-opens=jdk.incubator.vector/jdk.incubator.vector=ALL-UNNAMED",
         "--add-exports=java.base/sun.nio.ch=ALL-UNNAMED", "--enable-preview", "--enable-native-access=ALL-UNNAMED",
         "-XX:+UnlockDiagnosticVMOptions", "-XX:+AlignVector", "-XX:+UseStringDeduplication", "-XX:+UseCompressedOops"]
INLINE = [{"match": ["*.*"], "inline": ["+com.github.tjake.jlama.tensor.operations.PanamaTensorOperations::dotProduct*",
                                        "+com.github.tjake.jlama.tensor.operations.PanamaTensorOperations::quantize*",
                                        "+com.github.tjake.jlama.tensor.operations.PanamaTensorOperations*::mpack*",
                                        "+com.github.tjake.jlama.tensor.AbstractTensor::getOffset*",
                                        "+com.github.tjake.jlama.tensor.*::getVector*"]}]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=pathlib.Path)
    parser.add_argument("--jlama", type=pathlib.Path, default=pathlib.Path("target/jlama"))
    parser.add_argument("--java", default="/usr/lib/jvm/temurin-25-jdk-amd64/bin/java")
    parser.add_argument("--library", type=pathlib.Path, default=pathlib.Path("target/cmake/libgenarm.so"))
    parser.add_argument("--what", nargs="+", choices=["decode", "prefill"], default=["decode", "prefill"])
    parser.add_argument("--dtypes", nargs="+", choices=WIDTHS, default=list(WIDTHS))
    parser.add_argument("--modes", nargs="+", help="only these, as I8/native: inputs, kernels")
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--runs", type=int, default=6)
    parser.add_argument("--decode", type=int, default=16)
    parser.add_argument("--prefill", type=int, default=512)
    parser.add_argument("--trial", type=int, nargs=2, default=[8, 64], help="tokens decoded and prefilled to choose a mode")
    parser.add_argument("--json", type=pathlib.Path)
    return parser.parse_args()


def with_tokenizer(checkpoint, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("config.json", "model.safetensors"):
        link = folder / name
        if not link.exists():
            link.symlink_to((checkpoint / name).resolve())
    vocab = {chr(0x100 + i): i for i in range(512)}
    (folder / "tokenizer.json").write_text(json.dumps(
        {"model": {"type": "BPE", "unk_token": None, "fuse_unk": False, "byte_fallback": False, "vocab": vocab,
                   "ignore_merges": False, "merges": []}, "added_tokens": []}))
    (folder / "tokenizer_config.json").write_text(json.dumps({"bos_token": chr(0x100), "eos_token": chr(0x101)}))
    (folder / "README.md").touch()  # its quantiser copies one
    return folder


def java(args, kernels, *rest):
    rules = args.jlama / "inline.json"
    rules.write_text(json.dumps(INLINE))
    return [args.java, *FLAGS, f"-XX:CompilerDirectivesFile={rules}", *KERNELS[kernels], "-cp",
            f"{args.jlama}/classes:{args.jlama}/lib/*", "JlamaPeer", *map(str, rest)]


def quantised(args, folder, dtype):
    """The checkpoint as Jlama itself quantises it, made once; a stored bf16 one as it is."""
    if dtype == "bf16":
        return folder
    out = folder.parent / f"{folder.name}-{dtype}"
    if not (out / "config.json").exists():
        subprocess.run(java(args, "native", "quantise", folder, WIDTHS[dtype][0], out), check=True)
    return out


class Refused(Exception):
    """Jlama ended, with its own words."""


class Jlama:
    def __init__(self, args, folder, dtype, mode, threads):
        inputs, kernels = mode.split("/")
        self.log = args.jlama / "jlama.log"
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(java(args, kernels, quantised(args, folder, dtype), inputs, threads),
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
        self.mode, self.title = mode, self.answer("ready ")

    def answer(self, start):
        for line in self.process.stdout:
            if line.startswith(start):
                return line.removeprefix(start).strip()
        self.process.wait()
        said = [line.strip() for line in self.log.read_text().splitlines() if "Exception" in line or "Error" in line]
        raise Refused(said[-1] if said else f"status {self.process.returncode}")

    def tokens_per_second(self, what, count):
        self.process.stdin.write(f"{what} {count}\n")
        self.process.stdin.flush()
        return count / float(self.answer("seconds "))

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def fastest(args, folder, dtype, what, threads):
    """Its mode that is fastest in a trial, open; None where it has none."""
    modes = [f"{inputs}/{kernels}" for kernels in KERNELS for inputs in WIDTHS[dtype][1]]
    modes = [mode for mode in modes if not args.modes or mode in args.modes]
    best, trial = (0, None), args.trial[what == "prefill"]
    for mode in modes:
        try:
            peer = Jlama(args, folder, dtype, mode, threads)
            speed = max(peer.tokens_per_second(what, trial) for _ in range(3)) if len(modes) > 1 else 1
        except Refused as why:
            print(f"{WIDTHS[dtype][0]} weights, {mode}: {why}", file=sys.stderr, flush=True)
            continue
        if len(modes) > 1:
            print(f"{WIDTHS[dtype][0]} weights, {mode}, {what}, {turns.threads(threads)}: {speed:.2f} tokens/s in a trial",
                  file=sys.stderr, flush=True)
        loser = peer
        if speed > best[0]:
            best, loser = (speed, peer), best[1]
        if loser:
            loser.close()
    return best[1]


def measure(args, table, folder, dtype, threads, what):
    peer = fastest(args, folder, dtype, what, threads)
    if not peer:
        print(f"{what}, {dtype}, {turns.threads(threads)}: Jlama has no mode of this width", file=sys.stderr,
              flush=True)
        return
    count, prefill = getattr(args, what), what == "prefill"
    activations = "bf16" if dtype == "bf16" else "int8"
    context = max(args.prefill, 64) + args.decode + 64
    ours = genarm_door.Model(args.library, args.checkpoint, threads, context, dtype, activations)
    for _ in range(2):  # the JIT's
        turns.tokens_per_second(ours, min(count, 64), prefill)
        peer.tokens_per_second(what, count)
    row = turns.take(lambda: turns.tokens_per_second(ours, count, prefill), lambda: peer.tokens_per_second(what, count),
                     args.runs, lambda: genarm_door.read_bandwidth(args.library, threads))
    title = f"{what} {count}" if prefill else what
    table.add({"what": f"{title}, {dtype}, {turns.threads(threads)}", "peer": f"Jlama, {peer.mode}", "kernels": peer.title,
               "unit": "tokens/s", "threads": threads, "tokens": count, "bytes": 0 if prefill else ours.bytes(), **row})
    ours.close()
    peer.close()


def main():
    args = arguments()
    folder = with_tokenizer(args.checkpoint, args.jlama / args.checkpoint.name)
    table = turns.Table(args.json)
    for dtype in args.dtypes:
        for threads in args.threads:
            for what in args.what:
                measure(args, table, folder, dtype, threads, what)


if __name__ == "__main__":
    main()

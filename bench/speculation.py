"""Times speculation on one machine: off, on, on, off for each pair of models, beside what the formula says.

    python bench/speculation.py BASE ARM [BASE ARM ...] [--speculate arm] [--turns 2] [-- OPTIONS OF genarm bench latency]

One line a pair: r, the reward model's bytes over the base's; the acceptance β of a drafted token after accepted ones; the
mean length K of a draft; new tokens/s without and with speculation, the median of all turns' medians; the ratio of each
turn, its median with the least and the most; and what steps that cost nothing but their weights would give when models draft:
    (1 - β^(K+1)) / (1 - β) * (1 + r) / (r * (K + 1) + 1)
The reward model is read K times to draft and once more beside the base to verify. GENARM names the launcher. A
checkpoint is weighed by its files, less one of two tables of embeddings where there are two.
"""

import argparse
import json
import os
import pathlib
import statistics
import struct
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def read_bytes(directory):
    """Bytes that a step reads of a checkpoint."""
    total, embedding, head = 0, 0, 0
    for file in pathlib.Path(directory).glob("*.safetensors"):
        with open(file, "rb") as stream:
            header = json.loads(stream.read(struct.unpack("<Q", stream.read(8))[0]))
        for name, tensor in header.items():
            if name != "__metadata__":
                size = tensor["data_offsets"][1] - tensor["data_offsets"][0]
                total += size
                embedding += size if "embed_tokens" in name else 0
                head += size if name == "lm_head.weight" else 0
    return total - (embedding if head else 0)


def run(base, arm, speculate, options):
    command = [os.environ.get("GENARM", str(ROOT / "genarm")), "bench", "latency", "--base", base, "--arm", f"arm={arm}=1",
               "--speculate", speculate, "--json", "--quiet", *options]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return json.loads(done.stdout)


def formula(r, beta, length):
    tokens = length + 1 if beta == 1 else (1 - beta ** (length + 1)) / (1 - beta)
    return tokens * (1 + r) / (r * (length + 1) + 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--speculate", default="arm")
    parser.add_argument("--turns", type=int, default=2)
    split = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    args = parser.parse_args(sys.argv[1:split])
    options = sys.argv[split + 1:]

    print("| base | r | β | K | off, tokens/s (best) | on, tokens/s (best) | faster | formula |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for base, arm in zip(args.models[::2], args.models[1::2]):
        off, on = [], []
        for turn in range(args.turns):
            both = [("off", off), (args.speculate, on)]
            for speculate, ran in both if turn % 2 == 0 else both[::-1]:
                ran.append(run(base, arm, speculate, options))
        r = read_bytes(arm) / read_bytes(base)
        last = on[-1]
        tokens = last["output_len"] * last["batch_size"] * last["num_iters"]
        beta = last.get("acceptance", 0.0)
        length = last.get("drafted_tokens", 0) / (tokens - last.get("accepted_tokens", 0))
        medians = [statistics.median(one["tokens_per_second"] for one in ran) for ran in (off, on)]
        best = [max(one["best_tokens_per_second"] for one in ran) for ran in (off, on)]
        faster = [b["tokens_per_second"] / a["tokens_per_second"] for a, b in zip(off, on)]
        said = f"{formula(r, beta, length):.2f}" if args.speculate != "lookup" else "-"
        print(f"| {pathlib.Path(base).name} | {r:.3f} | {beta:.3f} | {length:.2f} | {medians[0]:.1f} ({best[0]:.1f}) "
              f"| {medians[1]:.1f} ({best[1]:.1f}) | **{statistics.median(faster):.2f}** ({min(faster):.2f} to {max(faster):.2f}) "
              f"| {said} |", flush=True)


if __name__ == "__main__":
    main()

"""Times the transformers loop and the engine's command line in turns: guided generation of a whole batch.

    python bench/peers/transformers_compare.py BASE ARM BATCH NEW_TOKENS [--turns 2] [OPTIONS of transformers_loop.py...]

A turn is a process on each side: its number is the median of its own runs, from the prompt to the last token, prompt
included, end-of-sequence tokens ignored, temperature 1, 16 prompt tokens.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE))
import genarm_door
import turns

PROMPT = str(turns.PROMPT)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base")
    parser.add_argument("arm")
    parser.add_argument("batch")
    parser.add_argument("tokens")
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--iterations", default="20", help="of the engine in a turn")
    parser.add_argument("--warm-up", default="5")
    parser.add_argument("--library", type=pathlib.Path, default=pathlib.Path("target/cmake/libgenarm.so"))
    parser.add_argument("--json", type=pathlib.Path)
    return parser.parse_known_args()


def run(*command):
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    result = json.loads(out)
    print(json.dumps(result), file=sys.stderr, flush=True)
    return result


def main():
    args, options = arguments()
    table = turns.Table(args.json)

    def ours():
        return run("./genarm", "bench", "latency", "--base", args.base, "--arm", f"{args.arm}=1", "--batch-size", args.batch,
                   "--input-len", PROMPT, "--output-len", args.tokens, "--num-iters", args.iterations,
                   "--num-iters-warmup", args.warm_up, "--json")["tokens_per_second"]

    def theirs():
        return run(sys.executable, str(HERE / "transformers_loop.py"), "--base", args.base, "--arm", args.arm, "--batch",
                   args.batch, "--prompt-tokens", PROMPT, "--new-tokens", args.tokens,
                   *options)["tokens_per_second"]["median"]

    cores = len(os.sched_getaffinity(0))
    row = turns.take(ours, theirs, args.turns, lambda: genarm_door.read_bandwidth(args.library, cores))
    table.add({"what": f"guided, batch {args.batch}, {args.tokens} tokens, {pathlib.Path(args.base).name}",
               "peer": "transformers loop", "unit": "tokens/s", "bytes": 0, **row})


if __name__ == "__main__":
    main()

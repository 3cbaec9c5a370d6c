"""The peer of a sweep: the plain transformers loop over the same prompts, weights and scorer.

    python bench/peers/transformers_sweep.py --prompts models/data/pairs-positive.jsonl --limit 200 --grid 0,1,2

Prompts have one length, so that a batch needs no padding. Short trials over one point choose precision and batch; then
every point is generated, decoded and scored by the mean valence of its words. At weight 0 the reward model does not run.
The time is from the first prompt to the last score: imports, loading and the trials are left out. Prints one JSON object.
"""

import argparse
import json
import re
import time

import torch
import transformers
from transformers_loop import DTYPES, generate, load

WORD = re.compile(r"[a-z']+")


def valence(lexicon, text):
    words = WORD.findall(text.lower())
    return sum(lexicon.get(word, 0) for word in words) / len(words) if words else 0.0


def respond(models, weight, prompts, batch, new_tokens):
    rows = []
    for start in range(0, len(prompts), batch):
        chosen = models[:1] if weight == 0 else models
        rows += generate(chosen, [1.0, weight][: len(chosen)], prompts[start:start + batch], new_tokens, "dynamic").tolist()
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", default="models/demo-base")
    parser.add_argument("--arm", default="models/demo-arm-positive")
    parser.add_argument("--prompts", default="models/data/pairs-positive.jsonl")
    parser.add_argument("--limit", type=int, default=200)
    parser.add_argument("--grid", default="0,1,2")
    parser.add_argument("--new-tokens", type=int, default=48)
    parser.add_argument("--lexicon", default="models/data/lexicon-afinn.json")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    lexicon = json.load(open(args.lexicon))
    tokenizer = transformers.AutoTokenizer.from_pretrained(args.base)
    lines = [json.loads(line)["prompt_ids"] for line, _ in zip(open(args.prompts), range(args.limit))]
    prompts = torch.tensor(lines)
    grid = [float(value) for value in args.grid.split(",")]

    trials = {}
    for dtype in DTYPES:
        models = [load(folder, dtype, "sdpa", False) for folder in (args.base, args.arm)]
        for batch in (16, 64, 256):
            respond(models, 1.0, prompts[:batch], batch, 4)
            start = time.perf_counter()
            respond(models, 1.0, prompts[:batch], batch, 12)
            trials[dtype, batch] = len(prompts[:batch]) / (time.perf_counter() - start)
    dtype, batch = max(trials, key=trials.get)
    models = [load(folder, dtype, "sdpa", False) for folder in (args.base, args.arm)]
    respond(models, 1.0, prompts[:batch], batch, 4)

    start = time.perf_counter()
    means = []
    for weight in grid:
        texts = tokenizer.batch_decode(respond(models, weight, prompts, batch, args.new_tokens), skip_special_tokens=True)
        means.append(sum(valence(lexicon, text) for text in texts) / len(texts))
    seconds = time.perf_counter() - start
    print(json.dumps({
        "peer": "transformers two-model loop", "torch": torch.__version__, "transformers": transformers.__version__,
        "dtype": dtype, "batch": batch, "prompts": len(prompts), "grid": grid, "new_tokens": args.new_tokens,
        "means": [round(mean, 4) for mean in means], "seconds": round(seconds, 2),
        "per_minute": round(60 * len(prompts) * len(grid) / seconds),
    }))


if __name__ == "__main__":
    main()

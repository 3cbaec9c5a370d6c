"""The peer of the speed claim: guided generation as a tuned plain transformers loop over two models.

    python bench/peers/transformers_loop.py --base models/demo-base --arm models/demo-arm-positive --batch 1

Each step runs the base and one reward model with a cache each, adds their logits, and draws from the softmax at
temperature 1; an end-of-sequence token does not stop a row. The number is new tokens of the whole batch over the wall
time from the prompt to the last token, prompt included. Short trials over
what is left at `auto` pick three choices, which then run in turns: the median is that of the fastest of them, the best
is the best run of all, so that the peer is as fast as transformers is on this machine. Prints one JSON object.
"""

import argparse
import gc
import itertools
import json
import platform
import statistics
import time

import torch
import transformers
from transformers import AutoModelForCausalLM, DynamicCache, StaticCache

NAMES = ["dtype", "attention", "cache", "threads"]  # what a choice chooses
DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16}


def new_cache(kind, model, length):
    return DynamicCache(config=model.config) if kind == "dynamic" else StaticCache(model.config, max_cache_len=length)


@torch.inference_mode()
def generate(models, weights, prompt, new_tokens, cache):
    """Token ids [batch, new_tokens] drawn from softmax(sum of weights[i] * logits of models[i])."""
    length = prompt.shape[1] + new_tokens
    caches = [new_cache(cache, model, length) for model in models]
    positions = torch.arange(length)[None]
    vocab = models[0].config.vocab_size
    out = torch.empty(prompt.shape[0], new_tokens, dtype=torch.int64)
    ids, start = prompt, 0
    for t in range(new_tokens):
        end = start + ids.shape[1]
        guided = None
        for model, weight, past in zip(models, weights, caches):
            logits = model(ids, past_key_values=past, use_cache=True, position_ids=positions[:, start:end],
                           logits_to_keep=1).logits[:, -1, :vocab].float()
            guided = logits if guided is None else guided.add_(logits, alpha=weight)
        ids = torch.multinomial(guided.softmax(-1), 1)
        out[:, t] = ids[:, 0]
        start = end
    return out


def timed(*args):
    start = time.perf_counter()
    out = generate(*args)
    return out.numel() / (time.perf_counter() - start)


def load(folder, dtype, attention, compiled):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=DTYPES[dtype], attn_implementation=attention).eval()
    if compiled:
        model.forward = torch.compile(model.forward, dynamic=False)
    return model


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", default="models/demo-base")
    parser.add_argument("--arm", default="models/demo-arm-positive")
    parser.add_argument("--weight", type=float, default=1.0)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--prompt-tokens", type=int, default=16)
    parser.add_argument("--new-tokens", type=int, default=128)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--threads", type=int, default=0, help="0: trials of 1, 2, 4, … up to the cores")
    parser.add_argument("--dtype", choices=["auto", *DTYPES], default="auto")
    parser.add_argument("--cache", choices=["auto", "dynamic", "static"], default="auto")
    parser.add_argument("--attention", choices=["auto", "sdpa", "eager"], default="auto")
    parser.add_argument("--compile", action="store_true", help="torch.compile both models (needs a C++ compiler)")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def main():
    args = parse()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.manual_seed(args.seed)
    vocab = transformers.AutoConfig.from_pretrained(args.base).vocab_size
    prompt = torch.randint(3, vocab, (args.batch, args.prompt_tokens))
    weights = [1.0, args.weight]

    cores = torch.get_num_threads()
    threads = [args.threads] if args.threads else [n for n in (1, 2, 4, 8, 16, 32, 64) if n < cores] + [cores]
    dtypes = list(DTYPES) if args.dtype == "auto" else [args.dtype]
    caches = ["dynamic", "static"] if args.cache == "auto" else [args.cache]
    attentions = ["sdpa", "eager"] if args.attention == "auto" else [args.attention]
    choices = list(itertools.product(dtypes, attentions, caches, threads))

    loaded = {}

    def run(choice, new_tokens):
        dtype, attention, cache, num_threads = choice
        if (dtype, attention) not in loaded:
            loaded[dtype, attention] = [load(d, dtype, attention, args.compile) for d in (args.base, args.arm)]
        torch.set_num_threads(num_threads)
        return timed(loaded[dtype, attention], weights, prompt, new_tokens, cache)

    gc.collect()
    gc.disable()
    trials = {}
    if len(choices) > 1:
        for choice in choices:
            run(choice, min(8, args.new_tokens))
            trials[choice] = max(run(choice, min(48, args.new_tokens)) for _ in range(3))
        choices = sorted(choices, key=trials.get)[-3:]  # short trials are noisy: the best three run in turns
    for choice in choices:
        run(choice, args.new_tokens)
    runs = {choice: [] for choice in choices}
    for _ in range(args.runs):
        for choice in choices:
            runs[choice].append(run(choice, args.new_tokens))
    fastest = max(choices, key=lambda choice: statistics.median(runs[choice]))
    print(json.dumps({
        "peer": "transformers two-model loop", "torch": torch.__version__, "transformers": transformers.__version__,
        "machine": platform.machine(), "base": args.base, "arm": args.arm, "weight": args.weight, "batch": args.batch,
        "prompt_tokens": args.prompt_tokens, "new_tokens": args.new_tokens, "compile": args.compile,
        **dict(zip(NAMES, fastest)),
        "tokens_per_second": {"median": round(statistics.median(runs[fastest]), 1),
                              "best": round(max(itertools.chain(*runs.values())), 1)},
        "runs": [{**dict(zip(NAMES, choice)), "tokens_per_second": [round(x, 1) for x in xs]} for choice, xs in runs.items()],
        "trials": [{**dict(zip(NAMES, choice)), "tokens_per_second": round(x, 1)} for choice, x in trials.items()],
    }, indent=1))


if __name__ == "__main__":
    main()

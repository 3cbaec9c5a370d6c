#!/usr/bin/env python3
"""Guided decoding steps in PyTorch on one GPU, random weights: the peers of bench/cuda/step_bench, its cases by its names.

reference   the models one after the other, eager, float32 log-softmax, combine, multinomial, .item() every token: what
            GenARM's published code does
compiled    all models, the combination and the draw in one compiled step, replayed as a CUDA graph, static KV cache
co-batched  the same, but LoRA reward models' rows go through the base's weights in one pass: our algorithm

A LoRA reward model is a model of its own to the first two, as to a user who loads it merged. int4 is PyTorch's own
product (_weight_int4pack_mm, that of gpt-fast) in groups of 128 columns: fewer bytes than GPTQ's or ours.

Options: --json FILE (lines appended; what stands there already is not measured again), --seconds S (begin nothing new
after), --smoke (tiny models on the CPU, to see that it runs).
"""
import argparse
import json
import os
import statistics
import time

import torch
import torch.nn.functional as F

SHAPES = {  # layers, hidden, intermediate, heads, kv heads, head dim, vocabulary
    "1B": (16, 2048, 8192, 32, 8, 64, 128256),
    "7B": (32, 4096, 11008, 32, 32, 128, 32000),
    "8B": (32, 4096, 14336, 32, 8, 128, 128256),
    "13B": (40, 5120, 13824, 40, 40, 128, 32000),
    "70B int4": (80, 8192, 28672, 64, 8, 128, 32000),
    "smoke": (2, 64, 96, 4, 2, 16, 200),
    "smoke int4": (2, 128, 256, 4, 2, 32, 200),
}
# Name, base, reward models, of which so many may be LoRAs of the base.
CASES = [("7B + LoRA", "7B", ["7B"], 1), ("Llama-3.2-1B", "1B", [], 0), ("7B + 7B", "7B", ["7B"], 0),
         ("7B + 2 LoRA", "7B", ["7B", "7B"], 2), ("70B int4 + 7B", "70B int4", ["7B"], 0), ("8B + 1B", "8B", ["1B"], 0),
         ("13B + 7B", "13B", ["7B"], 0)]
SMOKE_CASES = [("smoke + 2 LoRA", "smoke", ["smoke", "smoke"], 2), ("smoke int4 + smoke", "smoke int4", ["smoke"], 0)]
CONTEXT = 256
INT4_GROUP, INNER_TILES, RANK = 128, 8, 16
ARM_WEIGHT = 0.5


class Int4:
    """A random matrix for PyTorch's int4 product: numbers packed for tensor cores, a scale and a zero for each group."""

    def __init__(self, rows, columns, device):
        self.rows = rows
        if device == "cpu":
            numbers = torch.randint(0, 16, (rows, columns), dtype=torch.int32)
            self.packed = torch.ops.aten._convert_weight_to_int4pack_for_cpu(numbers, INNER_TILES)
            self.product = torch.ops.aten._weight_int4pack_mm_for_cpu
        else:
            size = (rows // 8, columns // (INNER_TILES * 16), 32, INNER_TILES // 2)
            self.packed = torch.randint(-2**31, 2**31 - 1, size, dtype=torch.int32, device=device)
            self.product = torch.ops.aten._weight_int4pack_mm
        self.scales = torch.full((columns // INT4_GROUP, rows, 2), 0.004, dtype=torch.bfloat16, device=device)

    def __call__(self, x):
        return self.product(x, self.packed, INT4_GROUP, self.scales)


class Bf16:
    def __init__(self, rows, columns, device):
        self.weight = torch.empty(rows, columns, device=device, dtype=torch.bfloat16).normal_(0, 0.02)

    def __call__(self, x):
        return F.linear(x, self.weight)


class Model:
    """A Llama with random weights, one new position a call, keys and values in a static cache."""

    def __init__(self, shape, batch, positions, device, num_loras=0):
        self.layers, self.hidden, inner, self.heads, self.kv_heads, self.dim, vocab = SHAPES[shape]
        self.positions, self.num_loras, self.lora_rows = positions, num_loras, num_loras * batch
        rows = batch + self.lora_rows
        matrix = Int4 if shape.endswith("int4") else Bf16

        q, kv = self.heads * self.dim, self.kv_heads * self.dim
        self.embedding = torch.empty(vocab, self.hidden, device=device, dtype=torch.bfloat16).normal_(0, 0.02)
        self.head = Bf16(vocab, self.hidden, device)
        self.weights = [(matrix(q + 2 * kv, self.hidden, device), matrix(self.hidden, q, device),
                         matrix(2 * inner, self.hidden, device), matrix(self.hidden, inner, device))
                        for _ in range(self.layers)]

        def adapters(*size):
            return torch.empty(num_loras, *size, device=device, dtype=torch.bfloat16).normal_(0, 0.02)

        num_adapted = self.layers if num_loras else 0
        self.lora = [(adapters(self.hidden, RANK), adapters(RANK, q + 2 * kv)) for _ in range(num_adapted)]
        self.cache = [torch.zeros(2, rows, self.kv_heads, positions, self.dim, device=device, dtype=torch.bfloat16)
                      for _ in range(self.layers)]
        angles = torch.outer(torch.arange(positions, device=device).float(),
                             1e4 ** (-torch.arange(0, self.dim, 2, device=device).float() / self.dim))
        self.cos, self.sin = angles.cos(), angles.sin()

    def rotate(self, x, position):
        cos, sin = self.cos[position].to(x.dtype), self.sin[position].to(x.dtype)
        a, b = x.chunk(2, dim=-1)
        return torch.cat((a * cos - b * sin, b * cos + a * sin), dim=-1)

    def hidden_states(self, ids, position):
        x = self.embedding[ids].float()
        mask = (torch.arange(self.positions, device=ids.device) <= position)[None]
        for l, (qkv_w, o_w, gate_up_w, down_w) in enumerate(self.weights):
            h = F.rms_norm(x, (self.hidden,)).to(torch.bfloat16)
            qkv = qkv_w(h)
            if self.lora:
                a, b = self.lora[l]
                delta = h[-self.lora_rows:].view(self.num_loras, -1, self.hidden) @ a @ b
                qkv = torch.cat((qkv[:-self.lora_rows], qkv[-self.lora_rows:] + delta.flatten(0, 1)))
            q, k, v = qkv.split((self.heads * self.dim, self.kv_heads * self.dim, self.kv_heads * self.dim), dim=-1)
            q = self.rotate(q.view(-1, self.heads, 1, self.dim), position)
            k = self.rotate(k.view(-1, self.kv_heads, 1, self.dim), position)
            self.cache[l][0].index_copy_(2, position, k)
            self.cache[l][1].index_copy_(2, position, v.view(-1, self.kv_heads, 1, self.dim))
            out = F.scaled_dot_product_attention(q, self.cache[l][0], self.cache[l][1], attn_mask=mask, enable_gqa=True)
            x = x + o_w(out.reshape(-1, self.heads * self.dim)).float()
            gate, up = gate_up_w(F.rms_norm(x, (self.hidden,)).to(torch.bfloat16)).chunk(2, dim=-1)
            x = x + down_w(F.silu(gate) * up).float()
        return F.rms_norm(x, (self.hidden,))

    def logits(self, x):
        return self.head(x.to(torch.bfloat16)).float()


def draw(logits):
    """Gumbel-max: the same law as softmax and multinomial, and nothing to wait for."""
    return (logits - torch.empty_like(logits).exponential_().log()).argmax(dim=-1)


def logits_of(models, ids, position):
    """Each model's, cut to the tokens that all of them have."""
    logits = [model.logits(model.hidden_states(ids, position)) for model in models]
    vocab = min(z.shape[1] for z in logits)
    return [z[:, :vocab] for z in logits]


def combined(base, arms):
    return base + ARM_WEIGHT * sum(arms) if arms else base


def all_models(models):
    def step(ids, position):
        base, *arms = logits_of(models, ids, position)
        return draw(combined(base, arms))
    return step


def co_batched(model, batch):
    def step(ids, position):
        x = model.hidden_states(ids.repeat(1 + model.num_loras), position)
        base, *arms = x.split(batch)
        return draw(model.logits(combined(base, arms)))  # one LM head for all
    return step


def reference(models):
    def step(ids, position):
        base, *arms = [torch.log_softmax(z, dim=-1) for z in logits_of(models, ids, position)]
        tokens = torch.multinomial(torch.softmax(combined(base, arms), dim=-1), 1).squeeze(-1)
        [token.item() for token in tokens]
        return tokens
    return step


def graphed(step, ids, position, device):
    """The compiled step as a CUDA graph that feeds its own tokens back."""
    compiled = torch.compile(step, fullgraph=True, mode="max-autotune-no-cudagraphs")
    if device == "cpu":
        return lambda: ids.copy_(step(ids, position))
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for _ in range(3):
            ids.copy_(compiled(ids, position))
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        ids.copy_(compiled(ids, position))
        position.add_(1)
    return graph.replay


def measure(run, steps, device):
    sync = torch.cuda.synchronize if device == "cuda" else (lambda: None)
    times = []
    for i in range(steps + 5):
        sync()
        begin = time.perf_counter()
        run()
        sync()
        if i >= 5:
            times.append((time.perf_counter() - begin) * 1e3)
    return times


def measured_before(path):
    """(name, kind, batch) of the results in a file of JSON lines."""
    found = set()
    if path and os.path.exists(path):
        with open(path) as file:
            for line in file:
                try:
                    result = json.loads(line)
                except ValueError:  # cut off
                    continue
                if result.get("section") == "peer":
                    found.add((result["name"], result["kind"], result["batch"]))
    return found


def time_case(case, kind, batch, steps, device):
    _, base, arms, num_loras = case
    positions = CONTEXT + steps + 16
    ids = torch.zeros(batch, dtype=torch.long, device=device)
    position = torch.full((1,), CONTEXT, dtype=torch.long, device=device)
    with torch.no_grad():
        if kind == "co-batched":
            step = co_batched(Model(base, batch, positions, device, num_loras), batch)
        else:
            models = [Model(shape, batch, positions, device) for shape in [base, *arms]]
            step = (reference if kind == "reference" else all_models)(models)
        run = graphed(step, ids, position, device) if kind != "reference" else (lambda: step(ids, position))
        times = sorted(measure(run, steps, device))
    median = statistics.median(times)
    return {"ms": round(median, 4), "ms_low": round(times[len(times) // 4], 4),
            "ms_high": round(times[len(times) * 3 // 4], 4), "tokens_per_s": round(batch * 1e3 / median, 1)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json")
    parser.add_argument("--seconds", type=float, default=1e9)
    parser.add_argument("--smoke", action="store_true")
    options = parser.parse_args()
    begin = time.time()
    device = "cpu" if options.smoke else "cuda"
    steps = 3 if options.smoke else 128
    done = measured_before(options.json)
    for batch in (2,) if options.smoke else (1, 8, 32, 128):
        for case in SMOKE_CASES if options.smoke else CASES:
            for kind in ("compiled", "co-batched", "reference"):
                name = case[0]
                if (kind == "co-batched" and case[3] == 0) or (name, kind, batch) in done:
                    continue
                if time.time() - begin > options.seconds:
                    return
                result = {"section": "peer", "name": name, "kind": kind, "batch": batch, "torch": torch.__version__}
                try:
                    result.update(time_case(case, kind, batch, steps, device))
                except torch.OutOfMemoryError:
                    result["skipped"] = "does not fit"
                except RuntimeError as error:  # what this version of PyTorch cannot do
                    result["skipped"] = str(error).splitlines()[0][:200].replace('"', "'")
                if device == "cuda":
                    torch.cuda.empty_cache()
                    torch.compiler.reset()
                print(json.dumps(result), flush=True)
                if options.json:
                    with open(options.json, "a") as file:
                        file.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()

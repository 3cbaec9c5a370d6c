#!/usr/bin/env python3
"""Guided decoding steps in PyTorch on one GPU: the peers of bench/cuda/step_bench, with random weights.

reference   two models one after the other, eager, float32 log-softmax, combine, multinomial, .item() every token: what
            GenARM's published code does
compiled    both models, the combination and the draw in one compiled step, replayed as a CUDA graph, static KV cache
co-batched  the same, but a LoRA reward model's rows go through the base's weights in one pass: our algorithm

Options: --json FILE (lines appended), --seconds S (begin nothing new after), --smoke (a tiny model on the CPU, to see that
it runs).
"""
import argparse
import json
import statistics
import time

import torch
import torch.nn.functional as F

SHAPES = {  # layers, hidden, intermediate, heads, kv heads, head dim, vocabulary
    "1B": (16, 2048, 8192, 32, 8, 64, 128256),
    "7B": (32, 4096, 11008, 32, 32, 128, 32000),
    "8B": (32, 4096, 14336, 32, 8, 128, 128256),
    "13B": (40, 5120, 13824, 40, 40, 128, 32000),
    "smoke": (2, 64, 96, 4, 2, 16, 200),
}
CONTEXT = 256


class Model:
    """A Llama with random weights, one new position a call, keys and values in a static cache."""

    def __init__(self, shape, batch, positions, device, lora_rows=0):
        self.layers, self.hidden, inner, self.heads, self.kv_heads, self.dim, vocab = SHAPES[shape]
        self.lora_rows, self.positions = lora_rows, positions
        rows = batch + lora_rows

        def matrix(*size):
            return torch.empty(*size, device=device, dtype=torch.bfloat16).normal_(0, 0.02)

        q, kv = self.heads * self.dim, self.kv_heads * self.dim
        self.embedding, self.head = matrix(vocab, self.hidden), matrix(vocab, self.hidden)
        self.weights = [(matrix(q + 2 * kv, self.hidden), matrix(self.hidden, q), matrix(2 * inner, self.hidden),
                         matrix(self.hidden, inner)) for _ in range(self.layers)]
        self.lora = [(matrix(16, self.hidden), matrix(q + 2 * kv, 16)) for _ in range(self.layers)] if lora_rows else None
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
            qkv = F.linear(h, qkv_w)
            if self.lora:
                a, b = self.lora[l]
                delta = F.linear(F.linear(h[-self.lora_rows:], a), b)
                qkv = torch.cat((qkv[:-self.lora_rows], qkv[-self.lora_rows:] + delta))
            q, k, v = qkv.split((self.heads * self.dim, self.kv_heads * self.dim, self.kv_heads * self.dim), dim=-1)
            q = self.rotate(q.view(-1, self.heads, 1, self.dim), position)
            k = self.rotate(k.view(-1, self.kv_heads, 1, self.dim), position)
            self.cache[l][0].index_copy_(2, position, k)
            self.cache[l][1].index_copy_(2, position, v.view(-1, self.kv_heads, 1, self.dim))
            out = F.scaled_dot_product_attention(q, self.cache[l][0], self.cache[l][1], attn_mask=mask, enable_gqa=True)
            x = x + F.linear(out.reshape(-1, self.heads * self.dim), o_w).float()
            gate, up = F.linear(F.rms_norm(x, (self.hidden,)).to(torch.bfloat16), gate_up_w).chunk(2, dim=-1)
            x = x + F.linear(F.silu(gate) * up, down_w).float()
        return F.rms_norm(x, (self.hidden,))

    def logits(self, x):
        return F.linear(x.to(torch.bfloat16), self.head).float()


def draw(logits):
    """Gumbel-max: the same law as softmax and multinomial, and nothing to wait for."""
    return (logits - torch.empty_like(logits).exponential_().log()).argmax(dim=-1)


def two_models(base, arm):
    def step(ids, position):
        vocab = min(base.head.shape[0], arm.head.shape[0])
        z = base.logits(base.hidden_states(ids, position))[:, :vocab] + 0.5 * arm.logits(arm.hidden_states(ids, position))[:, :vocab]
        return draw(z)
    return step


def co_batched(model, batch):
    def step(ids, position):
        x = model.hidden_states(torch.cat((ids, ids)), position)
        return draw(model.logits(x[:batch] + 0.5 * x[batch:]))  # one LM head for both
    return step


def reference(base, arm):
    def step(ids, position):
        z = torch.log_softmax(base.logits(base.hidden_states(ids, position)), dim=-1)
        z = z + 0.5 * torch.log_softmax(arm.logits(arm.hidden_states(ids, position))[:, :z.shape[1]], dim=-1)
        tokens = torch.multinomial(torch.softmax(z, dim=-1), 1).squeeze(-1)
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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json")
    parser.add_argument("--seconds", type=float, default=1e9)
    parser.add_argument("--smoke", action="store_true")
    options = parser.parse_args()
    begin = time.time()
    device = "cpu" if options.smoke else "cuda"
    steps = 3 if options.smoke else 128
    shapes = [("smoke", "smoke", True)] if options.smoke else [("7B", "7B", True), ("7B", "7B", False), ("8B", "1B", False),
                                                               ("13B", "7B", False), ("1B", "1B", True)]
    kinds = ("compiled", "co-batched", "reference")
    for batch in (2,) if options.smoke else (1, 8, 32, 128):
        for base_shape, arm_shape, lora in shapes:
            for kind in kinds:
                if time.time() - begin > options.seconds or (kind == "co-batched" and not lora):
                    continue
                name = f"{base_shape} + LoRA" if lora else f"{base_shape} + {arm_shape}"
                result = {"section": "peer", "name": name, "kind": kind, "batch": batch, "torch": torch.__version__}
                try:
                    positions = CONTEXT + steps + 16
                    ids = torch.zeros(batch, dtype=torch.long, device=device)
                    position = torch.full((1,), CONTEXT, dtype=torch.long, device=device)
                    with torch.no_grad():
                        if kind == "co-batched":
                            step = co_batched(Model(base_shape, batch, positions, device, lora_rows=batch), batch)
                        else:  # what a user does with a LoRA: two passes; its own weights stand for the second
                            pair = [Model(shape, batch, positions, device) for shape in (base_shape, arm_shape)]
                            step = (reference if kind == "reference" else two_models)(*pair)
                        run = graphed(step, ids, position, device) if kind != "reference" else (lambda: step(ids, position))
                        times = measure(run, steps, device)
                    times.sort()
                    median = statistics.median(times)
                    result.update(ms=round(median, 4), ms_low=round(times[len(times) // 4], 4),
                                  ms_high=round(times[len(times) * 3 // 4], 4), tokens_per_s=round(batch * 1e3 / median, 1))
                except torch.OutOfMemoryError:
                    result["skipped"] = "does not fit"
                step = run = pair = None
                if device == "cuda":
                    torch.cuda.empty_cache()
                print(json.dumps(result), flush=True)
                if options.json:
                    with open(options.json, "a") as file:
                        file.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()

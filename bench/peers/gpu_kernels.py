#!/usr/bin/env python3
"""cuBLAS and causal attention, through PyTorch, at the shapes of bench/cuda/kernel_bench: bf16 products over cold weights,
and scaled_dot_product_attention over cold keys and values, in CUDA graphs.

Options: --json FILE (lines appended), --ceiling GB/S, --seconds S (begin nothing new after), --smoke (tiny, on the CPU).
"""
import argparse
import json
import time

import torch

SHAPES = {  # name: [(kernel, outputs, inputs)]
    "7B": [("o_proj", 4096, 4096), ("down_proj", 4096, 11008), ("gate_up", 22016, 4096), ("lm_head", 32000, 4096)],
    "1B": [("o_proj", 2048, 2048), ("down_proj", 2048, 8192), ("gate_up", 16384, 2048), ("lm_head", 128256, 2048)],
    "8B": [("o_proj", 4096, 4096), ("down_proj", 4096, 14336), ("gate_up", 28672, 4096), ("lm_head", 128256, 4096)],
    "13B": [("o_proj", 5120, 5120), ("down_proj", 5120, 13824), ("gate_up", 27648, 5120), ("lm_head", 32000, 5120)],
}

HEADS = {  # name: (query heads, kv heads, numbers of a head)
    "7B": (32, 32, 128), "1B": (32, 8, 64), "70B": (64, 8, 128), "8B": (32, 8, 128), "13B": (40, 40, 128),
}
PROMPTS = (128, 512)
COLD_BYTES = 512 << 20


def measure(run, device, copies):
    if device == "cpu":
        begin = time.perf_counter()
        for i in range(copies):
            run(i)
        return [(time.perf_counter() - begin) / copies * 1e6]
    run(0)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for i in range(copies):
            run(i)
    times = []
    for _ in range(24):
        torch.cuda.synchronize()
        begin = time.perf_counter()
        graph.replay()
        torch.cuda.synchronize()
        times.append((time.perf_counter() - begin) / copies * 1e6)
    return sorted(times[3:])


class Report:
    """Prints results, and appends them to a file."""

    def __init__(self, options):
        self.options = options
        self.end = time.time() + options.seconds

    def out_of_time(self):
        return time.time() > self.end

    def add(self, name, model, rows, times, size, products):
        """size: bytes read; products: multiplications and additions of two numbers."""
        us = times[len(times) // 2]
        rate, ceiling = size / us / 1e3, self.options.ceiling
        result = {"section": "cublas", "name": name, "model": model, "format": "bf16", "rows": rows, "us": round(us, 2),
                  "gb_per_s": round(rate, 1), "share": round(rate / ceiling, 3) if ceiling else 0,
                  "tflops": round(2 * products / us / 1e6, 2), "torch": torch.__version__}
        print(json.dumps(result), flush=True)
        if self.options.json:
            with open(self.options.json, "a") as file:
                file.write(json.dumps(result) + "\n")


def random(device, *shape):
    return torch.empty(*shape, device=device, dtype=torch.bfloat16).normal_()


def products(report, shapes, device, smoke):
    for model, kernels in shapes.items():
        for kernel, outputs, inputs in kernels:
            size = outputs * inputs * 2
            copies = 2 if smoke else max(2, COLD_BYTES // size + 1)
            weights = [random(device, outputs, inputs) for _ in range(copies)]
            for rows in (1, 2, 8, 32, 128, 512):
                if report.out_of_time():
                    return
                x = random(device, rows, inputs)
                times = measure(lambda i: torch.nn.functional.linear(x, weights[i]), device, copies)
                report.add(kernel, model, rows, times, size, rows * outputs * inputs)


def prompts(report, heads, device, smoke):
    """A whole prompt's attention: every row sees itself and what stands before it."""
    for model, (num_heads, num_kv_heads, dim) in heads.items():
        for rows in (70,) if smoke else PROMPTS:
            if report.out_of_time():
                return
            size = 2 * num_kv_heads * rows * dim * 2
            copies = 2 if smoke else max(2, COLD_BYTES // size + 1)
            q = random(device, 1, num_heads, rows, dim)
            kv = [random(device, 2, 1, num_kv_heads, rows, dim) for _ in range(copies)]
            attend = torch.nn.functional.scaled_dot_product_attention
            times = measure(lambda i: attend(q, kv[i][0], kv[i][1], is_causal=True, enable_gqa=num_heads > num_kv_heads),
                            device, copies)
            report.add(f"attention of a prompt of {rows}", model, rows, times, size, num_heads * dim * rows * (rows + 1))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json")
    parser.add_argument("--ceiling", type=float, default=0)
    parser.add_argument("--seconds", type=float, default=1e9)
    parser.add_argument("--smoke", action="store_true")
    options = parser.parse_args()
    device = "cpu" if options.smoke else "cuda"
    report = Report(options)
    products(report, {"smoke": [("o_proj", 64, 64)]} if options.smoke else SHAPES, device, options.smoke)
    prompts(report, {"smoke": (4, 2, 16)} if options.smoke else HEADS, device, options.smoke)


if __name__ == "__main__":
    main()

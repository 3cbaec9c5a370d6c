#!/usr/bin/env python3
"""cuBLAS, through PyTorch, at the shapes of bench/cuda/kernel_bench: bf16 products over cold weights in a CUDA graph.

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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json")
    parser.add_argument("--ceiling", type=float, default=0)
    parser.add_argument("--seconds", type=float, default=1e9)
    parser.add_argument("--smoke", action="store_true")
    options = parser.parse_args()
    begin, device = time.time(), "cpu" if options.smoke else "cuda"
    shapes = {"smoke": [("o_proj", 64, 64)]} if options.smoke else SHAPES
    for model, kernels in shapes.items():
        for kernel, outputs, inputs in kernels:
            size = outputs * inputs * 2
            copies = 2 if options.smoke else max(2, (512 << 20) // size + 1)
            weights = [torch.empty(outputs, inputs, device=device, dtype=torch.bfloat16).normal_(0, 0.02) for _ in range(copies)]
            for rows in (1, 2, 8, 32, 128, 512):
                if time.time() - begin > options.seconds:
                    return
                x = torch.empty(rows, inputs, device=device, dtype=torch.bfloat16).normal_()
                times = measure(lambda i: torch.nn.functional.linear(x, weights[i]), device, copies)
                us = times[len(times) // 2]
                rate = size / us / 1e3
                result = {"section": "cublas", "name": kernel, "model": model, "format": "bf16", "rows": rows, "us": round(us, 2),
                          "gb_per_s": round(rate, 1), "share": round(rate / options.ceiling, 3) if options.ceiling else 0,
                          "tflops": round(2 * rows * outputs * inputs / us / 1e6, 2), "torch": torch.__version__}
                print(json.dumps(result), flush=True)
                if options.json:
                    with open(options.json, "a") as file:
                        file.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()

"""Compares `genarm logprobs` with transformers in float64, on ids drawn at random.

    python tests/oracle/check_logprobs.py --base DIR [--arm DIR=WEIGHT ...] [--temperature T] [--rows N --length N]
    python tests/oracle/check_logprobs.py --golden     # every dense checkpoint of tests/golden, alone and guided

Prints the largest absolute difference of log-probabilities, of the guided law and of each model alone; exits 1 when one
is above --tolerance. Needs torch, transformers and safetensors; neither the build nor a test does.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden"


@torch.inference_mode()
def logits(folder, ids):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64, attn_implementation="eager").eval()
    return model(ids, use_cache=False).logits


def run_genarm(genarm, base, arms, ids, extra):
    with tempfile.TemporaryDirectory() as scratch:
        source, out = f"{scratch}/ids.safetensors", f"{scratch}/out.safetensors"
        save_file({"input_ids": ids}, source)
        command = [genarm, "logprobs", "--base", base, "--ids", source, "--out", out, "--components", *extra]
        for name, (folder, weight) in arms.items():
            command += ["--arm", f"{name}={folder}={weight}"]
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{' '.join(map(str, command))}\nexit {done.returncode}: {done.stderr.strip()}")
        return load_file(out)


def check(args, base, arms):
    """Largest differences by tensor; arms: {name: (folder, weight)}."""
    vocab = json.loads((pathlib.Path(base) / "config.json").read_text())["vocab_size"]
    ids = torch.randint(0, vocab, (args.rows, args.length), generator=torch.Generator().manual_seed(args.seed))
    extra = ["--temperature", str(args.temperature), *args.genarm_args.split()]
    found = run_genarm(args.genarm, base, arms, ids, extra)
    vocab = found["logprobs"].shape[-1]  # shorter than the config's where the tokenizer is

    expected = {"base": logits(base, ids)[..., :vocab].log_softmax(-1)}
    guided = expected["base"]
    for name, (folder, weight) in arms.items():
        expected[f"arm.{name}"] = logits(folder, ids)[..., :vocab].log_softmax(-1)
        guided = guided + weight * expected[f"arm.{name}"]
    expected["logprobs"] = (guided / args.temperature).log_softmax(-1)

    errors = {}
    for name, x in expected.items():
        if found[name].shape != x.shape or found[name].dtype != torch.float32:
            sys.exit(f"{base}: {name} is {found[name].dtype} {list(found[name].shape)}, expected float32 {list(x.shape)}")
        error = (found[name].double() - x).abs().max().item()
        errors[name] = error if error == error else float("inf")
    return errors


def golden():
    """Every dense checkpoint alone, then pairs of base and reward models."""
    for config in sorted(GOLDEN.glob("*/config.json")):
        keys = json.loads(config.read_text())
        if "quantization_config" not in keys and "ForCausalLM" in keys["architectures"][0]:
            yield config.parent, {}
    yield GOLDEN / "llama-gqa", {"a": (GOLDEN / "llama-arm-a", 1.0), "b": (GOLDEN / "llama-arm-b", -0.5)}
    yield GOLDEN / "llama-gqa", {"padded": (GOLDEN / "llama-arm-padded-vocab", 2.5)}
    yield GOLDEN / "llama-odd-sizes", {"padded": (GOLDEN / "llama-arm-264", 0.7), "mha": (GOLDEN / "llama-mha-minimal", 1.2)}
    models = ROOT / "models"
    yield models / "demo-base", {"positive": (models / "demo-arm-positive", 1.5), "plain": (models / "demo-arm-plain", 0.5)}


def arm(text):
    folder, _, weight = text.rpartition("=")
    return (folder, float(weight)) if folder else (text, 1.0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base")
    parser.add_argument("--arm", action="append", type=arm, default=[], metavar="DIR=WEIGHT")
    parser.add_argument("--golden", action="store_true")
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--rows", type=int, default=2)
    parser.add_argument("--length", type=int, default=90)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tolerance", type=float, default=2e-3)
    parser.add_argument("--genarm", default=str(ROOT / "genarm"))
    parser.add_argument("--genarm-args", default="", help="passed on, e.g. '--threads 1 --device cpu'")
    args = parser.parse_args()
    if bool(args.base) == args.golden:
        parser.error("give --base or --golden")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()

    runs = golden() if args.golden else [(args.base, {f"arm{i}": pair for i, pair in enumerate(args.arm)})]
    worst = 0.0
    for base, arms in runs:
        errors = check(args, base, arms)
        worst = max(worst, *errors.values())
        print(f"{pathlib.Path(base).name:28s}", "  ".join(f"{name} {error:.1e}" for name, error in errors.items()), flush=True)
    print(f"max abs error {worst:.2e}")
    sys.exit(worst > args.tolerance)


if __name__ == "__main__":
    main()

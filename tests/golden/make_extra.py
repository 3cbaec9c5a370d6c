"""Makes the fixtures of extra-meta.json: more ways to write a config, odd sizes, mixed windows and dtypes.

    python tests/golden/make_extra.py [NAME ...]

Needs torch, transformers and safetensors; neither the build nor a test does. Each config.json is written as it stands
below, random weights are stored beside it, and transformers loads that folder in float64 (its RMSNorm and its rotary
tables stay float32) to say what the logits are: so an expectation is what transformers makes of the files.
"""

import json
import pathlib
import shutil
import sys
import zlib

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM

HERE = pathlib.Path(__file__).parent
META = HERE / "extra-meta.json"
DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
MIN_MARGIN = 0.02  # along a greedy path: far above the rounding of float32
PROMPT, NEW_TOKENS = 8, 24


def llama(**keys):
    return {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", **keys}


def mistral(**keys):
    return {"architectures": ["MistralForCausalLM"], "model_type": "mistral", "hidden_act": "silu", **keys}


def qwen2(**keys):
    return {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "hidden_act": "silu", **keys}


def qwen3(**keys):
    return {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "hidden_act": "silu", **keys}


V4 = {"bos_token_id": 1, "eos_token_id": 2, "initializer_range": 0.02, "transformers_version": "4.51.3", "use_cache": True}
V5 = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": None, "transformers_version": "5.18.0", "use_cache": True}
SHAPE = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4,
         "num_key_value_heads": 2, "max_position_embeddings": 256, "rms_norm_eps": 1e-05, "vocab_size": 257}

# name: (config, stored dtype, length of input_ids, further ways to make and store)
CHECKPOINTS = {
    # biases on all seven projections; the old key "type"
    "llama-biases-linear-v4": (llama(**V4, **SHAPE, attention_bias=True, mlp_bias=True, rope_theta=10000.0,
                                     rope_scaling={"type": "linear", "factor": 2.0}, tie_word_embeddings=False,
                                     torch_dtype="bfloat16"), "BF16", 40, {}),
    # everything that has a default left out: num_key_value_heads, rms_norm_eps (1e-6), rope, head_dim, tie, ids, dtype;
    # an embedding so small that the wrong epsilon shows
    "llama-mha-minimal": ({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 40,
                           "intermediate_size": 88, "num_hidden_layers": 2, "num_attention_heads": 5,
                           "max_position_embeddings": 256, "vocab_size": 257}, "F32", 40, {"embedding": 0.003}),
    # heads * head_dim is not hidden_size, sizes that no vector width divides, several eos ids
    "llama-odd-sizes": (llama(**{**V5, "eos_token_id": [2, 3]}, **{**SHAPE, "hidden_size": 72, "intermediate_size": 100,
                                                                  "num_attention_heads": 3, "num_key_value_heads": 1},
                              head_dim=32, attention_bias=False, mlp_bias=False, tie_word_embeddings=False,
                              rope_parameters={"rope_theta": 10000.0, "rope_type": "default"}, dtype="bfloat16"),
                        "BF16", 40, {}),
    # layers from max_window_layers on have the window, no layer_types in the file; an integer theta
    "qwen2-mixed-window-v4": (qwen2(**V4, **{**SHAPE, "num_hidden_layers": 4, "intermediate_size": 72},
                                    use_sliding_window=True, sliding_window=8, max_window_layers=2, rope_theta=1000000,
                                    tie_word_embeddings=True, torch_dtype="bfloat16"), "BF16", 40, {}),
    # head_dim 24, biases, tied
    "qwen3-tied-gqa-bias": (qwen3(**V4, **SHAPE, head_dim=24, attention_bias=True, rope_theta=1000000.0,
                                  rope_scaling=None, use_sliding_window=False, sliding_window=None,
                                  max_window_layers=2, tie_word_embeddings=True, torch_dtype="bfloat16"),
                            "BF16", 40, {}),
    # windows where layer_types says so; no head_dim: Qwen3's default is 128
    "qwen3-layer-types": (qwen3(**V5, **{**SHAPE, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3,
                                         "num_attention_heads": 2, "num_key_value_heads": 1, "rms_norm_eps": 1e-06},
                                layer_types=["sliding_attention", "full_attention", "sliding_attention"],
                                use_sliding_window=True, sliding_window=6, max_window_layers=1, attention_bias=False,
                                rope_parameters={"rope_theta": 10000, "rope_type": "default"},
                                tie_word_embeddings=False, dtype="bfloat16"), "BF16", 40, {}),
    # tied, and lm_head.weight is in the file all the same
    "llama3-rope-v4": (llama(**V4, **{**SHAPE, "num_key_value_heads": 1}, head_dim=16, attention_bias=False,
                             mlp_bias=False, rope_theta=500000.0, pretraining_tp=1,
                             rope_scaling={"factor": 32.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
                                           "original_max_position_embeddings": 32, "rope_type": "llama3"},
                             tie_word_embeddings=True, torch_dtype="bfloat16"), "BF16", 60, {"lm_head_too": True}),
    "llama-yarn-v4": (llama(**V4, **{**SHAPE, "num_attention_heads": 2, "num_key_value_heads": 2}, rope_theta=10000.0,
                            rope_scaling={"rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": 64,
                                          "attention_factor": 0.9, "beta_fast": 4, "beta_slow": 2},
                            tie_word_embeddings=False, torch_dtype="bfloat16"), "BF16", 80, {}),
    # the factor is not max_position_embeddings / original_max_position_embeddings
    "qwen2-yarn-v4": (qwen2(**V4, **{**SHAPE, "num_attention_heads": 2, "num_key_value_heads": 1}, rope_theta=1000000.0,
                            rope_scaling={"factor": 4.0, "original_max_position_embeddings": 32, "type": "yarn"},
                            use_sliding_window=False, sliding_window=131072, max_window_layers=28,
                            tie_word_embeddings=False, torch_dtype="bfloat16"), "BF16", 80, {}),
    # no original_max_position_embeddings, no rounding of the ramp, a quotient of two mscales
    "llama-yarn-mscale": (llama(**V5, **{**SHAPE, "max_position_embeddings": 96, "num_attention_heads": 2,
                                         "num_key_value_heads": 1},
                                rope_parameters={"rope_type": "yarn", "rope_theta": 5000.0, "factor": 4.0, "mscale": 0.8,
                                                 "mscale_all_dim": 0.4, "truncate": False},
                                tie_word_embeddings=False, dtype="bfloat16"), "BF16", 80, {}),
    "mistral-head-dim-window-f16": (mistral(**V4, **SHAPE, head_dim=24, sliding_window=10, rope_theta=10000.0,
                                            tie_word_embeddings=False, torch_dtype="float16"), "F16", 40, {}),
    # Mistral's own defaults: 8 key-value heads, a window of 4096
    "mistral-defaults": (mistral(hidden_size=128, intermediate_size=96, num_hidden_layers=1, num_attention_heads=16,
                                 max_position_embeddings=256, vocab_size=131), "BF16", 40, {"embedding": 0.003}),
    # three shards, keys that are null, and the buffers that old LLaMA files carry
    "llama-sharded-v4": (llama(**V4, **SHAPE, head_dim=None, rope_scaling=None, tie_word_embeddings=False,
                               torch_dtype="bfloat16", pad_token_id=0, max_sequence_length=256), "BF16", 40, {"shards": 3, "inv_freq": True}),
    # matrices BF16, norms F32, embedding F16
    "llama-mixed-dtypes": (llama(**V5, **SHAPE, rope_parameters={"rope_theta": 10000.0, "rope_type": "default"},
                                 tie_word_embeddings=False), "BF16", 40, {"mixed": True}),
    # a reward model whose vocabulary is padded to a multiple of 8
    "llama-arm-264": (llama(**V4, **{**SHAPE, "hidden_size": 48, "num_attention_heads": 3, "num_key_value_heads": 3,
                                     "vocab_size": 264}, rope_theta=10000.0, rope_scaling=None,
                            tie_word_embeddings=False, torch_dtype="float16"), "F16", 40, {}),
}

GUIDED = {
    "guided-odd-vocab": {
        "base": "llama-odd-sizes", "arms": ["llama-arm-264", "llama-mha-minimal"],
        "cases": [([1.0, 0.0], 1.0), ([0.7, 1.2], 0.8), ([-0.6, 2.0], 1.0), ([0.25, -1.5], 1.6)],
        "truncation": [  # alphas, temperature, top_k, top_p, min_p
            ([1.0, 1.0], 1.0, 7, 1.0, 0.0), ([1.0, 1.0], 1.0, 0, 0.85, 0.0), ([0.7, 1.2], 0.8, 50, 0.9, 0.0),
            ([1.0, 0.0], 1.3, 0, 1.0, 0.1), ([0.7, 1.2], 0.8, 20, 0.97, 0.02)]},
}


def random_weights(folder, generator, embedding):
    """Tensors by name for the model that transformers builds from the folder's config."""
    config = AutoConfig.from_pretrained(folder)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    tied = config.tie_word_embeddings
    weights = {}
    for name, meta in model.state_dict().items():
        if tied and name == "lm_head.weight":
            continue
        x = torch.randn(meta.shape, generator=generator)
        if name.endswith("norm.weight"):
            x = 1 + 0.2 * x
        elif name.endswith("bias"):
            x = 0.3 * x
        elif name == "lm_head.weight" or tied and name == "model.embed_tokens.weight":
            x = x * 2.5 / meta.shape[1] ** 0.5  # logits spread over several nats
        elif name == "model.embed_tokens.weight":
            x = embedding * x
        else:
            x = x / meta.shape[1] ** 0.5
        weights[name] = x
    return weights


def store(folder, weights, dtype, shards=1, inv_freq=False, lm_head_too=False, mixed=False):
    weights = {name: x.to(DTYPES[dtype]) for name, x in weights.items()}
    if mixed:
        for name in weights:
            if name.endswith("norm.weight"):
                weights[name] = weights[name].float()
        weights["model.embed_tokens.weight"] = weights["model.embed_tokens.weight"].half()
    if lm_head_too:
        weights["lm_head.weight"] = weights["model.embed_tokens.weight"].clone()
    if inv_freq:
        for i in range(sum(name.endswith("q_proj.weight") for name in weights)):
            weights[f"model.layers.{i}.self_attn.rotary_emb.inv_freq"] = 1e4 ** (-torch.arange(0, 16, 2) / 16)
    if shards == 1:
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        return
    names, weight_map = sorted(weights), {}
    for i in range(shards):
        file = f"model-{i + 1:05d}-of-{shards:05d}.safetensors"
        part = {name: weights[name].contiguous() for name in names[i::shards]}
        save_file(part, folder / file, metadata={"format": "pt"})
        weight_map.update(dict.fromkeys(part, file))
    total = sum(x.numel() * x.element_size() for x in weights.values())
    index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(weight_map.items()))}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")


def load(name):
    model, info = AutoModelForCausalLM.from_pretrained(HERE / name, dtype=torch.float64, attn_implementation="eager",
                                                       output_loading_info=True)
    missing = set(info["missing_keys"]) - {"lm_head.weight" if model.config.tie_word_embeddings else ""}
    unexpected = {key for key in info["unexpected_keys"] if not key.endswith("inv_freq")}
    assert not missing and not unexpected and not info["mismatched_keys"], (name, info)
    return model.eval()


@torch.inference_mode()
def greedy(logits_of, ids):
    """ids [1, n] continued by argmax, and the smallest gap between the best and the second logit."""
    margin = float("inf")
    for _ in range(NEW_TOKENS):
        best = logits_of(ids)[:, -1].topk(2)
        margin = min(margin, (best.values[0, 0] - best.values[0, 1]).item())
        ids = torch.cat([ids, best.indices[:, :1]], 1)
    return ids, margin


@torch.inference_mode()
def make_checkpoint(name):
    config, dtype, length, how = CHECKPOINTS[name]
    how = dict(how)
    embedding = how.pop("embedding", 0.6)
    for seed in range(zlib.crc32(name.encode()) % 10000 * 100, 2**31):
        folder = HERE / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
        generator = torch.Generator().manual_seed(seed)
        store(folder, random_weights(folder, generator, embedding), dtype, **how)
        model = load(name)
        ids = torch.randint(3, config["vocab_size"], (2, length), generator=generator)
        greedy_ids, margin = greedy(lambda x: model(x, use_cache=False).logits, ids[:1, :PROMPT])
        if margin >= MIN_MARGIN:
            break
    logits = model(ids, use_cache=False).logits
    assert logits.dtype == torch.float64 and logits.shape == (2, length, config["vocab_size"])
    save_file({"input_ids": ids, "logits": logits.float(), "greedy_ids": greedy_ids}, folder / "expected.safetensors")
    return {"dtype": str(DTYPES[dtype]), "seed": seed, "greedy_min_margin": margin}


def truncated(x, top_k, top_p, min_p):
    """Probabilities of logits x [vocab] after top-k (ties with the k-th stay), top-p (the crossing token stays), min-p."""
    if top_k > 0:
        x = x.masked_fill(x < x.topk(top_k).values[-1], -torch.inf)
    if top_p < 1:
        p, order = x.softmax(-1).sort(descending=True, stable=True)
        before = p.cumsum(-1) - p
        assert (before - top_p).abs().min() > 1e-4, "the crossing token must not hang on rounding"
        x = x.index_fill(0, order[before >= top_p], -torch.inf)
    p = x.softmax(-1)
    return x.masked_fill(p < min_p * p.max(), -torch.inf).softmax(-1)


@torch.inference_mode()
def make_guided(name):
    spec = GUIDED[name]
    base, arms = load(spec["base"]), [load(arm) for arm in spec["arms"]]
    vocab = base.config.vocab_size
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()

    def combined(ids, alphas, temperature):
        lp = base(ids, use_cache=False).logits.log_softmax(-1)
        for alpha, arm in zip(alphas, arms):
            if alpha != 0:
                lp = lp + alpha * arm(ids, use_cache=False).logits[..., :vocab].log_softmax(-1)
        return lp / temperature

    ids = load_file(HERE / spec["base"] / "expected.safetensors")["input_ids"]
    out, cases, truncation = {"input_ids": ids}, [], []
    for i, (alphas, temperature) in enumerate(spec["cases"]):
        out[f"logp.{i}"] = combined(ids, alphas, temperature).log_softmax(-1).float()
        out[f"greedy_ids.{i}"], margin = greedy(lambda x: combined(x, alphas, 1.0), ids[:1, :PROMPT])
        cases.append({"alphas": alphas, "temperature": temperature, "greedy_min_margin": margin})
    for j, (alphas, temperature, top_k, top_p, min_p) in enumerate(spec["truncation"]):
        out[f"trunc.{j}"] = truncated(combined(ids[:1], alphas, temperature)[0, -1], top_k, top_p, min_p).float()
        truncation.append({"temperature": temperature, "top_k": top_k, "top_p": top_p, "min_p": min_p, "alphas": alphas})
    save_file(out, folder / "expected.safetensors")
    (folder / "cases.json").write_text(json.dumps(
        {"base": spec["base"], "arms": spec["arms"], "cases": cases, "truncation": truncation}, indent=1) + "\n")


def main(names):
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    meta = json.loads(META.read_text()) if META.exists() else {}
    meta["made_with"] = {"torch": torch.__version__, "transformers": transformers.__version__}
    for name in names or [*CHECKPOINTS, *GUIDED]:
        if name in GUIDED:
            make_guided(name)
        else:
            meta[name] = make_checkpoint(name)
        print(name, meta.get(name, ""), flush=True)
    META.write_text(json.dumps(meta, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])

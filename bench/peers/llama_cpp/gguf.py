"""Writes a tied Llama checkpoint in bfloat16 as GGUF, without a tokenizer: for speed alone.

Rows of q and k stay in Hugging Face's order, so the logits are not those of the checkpoint; the work is the same.
"""

import json
import pathlib
import struct

import numpy as np

ALIGNMENT = 32
F32, BF16 = 0, 30  # of ggml
UINT32, FLOAT32, STRING = 4, 6, 8  # of GGUF
NAMES = {
    "model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
    "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
}


def header(path):
    """A safetensors file's tensors, name → (shape, offset, bytes), in the file's order."""
    with open(path, "rb") as file:
        size = struct.unpack("<Q", file.read(8))[0]
        entries = json.loads(file.read(size))
    entries.pop("__metadata__", None)
    tensors = {}
    for name, entry in sorted(entries.items(), key=lambda item: item[1]["data_offsets"][0]):
        if entry["dtype"] != "BF16":
            raise SystemExit(f"{path}: {name} is {entry['dtype']}, expected BF16")
        begin, end = entry["data_offsets"]
        tensors[name] = (entry["shape"], 8 + size + begin, end - begin)
    return tensors


def gguf_name(name):
    if name in NAMES:
        return NAMES[name]
    _, _, layer, rest = name.split(".", 3)
    return f"blk.{layer}.{NAMES[rest.removesuffix('.weight')]}.weight"


def text(value):
    return struct.pack("<Q", len(value)) + value.encode()


def metadata(config):
    heads = config["num_attention_heads"]
    yield "general.architecture", STRING, "llama"
    yield "tokenizer.ggml.model", STRING, "no_vocab"
    for name, value in {
        "vocab_size": config["vocab_size"], "context_length": config["max_position_embeddings"],
        "embedding_length": config["hidden_size"], "block_count": config["num_hidden_layers"],
        "feed_forward_length": config["intermediate_size"], "attention.head_count": heads,
        "attention.head_count_kv": config["num_key_value_heads"],
        "rope.dimension_count": config.get("head_dim") or config["hidden_size"] // heads,
    }.items():
        yield "llama." + name, UINT32, value
    yield "llama.attention.layer_norm_rms_epsilon", FLOAT32, config["rms_norm_eps"]
    yield "llama.rope.freq_base", FLOAT32, config["rope_theta"]


def pad(file):
    file.write(b"\0" * (-file.tell() % ALIGNMENT))


def write(checkpoint, out):
    checkpoint, out = pathlib.Path(checkpoint), pathlib.Path(out)
    config = json.loads((checkpoint / "config.json").read_text())
    source = checkpoint / "model.safetensors"
    tensors, pairs = header(source), list(metadata(config))
    partial = out.with_suffix(".partial")
    with open(partial, "wb") as file, open(source, "rb") as stored:
        file.write(struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(pairs)))
        for key, kind, value in pairs:
            packed = text(value) if kind == STRING else struct.pack("<I" if kind == UINT32 else "<f", value)
            file.write(text(key) + struct.pack("<I", kind) + packed)
        offset = 0
        for name, (shape, _, size) in tensors.items():
            dtype = F32 if len(shape) == 1 else BF16  # ggml wants norms in f32
            file.write(text(gguf_name(name)) + struct.pack("<I", len(shape)))
            file.write(struct.pack(f"<{len(shape)}QIQ", *reversed(shape), dtype, offset))
            offset += -(-(size * (2 if dtype == F32 else 1)) // ALIGNMENT) * ALIGNMENT
        pad(file)
        for shape, begin, size in tensors.values():
            stored.seek(begin)
            data = stored.read(size)
            if len(shape) == 1:
                data = (np.frombuffer(data, "<u2").astype("<u4") << 16).tobytes()
            file.write(data)
            pad(file)
    partial.rename(out)

"""Makes convert/: PyTorch .bin checkpoints with their tensors as safetensors, and .bin files that must be refused.

    pip install torch safetensors
    python tests/golden/make_convert.py
"""
import io
import json
import pathlib
import shutil
import struct
import zipfile

import torch
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).parent
OUT = HERE / "convert"
GLOBALS = {"rebuild": b"ctorch._utils\n_rebuild_tensor_v2\n", "float": b"ctorch\nFloatStorage\n"}


def folder(name, **config):
    path = OUT / name
    path.mkdir(parents=True)
    if config:
        (path / "config.json").write_text(json.dumps(config))
    return path


def expect(path, tensors):
    save_file({name: tensor.detach().contiguous().clone() for name, tensor in tensors.items()},
              path / "expected.safetensors")


def numbers(*shape, dtype=torch.float32):
    return torch.randn(*shape).to(dtype)


# ---- checkpoints

def views():
    base = numbers(6, 10)
    cube = numbers(3, 4, 5)
    head = numbers(7, 4)
    return {
        "model.embed_tokens.weight": head,
        "lm_head.weight": head,
        "parameter": torch.nn.Parameter(numbers(3, 5)),
        "transposed": base.T,
        "rows": base[1:5],
        "columns": base[:, 3:7],
        "every_second": base[::2, ::3],
        "permuted": cube.permute(2, 0, 1),
        "inner_run": cube.permute(1, 0, 2),
        "one_column": base[:, 2:3],
        "element": base[2, 3],
        "empty": torch.empty(0, 4),
    }


def types_of_elements():
    return {
        "f64": numbers(5, dtype=torch.float64), "f32": numbers(3), "f16": numbers(3, 3, dtype=torch.float16),
        "bf16": numbers(7, dtype=torch.bfloat16), "i64": torch.tensor([-1, 2**40]), "i32": torch.tensor([7, -8]).int(),
        "i16": torch.tensor([-300, 300]).short(), "i8": torch.tensor([-5, 5]).to(torch.int8),
        "u8": torch.tensor([0, 255, 3]).to(torch.uint8), "bool": torch.tensor([True, False, True]),
    }


def make_checkpoints():
    plain = folder("views", model_type="llama", tie_word_embeddings=False)
    torch.save(views_ := views(), plain / "pytorch_model.bin")
    expect(plain, views_)
    (plain / "generation_config.json").write_text('{"eos_token_id": 2}')
    (plain / "chat_template.jinja").write_text("{{ messages }}")

    dtypes = folder("types", model_type="llama")
    torch.save(all_types := types_of_elements(), dtypes / "pytorch_model.bin")
    expect(dtypes, all_types)

    tied = folder("tied", model_type="llama", tie_word_embeddings=True)
    head = numbers(5, 3, dtype=torch.float16)
    torch.save({"model.embed_tokens.weight": head, "model.norm.weight": numbers(3), "lm_head.weight": head},
               tied / "pytorch_model.bin")
    expect(tied, {name: t for name, t in torch.load(tied / "pytorch_model.bin").items() if name != "lm_head.weight"})

    sharded = folder("sharded", model_type="llama")
    shards = [{"a": numbers(4, 6, dtype=torch.bfloat16), "b": numbers(9, dtype=torch.bfloat16)}, {"c": numbers(2, 2)}]
    weight_map = {}
    for i, shard in enumerate(shards):
        name = f"pytorch_model-{i + 1:05}-of-00002.bin"
        torch.save(shard, sharded / name)
        weight_map.update(dict.fromkeys(shard, name))
    (sharded / "pytorch_model.bin.index.json").write_text(
        json.dumps({"metadata": {"total_size": 82}, "weight_map": weight_map}))
    expect(sharded, shards[0] | shards[1])

    adapter = folder("adapter")
    (adapter / "adapter_config.json").write_text('{"peft_type": "LORA", "r": 2}')
    lora = {f"base_model.model.model.layers.0.self_attn.q_proj.lora_{s}.weight": numbers(*shape)
            for s, shape in (("A", (2, 8)), ("B", (8, 2)))}
    torch.save(lora, adapter / "adapter_model.bin")
    expect(adapter, lora)

    state = torch.nn.Linear(3, 2).state_dict()  # an OrderedDict with _metadata: BUILD
    for protocol in (2, 3, 4, 5):
        path = folder(f"protocol-{protocol}")
        torch.save(state, path / "pytorch_model.bin", pickle_protocol=protocol)
        expect(path, state)

    saved = (OUT / "protocol-2" / "pytorch_model.bin").read_bytes()
    old = folder("old-layout")  # PyTorch 1.6: the file's name as folder, no byteorder
    (old / "pytorch_model.bin").write_bytes(rezip(saved, lambda name: "pytorch_model/" + name, {"byteorder": None}))
    expect(old, state)
    wide = folder("zip64")
    limits = zipfile.ZIP64_LIMIT, zipfile.ZIP_FILECOUNT_LIMIT
    zipfile.ZIP64_LIMIT, zipfile.ZIP_FILECOUNT_LIMIT = 0, 0
    (wide / "pytorch_model.bin").write_bytes(rezip(saved))
    zipfile.ZIP64_LIMIT, zipfile.ZIP_FILECOUNT_LIMIT = limits
    expect(wide, state)


def rezip(saved, rename=lambda name: "archive/" + name, change={}, compression=zipfile.ZIP_STORED):
    """The archive again, entries renamed, replaced, added or (None) left out."""
    entries = {}
    with zipfile.ZipFile(io.BytesIO(saved)) as old:
        for name in old.namelist():
            if "/." not in name:
                entries[name.split("/", 1)[1]] = old.read(name)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as new:
        for name, content in (entries | change).items():
            if content is not None:
                new.writestr(zipfile.ZipInfo(rename(name)), content, compression)
    return out.getvalue()


# ---- files to refuse

def text(value):
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def integer(value):
    return b"J" + struct.pack("<i", value) if abs(value) < 2**31 else b"\x8a\x08" + struct.pack("<q", value)


def tensor(offset=0, shape=(2, 3), strides=(3, 1), storage="0", elements=6, kind=GLOBALS["float"]):
    tuple_of = lambda values: b"(" + b"".join(map(integer, values)) + b"t"
    return (GLOBALS["rebuild"] + b"((" + text("storage") + kind + text(storage) + text("cpu") + integer(elements) + b"tQ"
            + integer(offset) + tuple_of(shape) + tuple_of(strides) + b"\x89ccollections\nOrderedDict\n)RtR")


def pickle(value, protocol=2):
    return bytes([0x80, protocol]) + value + b"."


def state(value, name="weight"):
    return pickle(b"}" + text(name) + value + b"s")


def archive(pickled, **entries):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as new:
        new.writestr("archive/data.pkl", pickled)
        for name, content in ({"data/0": bytes(24)} | entries).items():
            new.writestr("archive/" + name, content)
    return out.getvalue()


def corrupted(good):
    """Containers that are damaged or of another kind."""
    legacy, uint16 = io.BytesIO(), io.BytesIO()
    torch.save({"weight": torch.zeros(2)}, legacy, _use_new_zipfile_serialization=False)
    torch.save({"weight": torch.zeros(2, dtype=torch.uint16)}, uint16)
    script = rezip(good, change={"constants.pkl": b"\x80\x02)."})
    renamed = good.replace(b"pytorch_model/data/0", b"pytorch_model/data/9", 1)
    yield "empty", b"", ["an empty file"]
    yield "git-lfs-pointer", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n", ["Git LFS pointer"]
    yield "legacy", legacy.getvalue(), ["before 1.6"]
    yield "tar", bytes(257) + b"ustar" + bytes(250), ["tar archive", "before 0.1.10"]
    yield "torchscript", script, ["TorchScript", "constants.pkl"]
    yield "truncated", good[:-40], ["cut off"]
    yield "truncated-in-the-middle", good[:600], ["cut off"]
    yield "trailing-bytes", good + b"\0", ["directory at the end"]
    yield "deflated", rezip(good, compression=zipfile.ZIP_DEFLATED), ["archive/", "compression method 8"]
    yield "big-endian", rezip(good, change={"byteorder": b"big"}), ["archive/byteorder", "found big"]
    yield "renamed-entry", renamed, ["pytorch_model/data/0", "found pytorch_model/data/9"]
    yield "storage-missing", rezip(good, change={"data/1": None}), ["archive/data/1", "found none"]
    yield "storage-short", rezip(good, change={"data/1": bytes(4)}), ["archive/data/1", "2 elements of F32", "4 bytes"]
    yield "uint16", uint16.getvalue(), ["torch._utils._rebuild_tensor_v3"]


def malicious():
    """Pickles that name, call or describe what a checkpoint does not."""
    run = b"cos\nsystem\n(" + text("true") + b"tR"
    yield "os-system", archive(pickle(run)), ["the global os.system"]
    yield "os-system-in-a-tensor", archive(state(tensor(kind=b"cposix\nsystem\n"))), ["the global posix.system"]
    stacked = b"\x8c\x08builtins\x8c\x04eval\x93"
    yield "stack-global-eval", archive(pickle(stacked, 4)), ["the global builtins.eval"]
    yield "torch-load", archive(pickle(b"ctorch.serialization\nload\n)R")), ["torch.serialization.load"]
    yield "reduce-of-a-string", archive(pickle(text("system") + b")R")), ["REDUCE of another value"]
    yield "reduce-of-a-storage-type", archive(pickle(GLOBALS["float"] + b")R")), ["REDUCE of another value"]
    yield "newobj", archive(pickle(b"ccollections\nOrderedDict\n)\x81")), ["byte 28", "NEWOBJ (0x81)"]
    yield "inst", archive(pickle(b"(ios\nsystem\n")), ["byte 3", "INST (0x69)"]
    yield "extension", archive(pickle(b"\x82\x01")), ["EXT1 (0x82)"]
    yield "text-persistent-id", archive(pickle(b"P0\n")), ["PERSID (0x50)"]
    yield "unknown-opcode", archive(pickle(b"\xfe")), ["no opcode of pickle (0xfe)"]
    yield "protocol-9", archive(pickle(b"}", 9)), ["protocol 9"]
    yield "huge-memo", archive(pickle(b"}r\xff\xff\xff\x7f")), ["a memo below 1000000, found 2147483647"]
    yield "unwritten-memo", archive(pickle(b"h\x07")), ["memo 7"]
    yield "huge-string", archive(pickle(b"\x8d" + struct.pack("<Q", 2**62))), ["the end of the pickle"]
    yield "truncated-pickle", archive(state(tensor())[:-20]), ["data.pkl", "the end of the pickle"]
    yield "stack-underflow", archive(pickle(b"s")), ["2 values on the stack"]
    yield "two-values", archive(pickle(b"}}")), ["one value at STOP, found 2 values"]
    yield "dictionary-as-key", archive(pickle(b"}}Ns")), ["a string or a number as key"]
    circle = b"}q\0" + text("state_dict") + b"h\0s"
    yield "circle", archive(pickle(circle)), ["state_dict: expected a tensor"]
    yield "nested", archive(pickle(b"}" + text("model") + b"}" + text("w") + tensor() + b"ss")), ["model: expected a tensor"]
    yield "a-list", archive(pickle(b"]")), ["a dictionary of tensors"]
    yield "set-state", archive(pickle(GLOBALS["float"] + b"}b")), ["BUILD of another object"]
    yield "odd-persistent-id", archive(pickle(text("0") + b"Q")), ["another persistent id"]
    yield "storage-elsewhere", archive(state(tensor(storage="../../secret"))), ["archive/data/../../secret", "found none"]
    yield "out-of-storage", archive(state(tensor(offset=1))), ["inside its storage of 6 elements", "offset 1"]
    yield "negative-offset", archive(state(tensor(offset=-1))), ["inside its storage", "offset -1"]
    yield "negative-stride", archive(state(tensor(strides=(-3, 1)))), ["sizes and strides from 0 on"]
    yield "expanded", archive(state(tensor(shape=(2**40,), strides=(0,)))), ["no element twice"]
    yield "overflow", archive(state(tensor(shape=(2**62, 2**62), strides=(0, 0)))), ["inside its storage"]
    yield "wrapping-strides", archive(state(tensor(shape=(3, 2), strides=(2**62, 1)))), ["inside its storage"]
    yield "nine-dimensions", archive(state(tensor(shape=(1,) * 9, strides=(1,) * 9))), ["at most 8 dimensions"]
    yield "strides-missing", archive(state(tensor(strides=(1,)))), ["2 strides, found 1"]
    shared = b"".join(text(f"w{i}") + tensor(shape=(64, 64), strides=(64, 1), elements=4096) + b"s" for i in range(90))
    yield "sharing", archive(pickle(b"}" + shared), **{"data/0": bytes(16384)}), ["by sharing storages"]


def make_refused():
    path = folder("refused")
    good = (OUT / "protocol-2" / "pytorch_model.bin").read_bytes()
    cases = {}
    for name, content, message in [*corrupted(good), *malicious()]:
        (path / f"{name}.bin").write_bytes(content)
        cases[name] = message
    (path / "cases.json").write_text(json.dumps(cases, indent=1))


if __name__ == "__main__":
    torch.manual_seed(3)
    for old in OUT.glob("*"):
        if not old.name.startswith("tokenizer-"):
            shutil.rmtree(old)
    make_checkpoints()
    make_refused()

"""The native engine by its door, native/include/genarm.h: Llama checkpoints, LoRA adapters, one sequence."""

import ctypes as c
import json
import math
import pathlib
import struct as packing
import subprocess

DTYPES = {"stored": -1, "f32": 0, "f16": 1, "bf16": 2, "int8": 3, "int4": 4}
STORED = {"F32": 0, "F16": 1, "BF16": 2}
PAGE = 16


def struct(name, **fields):
    return type(name, (c.Structure,), {"_fields_": list(fields.items())})


I, F = c.c_int32, c.c_float
ModelConfig = struct("ModelConfig", struct_size=I, num_layers=I, hidden_size=I, intermediate_size=I, num_heads=I,
                     num_kv_heads=I, head_dim=I, vocab_size=I, max_positions=I, qkv_bias=I, o_bias=I, mlp_bias=I,
                     qk_norm=I, tie_embeddings=I, num_labels=I, rms_norm_eps=F, rope_attention_factor=F)
EngineConfig = struct("EngineConfig", struct_size=I, vocab_size=I, max_model_len=I, max_rows=I, max_lanes=I,
                      max_sequences=I, max_terms=I, max_components=I, max_biases=I, page_size=I, max_objectives=I,
                      activations=I, max_in_flight=I)


def tensors(path):
    """A safetensors file's tensors, name → (dtype, shape, offset, bytes)."""
    with open(path, "rb") as file:
        size = packing.unpack("<Q", file.read(8))[0]
        entries = json.loads(file.read(size))
    entries.pop("__metadata__", None)
    return {name: (STORED[entry["dtype"]], entry["shape"], 8 + size + entry["data_offsets"][0],
                   entry["data_offsets"][1] - entry["data_offsets"][0]) for name, entry in entries.items()}


def read_bandwidth(library, threads):
    """GB/s at which that many threads read memory now: bandwidth_bench, built beside the library."""
    bench = pathlib.Path(library).resolve().parent / "bandwidth_bench"
    return float(subprocess.run([bench, str(threads)], check=True, capture_output=True, text=True).stdout.split()[0])


class Device:
    """What is resident on one device."""

    def __init__(self, library, threads):
        self.api = c.CDLL(str(library))
        self.api.ga_last_error.restype = c.c_char_p
        self.api.ga_device_description.restype = c.c_char_p
        self.api.ga_weights_bytes.restype = self.api.ga_adapter_bytes.restype = c.c_int64
        self.closing, self.handle = [], c.c_void_p()
        self.check(self.api.ga_device_open(b"cpu", threads, c.byref(self.handle)))
        self.closing.append((self.api.ga_device_close, self.handle))

    def check(self, status):
        if status != 0:
            raise SystemExit(f"genarm: {self.api.ga_last_error().decode()}")

    def description(self):
        return self.api.ga_device_description(self.handle).decode()

    def bytes(self, weights):
        return self.api.ga_weights_bytes(weights)

    def adapter_bytes(self, adapter):
        return self.api.ga_adapter_bytes(adapter)

    def each_tensor(self, path, load):
        file = c.c_void_p()
        self.check(self.api.ga_file_open(str(path).encode(), c.byref(file)))
        for name, (dtype, shape, offset, size) in tensors(path).items():
            self.check(load(name, dtype, (c.c_int64 * len(shape))(*shape), len(shape), file, c.c_int64(offset),
                            c.c_int64(size)))
        self.api.ga_file_close(file)

    def load(self, checkpoint, dtype):
        """A weight set: a tied Llama without biases."""
        config = json.loads((pathlib.Path(checkpoint) / "config.json").read_text())
        heads, layers = config["num_attention_heads"], config["num_hidden_layers"]
        head_dim = config.get("head_dim") or config["hidden_size"] // heads
        shape = ModelConfig(c.sizeof(ModelConfig), layers, config["hidden_size"], config["intermediate_size"], heads,
                            config["num_key_value_heads"], head_dim, config["vocab_size"],
                            min(config["max_position_embeddings"], 4096), 0, 0, 0, 0, 1, 0, config["rms_norm_eps"], 1)
        frequencies = (F * (head_dim // 2))(*(config["rope_theta"] ** (-2 * i / head_dim) for i in range(head_dim // 2)))
        weights = c.c_void_p()
        self.check(self.api.ga_weights_create(self.handle, c.byref(shape), frequencies, (I * layers)(), DTYPES[dtype],
                                              c.byref(weights)))
        self.each_tensor(pathlib.Path(checkpoint) / "model.safetensors",
                         lambda name, *tensor: self.api.ga_weights_load(weights, name.encode(), *tensor))
        self.check(self.api.ga_weights_finish(weights))
        self.closing.append((self.api.ga_weights_close, weights))
        return weights

    def adapter(self, weights, folder):
        """A PEFT LoRA adapter over a weight set, with one rank and alpha for all modules."""
        config = json.loads((pathlib.Path(folder) / "adapter_config.json").read_text())
        adapter, modules = c.c_void_p(), set()
        self.check(self.api.ga_adapter_create(weights, 0, c.byref(adapter)))

        def part(name, *tensor):
            module, kind = name.removeprefix("base_model.model.").removesuffix(".weight").rsplit(".lora_", 1)
            modules.add(module)
            return self.api.ga_adapter_load(adapter, module.encode(), kind.encode(), *tensor)

        self.each_tensor(pathlib.Path(folder) / "adapter_model.safetensors", part)
        for module in modules:
            self.check(self.api.ga_adapter_scale(adapter, module.encode(), F(config["lora_alpha"] / config["r"])))
        self.check(self.api.ga_adapter_finish(adapter))
        self.closing.append((self.api.ga_adapter_close, adapter))
        return adapter

    def close(self):
        for close, handle in reversed(self.closing):
            close(handle)


class Engine:
    """One sequence as some views see it; views over one weight set stand side by side, the base first."""

    def __init__(self, device, views, vocab_size, context, activations, temperature=0.0):
        ints, floats, longs = c.POINTER(I), c.POINTER(F), c.POINTER(c.c_int64)
        Step = struct("Step", max_pages_per_lane=I, num_lanes=I, num_sequences=I, lane_view=ints, lane_position=ints,
                      lane_rows=ints, lane_pages=ints, lane_preference=floats, token_ids=ints, term_row=ints,
                      term_weight=floats, sequence_terms=ints, sequence_seed=longs, sequence_choice=ints,
                      sequence_position=ints, sequence_temperature=floats, sequence_top_k=ints, sequence_top_p=floats,
                      sequence_min_p=floats, sequence_flags=ints, sequence_biases=ints, bias_token=ints,
                      bias_value=floats, sampled=ints)
        self.device, self.position, count, pages = device, 0, len(views), math.ceil(context / PAGE)
        api, handle = device.api, c.c_void_p()
        limits = EngineConfig(c.sizeof(EngineConfig), vocab_size, context, context * count, count, 1, count, 0, 0, PAGE, 0,
                              DTYPES[activations])
        device.check(api.ga_engine_create(device.handle, c.byref(limits), c.byref(handle)))
        for weights, adapter in views:
            if adapter:
                device.check(api.ga_engine_add_adapter_view(handle, weights, adapter, pages * count))
            else:
                device.check(api.ga_engine_add_view(handle, weights, pages * count))
        device.check(api.ga_engine_start(handle))
        device.closing.append((api.ga_engine_close, handle))
        api.ga_engine_step_buffer.restype = c.POINTER(Step)
        self.handle, self.step = handle, api.ga_engine_step_buffer(handle).contents
        self.step.num_sequences = 1
        self.step.sequence_temperature[0], self.step.sequence_top_p[0] = temperature, 1
        for lane in range(count):
            for page in range(pages):
                self.step.lane_pages[lane * self.step.max_pages_per_lane + page] = lane * pages + page

    def clear(self):
        self.position = 0

    def decode(self, tokens, weights=(1.0,)):
        """Computes these tokens in the first views, one for each weight, and draws the token after the last."""
        step, rows = self.step, 0
        step.num_lanes = step.sequence_terms[0] = len(weights)
        for view, weight in enumerate(weights):
            step.lane_view[view], step.lane_position[view], step.lane_rows[view] = view, self.position, len(tokens)
            for i, token in enumerate(tokens):
                step.token_ids[rows + i] = token
            rows += len(tokens)
            step.term_row[view], step.term_weight[view] = rows - 1, weight
        self.position += len(tokens)
        step.sequence_position[0] = self.position
        self.device.check(self.device.api.ga_engine_step(self.handle))
        return step.sampled[0]


class Model(Engine):
    """One checkpoint on a device of its own."""

    def __init__(self, library, checkpoint, threads, context, dtype, activations):
        device = Device(library, threads)
        self.weights = device.load(checkpoint, dtype)
        config = json.loads((pathlib.Path(checkpoint) / "config.json").read_text())
        super().__init__(device, [(self.weights, None)], config["vocab_size"], context, activations)

    def description(self):
        return self.device.description()

    def bytes(self):
        return self.device.bytes(self.weights)

    def close(self):
        self.device.close()

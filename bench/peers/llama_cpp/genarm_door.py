"""The native engine by its door, native/include/genarm.h: one Llama checkpoint, one sequence."""

import ctypes as c
import json
import math
import pathlib

import gguf

DTYPES = {"stored": -1, "f32": 0, "bf16": 2, "int8": 3, "int4": 4}
PAGE = 16


def struct(name, **fields):
    return type(name, (c.Structure,), {"_fields_": list(fields.items())})


I, F = c.c_int32, c.c_float
ModelConfig = struct("ModelConfig", struct_size=I, num_layers=I, hidden_size=I, intermediate_size=I, num_heads=I,
                     num_kv_heads=I, head_dim=I, vocab_size=I, max_positions=I, qkv_bias=I, o_bias=I, mlp_bias=I,
                     qk_norm=I, tie_embeddings=I, rms_norm_eps=F, rope_attention_factor=F)
EngineConfig = struct("EngineConfig", struct_size=I, vocab_size=I, max_model_len=I, max_rows=I, max_lanes=I,
                      max_sequences=I, max_terms=I, max_components=I, page_size=I, max_objectives=I, activations=I)
ints, floats, longs = c.POINTER(I), c.POINTER(F), c.POINTER(c.c_int64)
Step = struct("Step", max_pages_per_lane=I, num_lanes=I, num_sequences=I, lane_view=ints, lane_position=ints,
              lane_rows=ints, lane_pages=ints, lane_preference=floats, token_ids=ints, term_row=ints,
              term_weight=floats, sequence_terms=ints, sequence_seed=longs, sequence_choice=ints,
              sequence_position=ints, sequence_temperature=floats, sequence_top_k=ints, sequence_top_p=floats,
              sequence_min_p=floats, sequence_flags=ints, sampled=ints)


class Model:
    def __init__(self, library, checkpoint, threads, context, dtype, activations):
        self.api = c.CDLL(str(library))
        self.api.ga_last_error.restype = c.c_char_p
        self.api.ga_device_description.restype = c.c_char_p
        self.api.ga_weights_bytes.restype = c.c_int64
        self.api.ga_engine_step_buffer.restype = c.POINTER(Step)
        checkpoint = pathlib.Path(checkpoint)
        config = json.loads((checkpoint / "config.json").read_text())
        self.device, self.weights, self.engine = c.c_void_p(), c.c_void_p(), c.c_void_p()
        self.check(self.api.ga_device_open(b"cpu", threads, c.byref(self.device)))
        self.load(config, checkpoint / "model.safetensors", dtype)
        self.start(config, context, activations)
        self.position = 0

    def check(self, status):
        if status != 0:
            raise SystemExit(f"genarm: {self.api.ga_last_error().decode()}")

    def description(self):
        return self.api.ga_device_description(self.device).decode()

    def load(self, config, path, dtype):
        heads, layers = config["num_attention_heads"], config["num_hidden_layers"]
        head_dim = config.get("head_dim") or config["hidden_size"] // heads
        shape = ModelConfig(c.sizeof(ModelConfig), layers, config["hidden_size"], config["intermediate_size"], heads,
                            config["num_key_value_heads"], head_dim, config["vocab_size"],
                            min(config["max_position_embeddings"], 4096), 0, 0, 0, 0, 1, config["rms_norm_eps"], 1)
        frequencies = (F * (head_dim // 2))(*(config["rope_theta"] ** (-2 * i / head_dim) for i in range(head_dim // 2)))
        windows = (I * layers)()
        self.check(self.api.ga_weights_create(self.device, c.byref(shape), frequencies, windows, DTYPES[dtype],
                                              c.byref(self.weights)))
        file = c.c_void_p()
        self.check(self.api.ga_file_open(str(path).encode(), c.byref(file)))
        for name, (extents, offset, size) in gguf.header(path).items():
            self.check(self.api.ga_weights_load(self.weights, name.encode(), DTYPES["bf16"],
                                                (c.c_int64 * len(extents))(*extents), len(extents), file,
                                                c.c_int64(offset), c.c_int64(size)))
        self.check(self.api.ga_weights_finish(self.weights))
        self.api.ga_file_close(file)

    def start(self, config, context, activations):
        limits = EngineConfig(c.sizeof(EngineConfig), config["vocab_size"], context, context, 1, 1, 1, 0, PAGE, 0,
                              DTYPES[activations])
        pages = math.ceil(context / PAGE)
        self.check(self.api.ga_engine_create(self.device, c.byref(limits), c.byref(self.engine)))
        self.check(self.api.ga_engine_add_view(self.engine, self.weights, pages))
        self.check(self.api.ga_engine_start(self.engine))
        self.step = self.api.ga_engine_step_buffer(self.engine).contents
        self.step.num_lanes = self.step.num_sequences = self.step.sequence_terms[0] = 1
        self.step.term_weight[0] = self.step.sequence_top_p[0] = 1
        for page in range(pages):
            self.step.lane_pages[page] = page

    def clear(self):
        self.position = 0

    def decode(self, tokens):
        """Computes these tokens behind those that came before, and draws the likeliest after the last."""
        step = self.step
        step.lane_position[0], step.lane_rows[0] = self.position, len(tokens)
        for i, token in enumerate(tokens):
            step.token_ids[i] = token
        step.term_row[0] = len(tokens) - 1
        self.position += len(tokens)
        step.sequence_position[0] = self.position
        self.check(self.api.ga_engine_step(self.engine))
        return step.sampled[0]

    def bytes(self):
        return self.api.ga_weights_bytes(self.weights)

    def close(self):
        self.api.ga_engine_close(self.engine)
        self.api.ga_weights_close(self.weights)
        self.api.ga_device_close(self.device)

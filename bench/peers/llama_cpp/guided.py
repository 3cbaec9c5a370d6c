"""Guided decoding, both sides: base + ARM in the engine, and two llama.cpp contexts whose logits are combined.

An ARM that is a LoRA adapter (rank 8 on q, k, v) shares the base's weights; llama.cpp then has two contexts on one model
and is spared the adapter. A separate ARM has weights of its own on both sides. The engine draws from the guided law at
temperature 1; llama.cpp's logits are added and the largest taken, less than a draw costs. compare.py measures them.
"""

import numpy as np

import genarm_door
import llama
import make_random

WEIGHT = 0.5


class Guided:
    """The engine: base and ARM, an adapter's where `arm` is None."""

    def __init__(self, library, checkpoint, arm, dtype, activations, threads, vocab, context):
        self.device = device = genarm_door.Device(library, threads)
        base = device.load(checkpoint, dtype)
        if arm:
            view = (device.load(arm, dtype), None)
            self.size = device.bytes(base) + device.bytes(view[0])
        else:
            folder = checkpoint.parent / f"{checkpoint.name}-r8-qkv-0"
            if not (folder / "adapter_model.safetensors").exists():
                make_random.write_adapter(checkpoint, folder, 8, ["q_proj", "k_proj", "v_proj"], 0)
            view = (base, device.adapter(base, folder))
            self.size = device.bytes(base) + device.adapter_bytes(view[1])
        self.engine = genarm_door.Engine(device, [(base, None), view], vocab, context, activations, temperature=1.0)

    def clear(self):
        self.engine.clear()

    def decode(self, tokens):
        return self.engine.decode(tokens, (1.0, WEIGHT))

    def bytes(self):
        return self.size

    def close(self):
        self.device.close()


class Pair:
    """Two llama.cpp contexts and the sum of their logits."""

    def __init__(self, library, base, arm, threads, vocab, context):
        self.base = llama.Model(library, base, threads, context)
        self.arm = llama.Model(library, arm, threads, context, self.base if arm == base else None)
        self.vocab, self.sum = vocab, np.empty(vocab, np.float32)

    def clear(self):
        self.base.clear()
        self.arm.clear()

    def decode(self, tokens):
        for model in (self.base, self.arm):
            model.decode(tokens)
        base, arm = (np.ctypeslib.as_array(model.logits(), (self.vocab,)) for model in (self.base, self.arm))
        np.multiply(arm, np.float32(WEIGHT), out=self.sum)
        np.add(self.sum, base, out=self.sum)
        return int(self.sum.argmax())

    def close(self):
        self.arm.close()
        self.base.close()

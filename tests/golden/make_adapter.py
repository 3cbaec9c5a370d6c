"""Makes lora-lm-head-on-llama-gqa: an adapter that updates the LM head too, as peft itself writes it.

    python tests/golden/make_adapter.py

Needs torch, transformers, peft and safetensors; neither the build nor a test does. peft stores a copy of the base's own
LM head beside such an update. The expectation is what transformers and peft make of the two folders in float64.
"""

import pathlib

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

HERE = pathlib.Path(__file__).parent
BASE, OUT = HERE / "llama-gqa", HERE / "lora-lm-head-on-llama-gqa"


def base(dtype):
    return AutoModelForCausalLM.from_pretrained(BASE, dtype=dtype, attn_implementation="eager")


torch.manual_seed(61)
config = LoraConfig(r=4, lora_alpha=6, use_rslora=True, target_modules=["q_proj", "down_proj", "lm_head"],
                    rank_pattern={"lm_head": 3}, alpha_pattern={"layers.1.self_attn.q_proj": 10}, init_lora_weights=False)
adapted = get_peft_model(base(torch.bfloat16), config, autocast_adapter_dtype=True)
adapted.peft_config["default"].base_model_name_or_path = None
adapted.save_pretrained(OUT)
(OUT / "README.md").unlink()

ids = torch.randint(3, 257, (2, 24), generator=torch.Generator().manual_seed(62))
loaded = PeftModel.from_pretrained(base(torch.float32), OUT).double().eval()
with torch.inference_mode():
    logits = loaded(ids).logits
    unadapted = base(torch.float64)(ids).logits
assert (logits - unadapted).abs().max() > 1, "the adapter changes nothing"
save_file({"input_ids": ids, "logits": logits.float()}, OUT / "expected.safetensors")

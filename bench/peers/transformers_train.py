"""Trains an autoregressive reward model with PyTorch, transformers and peft, for speed: what bench/train.sh compares with.

    python bench/peers/transformers_train.py --base models/demo-base --pairs models/data/pairs-positive.jsonl

Chosen and rejected responses of a batch go through the model together, padded to the longest. The LM head runs at the
positions that predict a response's token alone, AdamW is fused, attention is SDPA. bf16 is autocast over f32 weights.
Pairs are taken in the order of the file. Prints one JSON object; tokens are those of the sequences, without padding.
"""

import argparse
import json
import resource
import statistics
import time

import torch
import torch.nn.functional as F
import transformers


def batches(path, size, steps):
    """Lists of (prompt, chosen, rejected), going round the file again."""
    with open(path) as lines:
        pairs = [[line[k + "_ids"] for k in ("prompt", "chosen", "rejected")] for line in map(json.loads, lines)]
    for step in range(steps):
        yield [pairs[(step * size + i) % len(pairs)] for i in range(size)]


def padded(batch):
    """ids, attention mask and mask of response tokens, [2 * pairs, longest]: chosen sequences, then rejected ones."""
    rows = [(prompt, response) for k in (1, 2) for prompt, response in ((pair[0], pair[k]) for pair in batch)]
    longest = max(len(prompt) + len(response) for prompt, response in rows)
    ids = torch.zeros(len(rows), longest, dtype=torch.long)
    attention, of_response = torch.zeros_like(ids), torch.zeros_like(ids, dtype=torch.bool)
    for i, (prompt, response) in enumerate(rows):
        end = len(prompt) + len(response)
        ids[i, :end] = torch.tensor(prompt + response)
        attention[i, :end] = 1
        of_response[i, len(prompt):end] = True
    return ids, attention, of_response


def loss_of(model, causal, batch, beta):
    ids, attention, of_response = padded(batch)
    hidden = model(input_ids=ids, attention_mask=attention, use_cache=False).last_hidden_state
    predicting = of_response.roll(-1, 1)
    logits = causal.lm_head(hidden[predicting]).float()
    of_token = -F.cross_entropy(logits, ids[of_response], reduction="none")
    row = of_response.nonzero()[:, 0]
    sums = torch.zeros(len(ids)).index_add(0, row, of_token)
    chosen, rejected = sums.chunk(2)
    return -F.logsigmoid(beta * (chosen - rejected)).mean()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", required=True)
    parser.add_argument("--pairs", required=True)
    parser.add_argument("--method", choices=["lora", "full"], default="lora")
    parser.add_argument("--dtype", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--warmup", type=int, default=1, help="steps that are not counted")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--learning-rate", type=float, default=1e-4)
    parser.add_argument("--beta", type=float, default=0.1)
    parser.add_argument("--gradient-checkpointing", action="store_true")
    parser.add_argument("--lora-targets", default="q_proj,k_proj,v_proj")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()

    causal = transformers.AutoModelForCausalLM.from_pretrained(args.base, dtype=torch.float32, attn_implementation="sdpa")
    if args.method == "lora":
        from peft import LoraConfig, get_peft_model
        targets = args.lora_targets if args.lora_targets == "all-linear" else args.lora_targets.split(",")
        config = LoraConfig(r=8, lora_alpha=16, target_modules=targets, task_type="CAUSAL_LM")
        causal = get_peft_model(causal, config).base_model.model
    if args.gradient_checkpointing:
        causal.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        causal.train()  # transformers computes layers again in this mode alone; these models drop nothing out
    trained = [p for p in causal.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=args.learning_rate, weight_decay=0, fused=True)

    speeds, losses = [], []
    for batch in batches(args.pairs, args.batch_size, args.steps + args.warmup):
        begin = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=args.dtype == "bf16"):
            loss = loss_of(causal.model, causal, batch, args.beta)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        tokens = sum(2 * len(prompt) + len(chosen) + len(rejected) for prompt, chosen, rejected in batch)
        speeds.append(tokens / (time.perf_counter() - begin))
    print(json.dumps({
        "tokens_per_second": statistics.median(speeds[args.warmup:]), "best": max(speeds[args.warmup:]),
        "losses": [round(loss, 5) for loss in losses],
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))


main()

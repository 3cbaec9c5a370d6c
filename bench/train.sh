#!/usr/bin/env bash
# Training here and with PyTorch, transformers and peft, in turns on one machine: peer, ours, peer, ours, ...
#
#   bench/train.sh [BASE PAIRS METHOD DTYPE BATCH STEPS TURNS]
#
# The same pairs in the same order, the same precision (f32, or bf16 factors over f32 weights) and threads. PYTHON names
# the interpreter that has torch, transformers and peft (default .venv/bin/python), THREADS how many to use, TARGETS the
# layers that LoRA updates (default q_proj,k_proj,v_proj), PEER_PRELOAD a library for the peer alone, as an allocator;
# CHECKPOINTING=1 computes layers again in backward, on both sides.
# Prints a line a run (tokens are those of the sequences, padding not counted; the first step is not counted), and the
# medians over the turns with their range and ratio. Peak memory is the process's largest resident set, the JVM and the
# interpreter included.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
base=${1:-models/demo-base} pairs=${2:-models/data/pairs-positive.jsonl} method=${3:-lora} dtype=${4:-f32}
batch=${5:-8} steps=${6:-4} turns=${7:-3}
python=${PYTHON:-.venv/bin/python}
threads=${THREADS:-$(nproc)} targets=${TARGETS:-q_proj,k_proj,v_proj}
checkpointing=()
[ "${CHECKPOINTING:-0}" = 0 ] || checkpointing=(--gradient-checkpointing)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

peer() {
  LD_PRELOAD=${PEER_PRELOAD:-} "$python" bench/peers/transformers_train.py --base "$base" --pairs "$pairs" \
    --method "$method" --lora-targets "$targets" --dtype "$dtype" --batch-size "$batch" --steps "$steps" --threads "$threads" \
    "${checkpointing[@]}"
}
ours() {
  rm -rf "$work/out"
  /usr/bin/time -f '%M' -o "$work/peak" ./genarm train --base "$base" --pairs "$pairs" --method "$method" --dtype "$dtype" \
    --lora-targets "$targets" --batch-size "$batch" --steps $((steps + 1)) --learning-rate 1e-4 --no-shuffle \
    --threads "$threads" --save-every 0 "${checkpointing[@]}" --out "$work/out" --log "$work/log" --quiet >/dev/null
  "$python" - "$work/log" "$work/peak" <<'EOF'
import json, statistics, sys
steps = [json.loads(line) for line in open(sys.argv[1])]
speeds = [step["tokens_per_second"] for step in steps[1:]]
print(json.dumps({"tokens_per_second": statistics.median(speeds), "best": max(speeds),
                  "losses": [round(step["loss"], 5) for step in steps], "peak_mib": int(open(sys.argv[2]).read()) // 1024}))
EOF
}

for ((turn = 1; turn <= turns; turn++)); do
  peer | tee -a "$work/peer" | sed "s/^/peer turn $turn: /"
  ours | tee -a "$work/ours" | sed "s/^/ours turn $turn: /"
done
"$python" - "$work" "$method $dtype, batch $batch${checkpointing:+, checkpointing}" <<'EOF'
import json, statistics, sys
runs = {side: [json.loads(line) for line in open(f"{sys.argv[1]}/{side}")] for side in ("peer", "ours")}
speeds = {side: sorted(run["tokens_per_second"] for run in of) for side, of in runs.items()}
speed = {side: statistics.median(of) for side, of in speeds.items()}
peak = {side: max(run["peak_mib"] for run in of) for side, of in runs.items()}
text = {side: f"{speed[side]:.0f} [{of[0]:.0f}, {of[-1]:.0f}]" for side, of in speeds.items()}
print(f"ours / peer = {speed['ours'] / speed['peer']:.2f}  ({text['ours']} / {text['peer']} tokens/s, {sys.argv[2]};"
      f" peak {peak['ours']} / {peak['peer']} MiB)")
EOF

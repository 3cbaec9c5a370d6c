#!/usr/bin/env bash
# Trains the reward models of this directory from the pairs in ../data: the exact commands of their cards.
#
#   models/trained/make.sh [OUT]      (default target/models)
#
# On one machine every run writes the same bytes: compare with `cmp`. The first 400 pairs of each file are held out.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
out=${1:-target/models}
mkdir -p "$out"

for kind in positive plain; do
  head -n 400 "models/data/pairs-$kind.jsonl" >"$out/$kind-held.jsonl"
  tail -n +401 "models/data/pairs-$kind.jsonl" >"$out/$kind.jsonl"
done

train() { ./genarm train --save-every 0 "$@"; }

declare -A lora_steps=([positive]=120 [plain]=80)
for kind in positive plain; do
  pairs=(--pairs "$out/$kind.jsonl" --eval-pairs "$out/$kind-held.jsonl")
  train --base models/demo-small "${pairs[@]}" --method full --start-temperature 4 --steps 120 --learning-rate 1.5e-3 \
    --beta 0.1 --out "$out/demo-arm-$kind"
  train --base models/demo-base "${pairs[@]}" --method lora --lora-targets all-linear \
    --steps "${lora_steps[$kind]}" --learning-rate 2e-3 --schedule cosine --beta 0.1 --out "$out/demo-lora-$kind"
done
train --base models/demo-base --pairs "positive=$out/positive.jsonl" --pairs "plain=$out/plain.jsonl" \
  --eval-pairs "positive=$out/positive-held.jsonl" --eval-pairs "plain=$out/plain-held.jsonl" --method pblora \
  --lora-targets all-linear --steps 240 --learning-rate 6e-3 --schedule cosine --warmup-steps 10 --beta 0.1 \
  --out "$out/demo-parm"
rm -f "$out"/demo-*/trainer_state.safetensors

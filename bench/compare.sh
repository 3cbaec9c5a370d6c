#!/usr/bin/env bash
# Guided generation here and as a tuned transformers loop, in turns on one machine: peer, ours, peer, ours.
#
#   bench/compare.sh [BASE ARM BATCH NEW_TOKENS [PEER OPTIONS...]]
#
# PYTHON names the interpreter that has torch and transformers (default .venv/bin/python). Prints one line a run and the
# ratio of the better medians. What each side measures: the whole batch from the prompt to the last token, prompt
# included, end-of-sequence tokens ignored, temperature 1, 16 prompt tokens.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
base=${1:-models/demo-base} arm=${2:-models/demo-arm-positive} batch=${3:-1} tokens=${4:-128}
shift $(($# < 4 ? $# : 4))
python=${PYTHON:-.venv/bin/python}

field() { "$python" -c 'import json,sys; v=json.load(sys.stdin)[sys.argv[1]]; print(v["median"] if isinstance(v,dict) else v)' "$1"; }
peer() { "$python" bench/peers/transformers_loop.py --base "$base" --arm "$arm" --batch "$batch" --new-tokens "$tokens" "$@"; }
ours() {
  ./genarm bench latency --base "$base" --arm "$arm=1" --batch-size "$batch" --input-len 16 --output-len "$tokens" \
    --num-iters "${ITERS:-20}" --num-iters-warmup "${WARMUP:-5}" --json
}

best_peer=0 best_ours=0
for turn in 1 2; do
  json=$(peer "$@")
  median=$(field tokens_per_second <<<"$json")
  echo "peer  turn $turn: median $median tokens/s  $json"
  best_peer=$("$python" -c "print(max($best_peer, $median))")
  json=$(ours)
  median=$(field tokens_per_second <<<"$json")
  echo "ours  turn $turn: median $median tokens/s  $json"
  best_ours=$("$python" -c "print(max($best_ours, $median))")
done
"$python" -c "print(f'ours / peer = {$best_ours / $best_peer:.2f}  ({$best_ours:.0f} / {$best_peer:.0f} tokens/s, batch $batch)')"

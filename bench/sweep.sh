#!/usr/bin/env bash
# A sweep here and as a plain transformers loop, in turns on one machine: peer, ours, peer, ours, ...
#
#   bench/sweep.sh [LIMIT GRID TURNS]
#
# The same prompts, weights, number of new tokens (48, end-of-sequence tokens ignored) and lexicon. PYTHON names the
# interpreter that has torch and transformers (default .venv/bin/python). Ours is the whole command: the JVM's start,
# loading, generating, KL to the base, scores and plots (and once more with --no-kl); the peer's time begins when its models
# are loaded and its precision and batch are chosen. Prints prompts x grid points a minute, a line a run.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
limit=${1:-200} grid=${2:-0,1,2} turns=${3:-2}
python=${PYTHON:-.venv/bin/python}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
IFS=, read -ra points <<<"$grid"

ours() {
  rm -rf "$work/out"
  local begin=$EPOCHREALTIME
  ./genarm sweep --base models/demo-base --arm positive=models/demo-arm-positive --grid "positive=$grid" \
    --prompts models/data/pairs-positive.jsonl --limit "$limit" --max-new-tokens 48 --ignore-eos --quiet \
    --scorer afinn=lexicon:models/data/lexicon-afinn.json --out "$work/out" "$@" >/dev/null
  awk -v begin="$begin" -v end="$EPOCHREALTIME" -v count=$((limit * ${#points[@]})) -v what="$*" \
    'BEGIN { printf "%d prompts x points a minute, %.2f s %s\n", 60 * count / (end - begin), end - begin, what }'
}

for ((turn = 1; turn <= turns; turn++)); do
  echo "peer turn $turn: $("$python" bench/peers/transformers_sweep.py --limit "$limit" --grid "$grid")"
  echo "ours turn $turn: $(ours)"
  echo "ours turn $turn: $(ours --no-kl)"
done

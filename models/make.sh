#!/usr/bin/env bash
# Trains the reward models of this folder from the pairs in data/, the first 400 of each file held out.
#
#   models/make.sh [OUT [NAME...]]      (default: target/models, all five; about six minutes on two idle cores)
#
# On one machine every run writes the same bytes (verify.sh). One that was stopped goes on where it was. STEPS=N makes N
# updates each instead, to try it.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
out=${1:-target/models}
shift $(($# < 1 ? $# : 1))
names=("$@")
[ $# -gt 0 ] || names=(demo-arm-positive demo-arm-plain demo-lora-positive demo-lora-plain demo-parm)
mkdir -p "$out"

for kind in positive plain; do
  head -n 400 "models/data/pairs-$kind.jsonl" >"$out/$kind-held.jsonl"
  tail -n +401 "models/data/pairs-$kind.jsonl" >"$out/$kind.jsonl"
done

train() {
  local name=$1 steps=$2
  shift 2
  ./genarm train --steps "${STEPS:-$steps}" --schedule cosine --beta 0.1 --save-every 20 --resume --out "$out/$name" \
    --log "$out/$name.jsonl" "$@"
}

for name in "${names[@]}"; do
  kind=${name##*-}
  pairs=(--pairs "$out/$kind.jsonl" --eval-pairs "$out/$kind-held.jsonl")
  case $name in
    demo-arm-*)
      train "$name" 200 --base models/demo-small "${pairs[@]}" --method full --start-temperature 4 \
        --learning-rate 1.5e-3 --warmup-steps 10
      ;;
    demo-lora-*)
      train "$name" 200 --base models/demo-base "${pairs[@]}" --method lora --lora-targets all-linear \
        --learning-rate 5e-3 --warmup-steps 20
      ;;
    demo-parm)
      train "$name" 300 --base models/demo-base --pairs "positive=$out/positive.jsonl" --pairs "plain=$out/plain.jsonl" \
        --eval-pairs "positive=$out/positive-held.jsonl" --eval-pairs "plain=$out/plain-held.jsonl" \
        --method pblora --lora-targets all-linear --learning-rate 1e-2 --warmup-steps 20
      ;;
    *)
      echo "make.sh: no recipe for $name" >&2
      exit 2
      ;;
  esac
done

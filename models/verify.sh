#!/usr/bin/env bash
# Trains the reward models again (make.sh) and compares every file with the one beside this script, byte for byte.
#
#   models/verify.sh [OUT [NAME...]]
#
# Holds on the kind of machine that the cards name: another instruction set sums in another order.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
out=${1:-target/models}
models/make.sh "$@"
shift $(($# < 1 ? $# : 1))
names=("$@")
[ $# -gt 0 ] || names=(demo-arm-positive demo-arm-plain demo-lora-positive demo-lora-plain demo-parm)
for name in "${names[@]}"; do
  for file in "models/$name"/*; do
    [ "${file##*/}" = README.md ] || cmp "$file" "$out/$name/${file##*/}"
  done
  echo "$name: the same bytes"
done

#!/usr/bin/env bash
# The engine and its peers in turns on one machine, and one table: best, median, spread, ratios, load and memory reads.
#
#   bench/compare.sh [transformers] [BASE ARM BATCH NEW_TOKENS [OPTIONS of peers/transformers_loop.py...]]
#   bench/compare.sh llama.cpp [CHECKPOINT [OPTIONS of peers/llama_cpp/compare.py...]]
#   bench/compare.sh jlama     [CHECKPOINT [OPTIONS of peers/jlama/compare.py...]]
#   bench/compare.sh all       [CHECKPOINT]
#
# transformers: guided generation beside a tuned transformers loop, on the demo pair unless named. llama.cpp: decode,
# prefill and guided decoding at equal bits. jlama: decode and prefill on Java 25. all: each that is installed, and in a
# line how to fetch the others. CHECKPOINT (default target/llama-1b-a) is made by peers/make_random.py.
#
# PYTHON names the interpreter (default .venv/bin/python), LLAMA and JLAMA the peers' folders (target/llama_cpp,
# target/jlama), JAVA25_HOME Jlama's JDK; TURNS, ITERS and WARMUP are the transformers turns (2) and the engine's runs in
# one (20, 5). Every run is kept in target/compare/.
set -euo pipefail
self=$(readlink -f "$0")
cd "$(dirname "$self")/.."
python=${PYTHON:-.venv/bin/python} llama=${LLAMA:-target/llama_cpp} jlama=${JLAMA:-target/jlama}
java=${JAVA25_HOME:-/usr/lib/jvm/temurin-25-jdk-amd64}/bin/java
runs=target/compare

has() { "$python" -c 'import importlib.util as u, sys; sys.exit(not all(map(u.find_spec, sys.argv[1:])))' "$@" 2>/dev/null; }

# missing PEER: prints what to do when it is not installed.
missing() {
  case $1 in
    transformers) has torch transformers || echo "$python -m pip install torch transformers" ;;
    llama.cpp)
      if ! has numpy; then echo "$python -m pip install numpy"
      elif ! compgen -G "$llama/libllama.v*.so" >/dev/null; then echo "sh bench/peers/llama_cpp/fetch.sh $llama"; fi ;;
    jlama)
      if ! has numpy; then echo "$python -m pip install numpy"
      elif [ ! -x "$java" ]; then echo "set JAVA25_HOME to a JDK 25"
      elif [ ! -e "$jlama/classes/JlamaPeer.class" ]; then echo "sh bench/peers/jlama/fetch.sh $jlama"; fi ;;
  esac
}

# compare PEER [ARGUMENTS...]: all of a peer's turns; its table is printed as it grows.
compare() {
  local peer=$1 checkpoint
  shift
  echo "## $peer" >&2
  if [ "$peer" = transformers ]; then
    local base=${1:-models/demo-base} arm=${2:-models/demo-arm-positive} batch=${3:-1} tokens=${4:-128}
    shift $(($# < 4 ? $# : 4))
    "$python" bench/peers/transformers_compare.py "$base" "$arm" "$batch" "$tokens" --turns "${TURNS:-2}" \
      --iterations "${ITERS:-20}" --warm-up "${WARMUP:-5}" --json "$runs/$peer.json" "$@"
    return
  fi
  checkpoint=${1:-target/llama-1b-a}
  shift $(($# < 1 ? $# : 1))
  if [ ! -e "$checkpoint/model.safetensors" ]; then
    echo "compare.sh: no $checkpoint: $python bench/peers/make_random.py $checkpoint --seed 1" >&2
    return 4
  fi
  case $peer in
    llama.cpp) "$python" bench/peers/llama_cpp/compare.py "$checkpoint" --llama "$llama" --json "$runs/$peer.json" "$@" ;;
    jlama)
      "$python" bench/peers/jlama/compare.py "$checkpoint" --jlama "$jlama" --java "$java" --json "$runs/$peer.json" "$@" ;;
  esac
}

peers=(transformers)
case ${1:-} in
  transformers | llama.cpp | jlama) peers=("$1"); shift ;;
  all) peers=(transformers llama.cpp jlama); shift ;;
  -h | --help) sed -n '2,/^set -/p' "$self" | sed '$d; s/^# \{0,1\}//'; exit 0 ;;
esac
if [ ! -e target/cmake/libgenarm.so ]; then
  echo "compare.sh: the engine is not built: mvn -DskipTests package" >&2
  exit 4
fi
cmake --build target/cmake --target bandwidth_bench >/dev/null
mkdir -p "$runs"
rm -f "$runs"/*.json
failed=0
for peer in "${peers[@]}"; do
  how=$(missing "$peer")
  if [ -n "$how" ]; then
    echo "compare.sh: $peer is not installed and left out: $how" >&2
    [ ${#peers[@]} -gt 1 ] || failed=4
  elif [ ${#peers[@]} -gt 1 ] && [ "$peer" = transformers ]; then
    compare "$peer" || failed=1
  else
    compare "$peer" "$@" || failed=$?
  fi
done
if compgen -G "$runs/*.json" >/dev/null; then
  echo
  "$python" bench/peers/turns.py "$runs"/*.json
fi
exit "$failed"

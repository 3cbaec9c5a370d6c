#!/usr/bin/env bash
# Everything that a machine with an NVIDIA GPU can tell, in one command: builds for the card, proves the kernels on it,
# then measures, and stops at a time limit.
#
#   bench/gpu.sh [--minutes N] [--resume] [--only SECTIONS] [--out DIR] [--arch 90a] [--python PYTHON] [--java HOME]
#                [--build-only]
#
#   --minutes N      in all, building included (30); 9 is enough for the most important numbers
#   --resume         keeps what a run of the same commit left in DIR: sections that ended well are not run again, steps
#                    and peers go on behind their last case. Where a command may take ten minutes:
#                    bench/gpu.sh --minutes 9 --resume, as often as one can
#   --only SECTIONS  of tests,memcheck,racecheck,device,kernels,cublas,steps,command line,peers
#   --out DIR        of results.json, table.txt and log.txt (target/gpu)
#   --arch CC        of the card; asked of nvidia-smi otherwise (9.0 becomes 90a)
#   --python PYTHON  with torch, for cuBLAS and the peers (python3 where it has torch; without, they are left out)
#   --java HOME      a Java runtime (jlink's will do): times the command line on the demo models, too
#   --build-only     stops before anything that needs the GPU
#
# Needs nvcc, CMake and g++; no Java, no network. In order: the kernels' tests on the card, a short set of them under
# compute-sanitizer; (a) the card's own rates; (b) every kernel, and cuBLAS; (c) whole guided steps; (d) the peers in
# PyTorch. A section may take its share of the time that is left, the most important of it first; what one does not
# need is for those after it. Results are written after every section, and when the script is stopped.
set -euo pipefail
self=$(readlink -f "$0")
cd "$(dirname "$self")/.."
minutes=30 out=target/gpu arch= python= java= build_only= resume= only=
while [ $# -gt 0 ]; do
  case $1 in
    --minutes) minutes=$2; shift 2 ;;
    --out) out=$2; shift 2 ;;
    --arch) arch=$2; shift 2 ;;
    --python) python=$2; shift 2 ;;
    --java) java=$2; shift 2 ;;
    --build-only) build_only=1; shift ;;
    --resume) resume=1; shift ;;
    --only) only=$2; shift 2 ;;
    -h | --help) sed -n '2,/^set -/p' "$self" | sed '$d; s/^# \{0,1\}//'; exit 0 ;;
    *) echo "unknown option $1 (--help)" >&2; exit 2 ;;
  esac
done
[[ $minutes =~ ^[0-9]+([.][0-9]+)?$ ]] || { echo "--minutes must be a number, got $minutes" >&2; exit 2; }
deadline=$((SECONDS + $(awk "BEGIN { print int($minutes * 60) }")))
left() { echo $((deadline - SECONDS)); }

nvcc=$(command -v nvcc || ls /usr/local/cuda/bin/nvcc 2>/dev/null || true)
[ -n "$nvcc" ] || { echo "gpu.sh: no nvcc on this machine (CUDA 12.3 or newer)" >&2; exit 4; }
if [ -z "$build_only" ] && ! nvidia-smi -L >/dev/null 2>&1; then
  echo "gpu.sh: this machine has no NVIDIA GPU (nvidia-smi finds none)" >&2
  exit 4
fi
if [ -z "$arch" ]; then
  arch=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | head -1 | tr -d '.' || true)
  [ "$arch" = 90 ] && arch=90a
  [ -n "$arch" ] || arch=90a
fi

mkdir -p "$out"
out=$(cd "$out" && pwd)
lines=$out/lines.jsonl log=$out/log.txt
commit=$(git rev-parse HEAD 2>/dev/null || echo unknown)
if [ -z "$resume" ] || [ "$(cat "$out/commit" 2>/dev/null)" != "$commit" ]; then
  rm -f "$lines"
  : >"$log"
fi
touch "$lines"
echo "$commit" >"$out/commit"

# One JSON and one table of the lines so far; a line that was cut off is left out.
write_results() {
  local driver
  driver=$(nvidia-smi --query-gpu=driver_version --format=csv,noheader 2>/dev/null | head -1)
  {
    echo "{\"date\": \"$(date -u +%FT%TZ)\", \"commit\": \"$commit\","
    echo " \"driver\": \"$driver\", \"minutes\": $minutes,"
    echo " \"nvcc\": \"$("$nvcc" --version | sed -n 's/.*release \([0-9.]*\).*/\1/p')\", \"results\": ["
    grep -x '{.*}' "$lines" | sed '$!s/$/,/' || true
    echo "]}"
  } >"$out/results.json.new"
  mv "$out/results.json.new" "$out/results.json"
  {
    echo "$(date -u +%F), $(nvidia-smi --query-gpu=name --format=csv,noheader 2>/dev/null | head -1), driver $driver"
    grep -x '{.*}' "$lines" | awk -f bench/table.awk || true
  } >"$out/table.txt"
}
running=
stop() {
  trap - EXIT
  if [ -n "$running" ]; then
    kill "$running" 2>/dev/null || true
    wait "$running" 2>/dev/null || true
  fi
  write_results
  echo "results in $out/results.json and $out/table.txt"
}

# What share of the time each section has; section() takes its own off. A new line in `lines` is one result.
declare -A share=([tests]=18 [memcheck]=5 [racecheck]=5 [device]=4 [kernels]=20 [cublas]=5 [steps]=26
  [peers]=15 ["command line"]=3)
declare -A skip
shares_left=0
while read -r name; do
  [ -n "${share[$name]:-}" ] || { echo "--only: no section $name (--help)" >&2; exit 2; }
done < <(echo "${only//,/$'\n'}" | grep . || true)
for name in "${!share[@]}"; do
  if [ -n "$only" ] && [[ ,$only, != *,"$name",* ]]; then
    skip[$name]="not asked for"
  elif grep -q "\"section\": \"script\", \"name\": \"$name\", \"ended\": \"ok\"" "$lines"; then
    skip[$name]="done before"
  else
    shares_left=$((shares_left + ${share[$name]}))
  fi
done
# forget NAME [RESULTS]: takes what an earlier run of a section left out of `lines`: how it ended, and its results.
forget() {
  local results=${2:-none}
  grep -v -e "\"section\": \"script\", \"name\": \"$1\"" -e "\"section\": \"$results\"" "$lines" >"$lines.new" || true
  mv "$lines.new" "$lines"
}
# section NAME COMMAND...: runs it, with SECONDS_OF_SECTION in the environment, and says how it ended. Never stops the
# script.
section() {
  local name=$1 rc=0 ended=ok begin=$SECONDS
  shift
  if [ -n "${skip[$name]:-}" ]; then
    echo "## $name: ${skip[$name]}"
    return
  fi
  local limit=$(($(left) * ${share[$name]} / shares_left))
  shares_left=$((shares_left - ${share[$name]}))
  if [ "$(left)" -lt 1 ]; then
    ended="no time"
    forget "$name"
  else
    case $name in # steps and peers go on behind what they have
      kernels) forget kernels kernel ;;
      device | cublas) forget "$name" "$name" ;;
      *) forget "$name" ;;
    esac
    [ "$limit" -gt 0 ] || limit=1
    echo "## $name (at most $limit s)"
    SECONDS_OF_SECTION=$((limit * 19 / 20)) timeout -k 5 "$limit" "$@" > >(tee -a "$log") 2>&1 &
    running=$!
    wait "$running" || rc=$?
    running=
    # A bench begins nothing new after its seconds, and ends well.
    [ "$limit" -lt 20 ] || [ $((SECONDS - begin)) -lt $((limit * 19 / 20)) ] || ended=unfinished
    [ "$rc" = 0 ] || ended="failed with $rc"
    [ "$rc" != 124 ] && [ "$rc" != 137 ] || ended="time limit"
  fi
  echo "## $name: $ended after $((SECONDS - begin)) s"
  [ -z "$(tail -c 1 "$lines")" ] || echo >>"$lines"
  echo "{\"section\": \"script\", \"name\": \"$name\", \"ended\": \"$ended\", \"seconds\": $((SECONDS - begin))}" >>"$lines"
  write_results
}
# without NAME WHY: leaves a section out.
without() {
  [ -z "${skip[$1]:-}" ] || return 0
  forget "$1"
  shares_left=$((shares_left - ${share[$1]}))
  echo "## $1: left out, $2"
  echo "{\"section\": \"script\", \"name\": \"$1\", \"ended\": \"left out, $2\", \"seconds\": 0}" >>"$lines"
}
# bench NAME PROGRAM...: a section that appends its results to `lines` and stops by itself.
bench() {
  local name=$1
  shift
  section "$name" bash -c 'exec "$@" --seconds "$SECONDS_OF_SECTION"' bash "$@" --json "$lines"
}

build() {
  cmake -S . -B "$out/build" -DCMAKE_BUILD_TYPE=Release -DGENARM_CUDA=ON -DCMAKE_CUDA_COMPILER="$nvcc" \
    -DCMAKE_CUDA_ARCHITECTURES="$arch-real" >>"$log" &&
    cmake --build "$out/build" --parallel "$(nproc)" \
      --target gpu_device_bench gpu_step_bench gpu_kernel_bench gpu_tests >>"$log"
}
echo "## build for sm_$arch with $("$nvcc" --version | grep release)"
build || { tail -20 "$log"; echo "gpu.sh: the build failed, see $log" >&2; exit 1; }
[ -z "$build_only" ] || { echo "built in $out/build"; exit 0; }
bin=$(dirname "$(find "$out/build" -name gpu_device_bench -type f | head -1)")
trap stop EXIT
trap 'exit 130' INT TERM

# The kernels on the card: what the host executor cannot prove.
nvidia-smi --query-gpu=name,driver_version,clocks.max.sm,clocks.max.mem,power.limit --format=csv,noheader | tee -a "$log"
section tests ctest --test-dir "$out/build" -C gpu -L gpu --output-on-failure
sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2>/dev/null || true)
if [ -n "$sanitizer" ]; then
  section memcheck "$sanitizer" --tool memcheck --error-exitcode 1 "$bin/gpu_project_test" 1
  section racecheck "$sanitizer" --tool racecheck --error-exitcode 1 "$bin/gpu_lm_head_test" 1
else
  without memcheck "no compute-sanitizer"
  without racecheck "no compute-sanitizer"
fi

# (a) the card
bench device "$bin/gpu_device_bench"
ceiling=$(sed -n 's/.*"name": "read", "gb_per_s": \([0-9.]*\).*/\1/p' "$lines" | head -1)

# (b) every kernel
bench kernels "$bin/gpu_kernel_bench" --ceiling "${ceiling:-0}"
if [ -z "$python" ] && python3 -c 'import torch' 2>/dev/null; then python=python3; fi
if [ -n "$python" ]; then
  bench cublas "$python" bench/peers/gpu_kernels.py --ceiling "${ceiling:-0}"
else
  without cublas "no python with torch (--python)"
fi

# (c) whole steps
bench steps "$bin/gpu_step_bench" --ceiling "${ceiling:-0}"
if [ -n "$java" ]; then
  section "command line" env JAVA_HOME="$java" GENARM_CUDA=1 CUDACXX="$nvcc" ./genarm bench latency --base models/demo-base \
    --arm positive=models/demo-arm-positive=1 --device cuda --json
else
  without "command line" "no --java"
fi

# (d) the peers
if [ -n "$python" ]; then
  TORCHINDUCTOR_CACHE_DIR=$out/inductor bench peers "$python" bench/peers/gpu_steps.py
else
  without peers "no python with torch (--python)"
fi

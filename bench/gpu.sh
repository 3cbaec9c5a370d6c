#!/usr/bin/env bash
# Everything that a machine with an NVIDIA GPU can tell, in one command: builds for the card, proves the kernels on it,
# then measures, most important first, and stops at a time limit.
#
#   bench/gpu.sh [--minutes N] [--out DIR] [--arch 90a] [--python PYTHON] [--java HOME] [--build-only]
#
#   --minutes N      in all, building included (30)
#   --out DIR        of results.json, table.txt and logs (target/gpu)
#   --arch CC        of the card; asked of nvidia-smi otherwise (9.0 becomes 90a)
#   --python PYTHON  with torch, for cuBLAS and the peers (python3 where it has torch; without, they are left out)
#   --java HOME      a Java runtime (jlink's will do): times the command line on the demo models, too
#   --build-only     stops before anything that needs the GPU
#
# Needs nvcc, CMake and g++; no Java, no network. In order, each within its share of the time: the card's own rates; the
# kernels' tests on the card and under compute-sanitizer; whole guided steps; the peers in PyTorch; every kernel.
set -euo pipefail
self=$(readlink -f "$0")
cd "$(dirname "$self")/.."
minutes=30 out=target/gpu arch= python= java= build_only=
while [ $# -gt 0 ]; do
  case $1 in
    --minutes) minutes=$2; shift 2 ;;
    --out) out=$2; shift 2 ;;
    --arch) arch=$2; shift 2 ;;
    --python) python=$2; shift 2 ;;
    --java) java=$2; shift 2 ;;
    --build-only) build_only=1; shift ;;
    -h | --help) sed -n '2,/^set -/p' "$self" | sed '$d; s/^# \{0,1\}//'; exit 0 ;;
    *) echo "unknown option $1 (--help)" >&2; exit 2 ;;
  esac
done
deadline=$((SECONDS + minutes * 60))
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
lines=$out/lines.jsonl log=$out/log.txt
: >"$lines"
: >"$log"

# section NAME SECONDS COMMAND...: runs it within its share and what is left; says how it ended. Never stops the script.
section() {
  local name=$1 share=$2 rc=0
  shift 2
  local limit=$(($(left) < share ? $(left) : share))
  if [ "$limit" -lt 10 ]; then
    echo "## $name: left out, the time is over"
    echo "{\"section\": \"script\", \"name\": \"$name\", \"ended\": \"no time\"}" >>"$lines"
    return 0
  fi
  local begin=$SECONDS
  echo "## $name (at most $limit s)"
  timeout -k 10 "$limit" "$@" 2>&1 | tee -a "$log" || rc=${PIPESTATUS[0]}
  local ended=ok
  [ "$rc" = 124 ] && ended="time limit"
  [ "$rc" = 0 ] || [ "$rc" = 124 ] || ended="failed with $rc"
  echo "## $name: $ended after $((SECONDS - begin)) s"
  echo "{\"section\": \"script\", \"name\": \"$name\", \"ended\": \"$ended\", \"seconds\": $((SECONDS - begin))}" >>"$lines"
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

# (a) the card
nvidia-smi --query-gpu=name,driver_version,clocks.max.sm,clocks.max.mem,power.limit --format=csv,noheader | tee -a "$log"
section "device" 120 "$bin/gpu_device_bench" --json "$lines"
ceiling=$(sed -n 's/.*"name": "read", "gb_per_s": \([0-9.]*\).*/\1/p' "$lines" | head -1)

# the kernels on the card: what the host executor cannot prove
section "tests" 240 ctest --test-dir "$out/build" -C gpu -L gpu --output-on-failure
sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2>/dev/null || true)
if [ -n "$sanitizer" ]; then
  section "memcheck" 90 "$sanitizer" --tool memcheck --error-exitcode 1 "$bin/gpu_project_test" 1
  section "racecheck" 90 "$sanitizer" --tool racecheck --error-exitcode 1 "$bin/gpu_lm_head_test" 1
fi

# (c) whole steps, before the kernels alone: they are what this is for
section "steps" 420 "$bin/gpu_step_bench" --json "$lines" --ceiling "${ceiling:-0}" --seconds 400

# (d) the peers
if [ -z "$python" ] && python3 -c 'import torch' 2>/dev/null; then python=python3; fi
if [ -n "$python" ]; then
  section "peers" 420 "$python" bench/peers/gpu_steps.py --json "$lines" --seconds 400
  section "cublas" 120 "$python" bench/peers/gpu_kernels.py --json "$lines" --ceiling "${ceiling:-0}" --seconds 110
else
  echo "## peers: left out, no python with torch (--python)"
fi

# (b) every kernel
section "kernels" 420 "$bin/gpu_kernel_bench" --json "$lines" --ceiling "${ceiling:-0}" --seconds 400

if [ -n "$java" ]; then
  section "command line" 180 env JAVA_HOME="$java" ./genarm bench latency --base models/demo-base \
    --arm positive=models/demo-arm-positive=1 --device cuda --json
fi

{
  echo "{\"date\": \"$(date -u +%FT%TZ)\", \"commit\": \"$(git rev-parse HEAD 2>/dev/null || echo unknown)\","
  echo " \"driver\": \"$(nvidia-smi --query-gpu=driver_version --format=csv,noheader | head -1)\","
  echo " \"nvcc\": \"$("$nvcc" --version | sed -n 's/.*release \([0-9.]*\).*/\1/p')\", \"results\": ["
  sed '$!s/$/,/' "$lines"
  echo "]}"
} >"$out/results.json"
{
  echo "$(date -u +%F), $(nvidia-smi --query-gpu=name,driver_version --format=csv,noheader | head -1)"
  sed 's/[{}"]//g; s/section: //' "$lines"
} >"$out/table.txt"
echo "results in $out/results.json and $out/table.txt"

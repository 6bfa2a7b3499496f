#!/usr/bin/env bash
# Is everything right on this machine's GPU? Each phase has a limit of its own and the next one follows whatever became
# of it; after every phase its line is in the JSON file. With --dry-run, phases that need a GPU are listed, the rest run.
#
# usage: bash bench/gpu/check.sh [--dry-run] [--out FILE.json] [--build FOLDER]
#   needs: nvcc, cmake, ninja, and a Python with numpy, h5py, pybind11 and pytest; no network
set -uo pipefail
cd "$(dirname "$0")/../.."
dry_run=false out=gpu_check.json build=
while [ $# -gt 0 ]; do
  case $1 in
    --dry-run) dry_run=true ;;
    --out) out=$2 && shift ;;
    --build) build=$2 && shift ;;
    *) sed -n '5,6p' "$0" >&2 && exit 2 ;;
  esac
  shift
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
build=${build:-$work/build}
rows=() failed=0

# phase NAME SECONDS gpu|any COMMAND...
phase() {
  local name=$1 limit=$2 where=$3 state=ok begin=$SECONDS
  shift 3
  printf '\n== %s\n' "$name"
  if $dry_run && [ "$where" = gpu ]; then
    state="not run: needs a GPU" && printf '%s: %s\n' "$state" "$*"
  else
    timeout "$limit" "$@" >"$work/log" 2>&1
    local code=$?
    tail -15 "$work/log"
    [ $code = 0 ] || { state="failed ($code)" && [ $code = 124 ] && state="out of time"; failed=1; }
  fi
  rows+=("  {\"phase\": \"$name\", \"state\": \"$state\", \"seconds\": $((SECONDS - begin)), \"limit\": $limit}")
  { printf '[\n' && (IFS=$'\n' && echo "${rows[*]}" | sed '$!s/$/,/') && printf ']\n'; } >"$out"
}

architecture=native
$dry_run && architecture=90-real
configure() {
  cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DPYCONVNET_WERROR=ON -DPYCONVNET_CUDA=ON \
    "-DCMAKE_CUDA_ARCHITECTURES=$architecture" "-DPython_EXECUTABLE=$(command -v python)" \
    "-Dpybind11_DIR=$(python -m pybind11 --cmakedir)"
}
machine_code() {  # registers, and the instructions that products must be made of
  command -v cuobjdump >/dev/null || { echo 'needs cuobjdump and nvdisasm, of the CUDA toolkit'; return 1; }
  local module
  module=$(find "$build" -name '_cuda*.so') && [ -n "$module" ] || return 1
  cuobjdump -res-usage "$module" 2>&1 | grep -oE 'REG:[0-9]+ STACK:[0-9]+' | sort | uniq -c | sort -k2 -V | tail -4
  cuobjdump -sass "$module" | grep -oE '\b(HMMA\.1688\.F32\.TF32|LDSM|LDGSTS)' | sort | uniq -c | tee "$work/sass"
  [ "$(wc -l <"$work/sass")" = 3 ]
}
export -f configure machine_code
export build architecture work

phase "device" 30 gpu nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm --format=csv
phase "compiler" 30 any nvcc --version
phase "configure" 120 any bash -c configure
phase "build" 400 any cmake --build "$build" --target _cuda
phase "tensor cores and copies in the code" 60 any bash -c machine_code
phase "kernels as PTX, interpreted" 400 any python -m pytest -q -p no:cacheprovider tests/test_cuda_ptx.py
phase "assembly on the GPU" 60 gpu python -m pytest -q -p no:cacheprovider -m gpu

printf '\n%s:\n' "$out" && cat "$out"
exit $failed

#!/usr/bin/env bash
# Is everything right on this machine's GPU? Each phase has a limit of its own and the next one follows whatever became
# of it; after every phase its line is in the JSON file. With --dry-run, phases that need a GPU are listed, the rest run.
#
# usage: bash bench/gpu/check.sh [--dry-run] [--out FILE.json] [--build FOLDER]
#   needs: nvcc, cmake, ninja, and a Python with numpy, h5py, cupy, pybind11 and pytest; no network
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
# shellcheck source=bench/gpu/build.sh
. bench/gpu/build.sh

machine_code() {  # registers, and the instructions that products must be made of
  command -v cuobjdump >/dev/null || { echo 'needs cuobjdump and nvdisasm, of the CUDA toolkit'; return 1; }
  local module
  module=$(find "$build" -name '_cuda*.so') && [ -n "$module" ] || return 1
  cuobjdump -res-usage "$module" 2>&1 | grep -oE 'REG:[0-9]+ STACK:[0-9]+' | sort | uniq -c | sort -k2 -V | tail -4
  cuobjdump -sass "$module" | grep -oE '\b(HMMA\.(1688\.F32\.TF32|16816\.F32\.BF16)|LDSM|LDGSTS)' | sort | uniq -c |
    tee "$work/sass"
  [ "$(wc -l <"$work/sass")" = 4 ]
}
here() { cd "$site" && python -m pytest -q -p no:cacheprovider "$@"; }
# CuPy's pool rounds sizes up, which hides what is written beside an array.
sanitized() {
  local tool=$1 tests=$2
  cd "$site" && PYCONVNET_TEST_WITHOUT_POOL=1 compute-sanitizer --tool "$tool" --error-exitcode 9 \
    python -m pytest -q -x -p no:cacheprovider -m gpu tests/test_gpu.py -k "$tests"
}
export -f machine_code here sanitized

build_phases
phase "tensor cores and copies in the code" 60 any bash -c machine_code
phase "kernels as PTX, interpreted" 400 any bash -c 'here tests/test_cuda_ptx.py'
phase "assembly on the GPU" 60 gpu bash -c 'here -m gpu tests/test_cuda_ptx.py'
phase "ops, trainings and captured steps on the GPU" 240 gpu bash -c \
  'here -m gpu tests/test_gpu.py tests/test_affine_warp.py tests/test_bfloat16.py'
phase "what Keras computes, on the GPU" 240 gpu bash -c 'here --device cuda tests/test_golden_*.py'
phase "memcheck" 240 gpu bash -c 'sanitized memcheck "ops_agree or tf32 or launched"'
phase "racecheck" 240 gpu bash -c 'sanitized racecheck "tf32_are or captured"'
phase "synccheck" 120 gpu bash -c 'sanitized synccheck "tf32_are"'

printf '\n%s:\n' "$out" && cat "$out"
exit $failed

#!/usr/bin/env bash
# How fast is it on this machine's GPU, beside PyTorch in the same run? Phases as in check.sh; what is measured lies in
# FOLDER: phases.json, ceilings.json, layers.json, for each batch size train_N.json with its table train_N.md, and
# speedrun, the records of 93 % on Fashion-MNIST against time.
#
# usage: bash bench/gpu/bench.sh [--dry-run] [--out FOLDER] [--build FOLDER] [--nets mlp,conv]
#   needs: what check.sh needs, and torch; no network
set -uo pipefail
cd "$(dirname "$0")/../.."
dry_run=false folder=gpu_bench build= nets=
while [ $# -gt 0 ]; do
  case $1 in
    --dry-run) dry_run=true ;;
    --out) folder=$2 && shift ;;
    --build) build=$2 && shift ;;
    --nets) nets=$2 && shift ;;
    *) sed -n '5,6p' "$0" >&2 && exit 2 ;;
  esac
  shift
done
mkdir -p "$folder" && folder=$(cd "$folder" && pwd)
out=$folder/phases.json
# shellcheck source=bench/gpu/build.sh
. bench/gpu/build.sh

train() {
  cd "$site" && PYTHONPATH=$site python bench/train_bench.py --device cuda --peers --rounds 2 --seconds 0.3 --batch "$1" \
    --nets "$nets" --out "$folder/train_$1.json" --table "$folder/train_$1.md"
}
export -f train
export nets folder

build_phases
phase "ceilings" 60 gpu python bench/gpu/ceilings.py --out "$folder/ceilings.json"
phase "convolutions beside cuDNN" 240 gpu bash -c 'cd "$site" && PYTHONPATH=$site python bench/gpu/layers.py --out "$folder/layers.json"'
for batch in 32 128 1024; do
  phase "training steps, batch $batch" 240 gpu bash -c "train $batch"
done
phase "the lecture's quick preset" 120 gpu bash -c 'cd "$site" && python -m pyconvnet lecture --device cuda --out "$work/lecture"'

# Without the data set this phase fails, and says where to put it.
phase "Fashion-MNIST to 93 %" 120 gpu bash -c \
  'cd "$site" && python -m pyconvnet lecture fashion_speedrun --seeds 5 --device cuda --out "$folder/speedrun"'

printf '\n%s:\n' "$out" && cat "$out"
exit $failed

# What check.sh and bench.sh share: phases with a limit each, and the package built for this machine's GPU.
# Source it; it needs $dry_run, $out and $build, and sets $work, $rows and $failed.
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
# The package with what was built, beside its tests: $site. Everything is run there.
site=$work/site
assemble() {
  mkdir -p "$site"
  cp -r pyconvnet tests bench csrc pyproject.toml "$site" && rm -f "$site"/pyconvnet/_*.so &&
    find "$build" -name '_c*.so' -exec cp {} "$site/pyconvnet/" \; && (cd "$site" && python -m pyconvnet doctor)
}
export -f configure assemble
export build architecture work site

build_phases() {
  phase "device" 30 gpu nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm --format=csv
  phase "compiler" 30 any nvcc --version
  phase "configure" 120 any bash -c configure
  phase "build" 400 any cmake --build "$build"
  phase "package" 60 any bash -c assemble
}

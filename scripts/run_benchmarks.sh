#!/usr/bin/env bash
# Runs training, benchmarks and probes one after another, goes on past what fails, and writes one report:
#   scripts/run_benchmarks.sh --device sim:m4 --steps 10 --out results
# Runs with bash 3.2 or later, on Linux and macOS.
set -uo pipefail

usage() {
  cat <<'END'
usage: scripts/run_benchmarks.sh [WHAT] [OPTIONS]

  --all               training, benchmarks and probes (the default)
  --training-only     train_large and train_large_ane, a short run each, and the comparison of both offloads
  --benchmarks-only   every `anemone bench NAME`
  --probes-only       `anemone probe all`

  --steps N           steps of each training run [100]
  --device D          where the programs run: cpu, ref, sim:CHIP, ane [cpu]
  --data FILE         what to train on (see `anemone data`) [stories of a built-in grammar]
  --out DIR           where benchmark_results_STAMP.txt goes [.]
  --anemone PATH      the program [build/release/bin/anemone beside this script, else the one on PATH]
  --help              print this

Exit status: 0 where all that ran passed, 1 where something failed, 2 on bad usage.
END
}

bad_usage() {
  printf 'run_benchmarks.sh: %s: try --help\n' "$*" >&2
  exit 2
}

# ---- flags

what=all steps=100 device=cpu data='' out=. anemone=''

parse() {
  while [ $# -gt 0 ]; do
    case $1 in
      --all) what=all ;;
      --training-only) what=training ;;
      --benchmarks-only) what=benchmarks ;;
      --probes-only) what=probes ;;
      --steps | --device | --data | --out | --anemone)
        [ $# -gt 1 ] || bad_usage "$1 needs a value"
        case $1 in
          --steps) steps=$2 ;;
          --device) device=$2 ;;
          --data) data=$2 ;;
          --out) out=$2 ;;
          --anemone) anemone=$2 ;;
        esac
        shift
        ;;
      -h | --help)
        usage
        exit 0
        ;;
      *) bad_usage "there is no flag $1" ;;
    esac
    shift
  done
  [[ $steps =~ ^[1-9][0-9]*$ ]] || bad_usage "--steps $steps is no number of steps"
}

find_anemone() {
  local built
  built=$(cd "$(dirname "$0")/.." && pwd)/build/release/bin/anemone
  if [ -z "$anemone" ] && [ -x "$built" ]; then anemone=$built; fi
  [ -n "$anemone" ] || anemone=$(command -v anemone) || bad_usage 'anemone is neither built nor on PATH: run ./dev build'
  "$anemone" --help >/dev/null 2>&1 || bad_usage "$anemone does not run: build it anew, or name another with --anemone"
}

# ---- the report

say() { printf '%s\n' "$*" | tee -a "$report"; }

processor() {
  sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2>/dev/null | sed -n 1p | grep . ||
    sysctl -n machdep.cpu.brand_string 2>/dev/null || uname -m
}

memory_gib() {
  { sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo 2>/dev/null | grep . ||
    { sysctl -n hw.memsize 2>/dev/null || echo 0; } | awk '{ print $1 / 1024 }'; } | awk '{ printf "%.1f", $1 / 1048576 }'
}

header() {
  say "anemone benchmarks, $(date -u '+%Y-%m-%d %H:%M:%S') UTC"
  say "machine:   $(uname -n), $(processor), $(getconf _NPROCESSORS_ONLN) threads, $(memory_gib) GiB"
  say "system:    $(uname -srm)"
  say "device:    $device"
  say "chosen:    $what, $steps training steps"
  say "program:   $anemone"
  say "devices of this machine:"
  "$anemone" devices 2>&1 | tee -a "$report"
}

# ---- running

passed=0 failed=0 skipped=0 summary=''

count() {
  summary="$summary  $1  $2"$'\n'
  say "--- $1: $2"
}

# attempt NAME ARGUMENTS...: `anemone ARGUMENTS`, its output into the report and onto the terminal.
attempt() {
  local name=$1 began=$SECONDS status
  shift
  say ''
  say "=== $name: anemone $*"
  "$anemone" "$@" </dev/null 2>&1 | tee -a "$report"
  status=${PIPESTATUS[0]}
  if [ "$status" = 0 ]; then
    passed=$((passed + 1))
    count passed "$name ($((SECONDS - began)) s)"
  else
    failed=$((failed + 1))
    count FAILED "$name (exit $status after $((SECONDS - began)) s)"
  fi
}

skip() {
  skipped=$((skipped + 1))
  say ''
  count skipped "$1: $2"
}

# known [PARENT] NAME: whether the help of `anemone [PARENT]` lists the command. (`anemone NAME --help` succeeds anyway.)
known() {
  local name="${*: -1}"
  "$anemone" "${@:1:$#-1}" --help </dev/null 2>/dev/null | grep -q "^  $name "
}

# A run that keeps nothing: its checkpoints go to a folder that ends with this script.
train() {
  local flags=(train --preset "$1" --device "$device" --steps "$steps" --scratch --ckpt "$scratch/$1.safetensors")
  [ -z "$data" ] || flags+=(--data "$data")
  attempt "$1" "${flags[@]}"
}

run_training() {
  train train_large
  train train_large_ane
  attempt 'train_large beside train_large_ane' bench offload --device "$device"
}

# attempt_known NAME ARGUMENTS...: NAME is that of the command, whose arguments follow.
attempt_known() {
  local name=$1
  shift
  # shellcheck disable=SC2086  # the words of the name are separate arguments
  if known $name; then attempt "$name" $name "$@"; else skip "$name" 'this anemone has no such command'; fi
}

run_benchmarks() {
  local name
  for name in inmem_peak inmem_basic inmem_bench sram_bench sram_probe int8 train generate; do
    attempt_known "bench $name" --device "$device"
  done
  attempt_known 'bench sim_model'
}

run_probes() { attempt_known probe all --device "$device"; }

summarise() {
  say ''
  say '=== SUMMARY ==='
  printf '%s' "$summary" | tee -a "$report"
  say "Total:   $((passed + failed + skipped))"
  say "Passed:  $passed"
  say "Failed:  $failed"
  say "Skipped: $skipped"
}

main() {
  parse "$@"
  find_anemone
  mkdir -p "$out" || bad_usage "--out $out cannot be made"
  report=$out/benchmark_results_$(date -u +%Y%m%d_%H%M%S).txt
  : >"$report" || bad_usage "$report cannot be written"
  scratch=$(mktemp -d "${TMPDIR:-/tmp}/anemone_benchmarks.XXXXXX") || exit 1
  trap 'rm -rf "$scratch"' EXIT
  header
  case $what in all | training) run_training ;; esac
  case $what in all | benchmarks) run_benchmarks ;; esac
  case $what in all | probes) run_probes ;; esac
  summarise
  printf '\nThe report is %s\n' "$report"
  [ "$failed" = 0 ]
}

main "$@"

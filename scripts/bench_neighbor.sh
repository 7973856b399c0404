#!/usr/bin/env bash
# Measures what a busy process costs: the median frame time alone and beside a process that never
# sleeps, three times in turn.
# Usage: scripts/bench_neighbor.sh [PROGRAM [FLAGS OF bench...]]
set -euo pipefail
cd "$(dirname "$0")/.."
program=${1:-build/release/streamdiffusion}
shift || true
[ $# -gt 0 ] || set -- --model models/pictogram
json=$(mktemp)
neighbor=
trap 'rm -f "$json"; [ -z "$neighbor" ] || kill "$neighbor"' EXIT

p50() {
  "$program" bench "$@" --frames 200 --json "$json" >/dev/null 2>&1
  sed -n 's/.*"p50": \([0-9.]*\).*/\1/p' "$json"
}

for round in 1 2 3; do
  alone=$(p50 "$@")
  bash -c 'while :; do :; done' &
  neighbor=$!
  beside=$(p50 "$@")
  kill "$neighbor"
  wait "$neighbor" 2>/dev/null || true
  neighbor=
  awk -v a="$alone" -v b="$beside" -v r="$round" \
    'BEGIN { printf "round %d: p50 %.1f ms alone, %.1f ms beside a busy process: %.2fx\n",
             r, a, b, b / a }'
done

#!/usr/bin/env bash
# Runs the fuzz targets in FOLDER one after another, SECONDS in all.
# Usage: scripts/fuzz.sh FOLDER SECONDS
set -euo pipefail
folder=$1
targets=()
for target in "$folder"/*_fuzz; do [ -x "$target" ] && targets+=("$target"); done
[ ${#targets[@]} -gt 0 ] || { echo "no fuzz targets in $folder" >&2; exit 1; }
share=$(( $2 / ${#targets[@]} ))
[ "$share" -gt 0 ] || share=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for target in "${targets[@]}"; do
  name=$(basename "$target")
  corpus=fuzz/corpus/${name%_fuzz}
  mkdir -p "$work/$name"
  echo "$name: $share s"
  # An image may take a small multiple of its pixels and its profile, whatever its file asks for.
  limits=(-rss_limit_mb=2048)
  [ "$name" = image_fuzz ] && limits=(-rss_limit_mb=2048 -malloc_limit_mb=64 -max_len=1048576)
  # timeout: libFuzzer can hang while it reports an input that takes too long.
  timeout --kill-after=5 $(( share + 60 )) \
    "$target" -max_total_time="$share" "${limits[@]}" -timeout=30 -print_final_stats=0 \
    -verbosity=0 -print_funcs=0 -artifact_prefix="$work/" \
    "$work/$name" $([ -d "$corpus" ] && echo "$corpus") 2>&1 |
    { grep -vE "Dictionary|dictionary|# Uses" || true; } || {
      echo "$name failed, or hung for a minute; corpus and input so far: $work" >&2
      trap - EXIT
      exit 1
    }
done
echo "fuzzing found nothing in $2 s over ${#targets[@]} targets"

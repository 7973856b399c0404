#!/usr/bin/env bash
# Generates an image from every stage of a sample drawing, and a contact sheet of them.
# Usage: scripts/demo.sh PROGRAM OUTPUT_FOLDER
set -euo pipefail
cd "$(dirname "$0")/.."
program=$1
output=$2
mkdir -p "$output"
"$program" image --model models/pictogram --prompt "${PROMPT:-cat face, 3d render}" \
  --input samples/doodle --output "$output/frames" --sheet "$output/demo.png"

#!/usr/bin/env bash
# Compares what a shared library exports with a list. A function that is gone or new must be so on purpose: programs that
# were linked with the library would no longer start.
# Usage: symbols_test.sh LIBRARY LIST
set -euo pipefail
diff -u "$2" <(nm -D --defined-only "$1" | awk '$2 != "A" {sub(/@.*/, "", $3); print $3}' | LC_ALL=C sort) ||
  { echo "the exported functions are not those of $2" >&2; exit 1; }

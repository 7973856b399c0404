#!/usr/bin/env bash
# Compares the ABI of the C library (functions, their arguments, structs and enumerations) with a description of it that
# is kept: programs that were built with an earlier header must go on running.
# Usage: abi_test.sh LIBRARY HEADER DESCRIPTION            fails where they differ
#        abi_test.sh --update LIBRARY HEADER DESCRIPTION   writes the description anew
set -euo pipefail
update=
if [ "$1" = --update ]; then update=1; shift; fi
library=$1 header=$(realpath "$2") description=$3  # types are found by the path that the compiler saw
for tool in abidw abidiff; do
  command -v $tool >/dev/null || { echo "$0: no $tool; apt-get install abigail-tools" >&2; exit 1; }
done

if [ "$update" ]; then
  abidw --exported-interfaces-only --header-file "$header" --drop-private-types --no-show-locs --no-corpus-path \
    --no-comp-dir-path --no-elf-needed --no-architecture --type-id-style hash --out-file "$description.new" "$library"
  grep -q "'streamdiffusion_frame' size-in-bits" "$description.new" ||
    { echo "$0: $library was not compiled with $header, or without -g: its structs are not there" >&2; exit 1; }
  sed -i "s| path='$(realpath "$(dirname "$0")/../..")/| path='|" "$description.new"
  mv "$description.new" "$description"
  exit
fi
status=0
report=$(abidiff --exported-interfaces-only --no-architecture "$description" "$library" 2>&1) || status=$?
[ $status -eq 0 ] && exit
echo "$report"
if [ $((status & 3)) -ne 0 ]; then
  echo "$0: the C library could not be compared with $description" >&2
else
  echo "$0: the C library is not that of $description. New functions and new members at the end of a struct are" \
    "fine: make abi-update. Anything else breaks programs that were built before." >&2
fi
exit 1

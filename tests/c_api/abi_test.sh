#!/usr/bin/env bash
# Compares the ABI of the C library (functions, their arguments, structs and enumerations) with a description of it that
# is kept: programs that were built with an earlier header must go on running.
# Usage: abi_test.sh LIBRARY HEADER DESCRIPTION            fails where they differ
#        abi_test.sh --update LIBRARY HEADER DESCRIPTION   writes the description anew
set -euo pipefail
update=
if [ "$1" = --update ]; then update=1; shift; fi
library=$1 header=$2 description=$3
for tool in abidw abidiff; do
  command -v $tool >/dev/null || { echo "$0: no $tool; apt-get install abigail-tools" >&2; exit 1; }
done

if [ "$update" ]; then
  abidw --header-file "$header" --drop-private-types --no-show-locs --no-corpus-path --no-comp-dir-path \
    --no-elf-needed --no-architecture --type-id-style hash --out-file "$description.new" "$library"
  mv "$description.new" "$description"
  exit
fi
status=0
report=$(abidiff --header-file2 "$header" --drop-private-types --no-architecture "$description" "$library" 2>&1) || status=$?
[ $status -eq 0 ] && exit
echo "$report"
kind="has something new; after a look at the report: make abi-update"
if [ $((status & 3)) -ne 0 ]; then
  kind="could not be compared"
elif [ $((status & 8)) -ne 0 ]; then
  kind="no longer fits programs that were built before: give the library a new soname, or take the change back"
fi
echo "$0: the C library $kind" >&2
exit 1

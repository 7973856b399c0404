#!/bin/sh
# Writes the manual page of the program, or of one of its commands, from its --help.
# Usage: man_page.sh HELP2MAN PROGRAM FILE VERSION [COMMAND]
set -eu
help2man=$1 program=$2 file=$3 version=$4 command=${5-}
summary=$("$program" ${command:+"$command"} --help | head -n 1 | cut -c 1-70)
export PATH="$(dirname "$program"):$PATH"
"$help2man" --no-info --section=1 --version-string="streamdiffusion $version" --source="StreamDiffusion $version" \
  --name="$summary" --manual="StreamDiffusion" --help-option="${command:+$command }--help" --output="$file.part" streamdiffusion
# The title of a command's page is its own.
[ -z "$command" ] || sed -i "s/^\.TH STREAMDIFFUSION /.TH STREAMDIFFUSION-$(echo "$command" | tr a-z A-Z) /; s/^streamdiffusion \\\\- /streamdiffusion\\\\-$command \\\\- /" "$file.part"
mv "$file.part" "$file"

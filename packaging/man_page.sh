#!/bin/sh
# Writes the manual page of the program, or of one of its commands, from its --help.
# Usage: man_page.sh HELP2MAN PROGRAM FILE VERSION [COMMAND]
set -eu
help2man=$1 program=$2 file=$3 version=$4 command=${5-}
help=$("$program" ${command:+"$command"} --help)
# The first sentence.
summary=$(echo "$help" | awk 'BEGIN { RS = "" } { gsub("\n", " "); print; exit }' |
  sed 's/^StreamDiffusion: //; s/\. .*//; s/ *Usage: .*//')
export PATH="$(dirname "$program"):$PATH"
"$help2man" --no-info --section=1 --version-string="streamdiffusion $version" --source="StreamDiffusion $version" \
  --name="$summary" --manual="StreamDiffusion" --help-option="${command:+$command }--help" --output="$file.part" streamdiffusion
# The title of a command's page is its own.
[ -z "$command" ] || sed -i "s/^\.TH STREAMDIFFUSION /.TH STREAMDIFFUSION-$(echo "$command" | tr a-z A-Z) /; s/^streamdiffusion \\\\- /streamdiffusion\\\\-$command \\\\- /" "$file.part"
# Examples as they are, line by line, so that they can be copied.
if echo "$help" | grep -q '^Examples:$'; then
  sed -i '/^\.SH EXAMPLES$/,$d' "$file.part"
  {
    printf '.SH EXAMPLES\n.nf\n'
    echo "$help" | sed '1,/^Examples:$/d' |
      sed 's/\\/\\e/g; s/-/\\-/g; s/'"'"'/\\(aq/g; s/`/\\(ga/g; s/\^/\\(ha/g; s/~/\\(ti/g; s/^ \{0,2\}/\\\&/'
    printf '.fi\n'
  } >>"$file.part"
fi
mv "$file.part" "$file"

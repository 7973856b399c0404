#!/usr/bin/env bash
# Installs the library into an empty folder and builds a program against it, with CMake and with pkg-config: one in C++ and one in C.
# Usage: consumer_test.sh BUILD_FOLDER CXX
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$1 compiler=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --install "$build" --prefix "$work/installed" >"$work/install.log"
mv "$work/installed" "$work/moved"  # the installed files must not depend on where they were put

cmake -S "$here/project" -B "$work/cmake" -DCMAKE_PREFIX_PATH="$work/moved" -DCMAKE_CXX_COMPILER="$compiler" \
  -DCMAKE_BUILD_TYPE=Debug >"$work/configure.log" || { cat "$work/configure.log"; exit 1; }
cmake --build "$work/cmake"
"$work/cmake/consumer"

PKG_CONFIG_PATH=$(dirname "$(find "$work/moved" -name streamdiffusion.pc)")
export PKG_CONFIG_PATH
# shellcheck disable=SC2046
"$compiler" "$here/project/main.cpp" -DMODEL_DIR="\"$(pkg-config --variable=model streamdiffusion)\"" \
  $(pkg-config --cflags --libs streamdiffusion) -o "$work/with_pkg_config"
"$work/with_pkg_config"

# The program of README.md, built as it says there, and run beside the models.
awk '/^```cpp$/ {on = 1; next} /^```$/ {on = 0} on' "$here/../../README.md" >"$work/readme.cpp"
# shellcheck disable=SC2046
"$compiler" -Wall -Wextra -Werror "$work/readme.cpp" $(pkg-config --cflags --libs streamdiffusion) -o "$work/readme"
ln -s "$(cd "$here/../../models" && pwd)" "$work/models"
(cd "$work" && ./readme)
[ "$(head -n 1 "$work/apple.ppm")" = "P6 256 256 255" ] || { echo "the program of README.md made no apple.ppm"; exit 1; }

# The C interface, from plain C99, as docs/c.md shows it.
cc -std=c99 -pedantic -Wall -Wextra -Werror "$build/tests/c_api/c_example.c" $(pkg-config --cflags --libs streamdiffusion_c) \
  -o "$work/in_c"
LD_LIBRARY_PATH=$(pkg-config --variable=libdir streamdiffusion_c) "$work/in_c"
cmake -S "$here/project_c" -B "$work/cmake_c" -DCMAKE_PREFIX_PATH="$work/moved" \
  -DEXAMPLE="$build/tests/c_api/c_example.c" >"$work/configure_c.log" || { cat "$work/configure_c.log"; exit 1; }
cmake --build "$work/cmake_c"
"$work/cmake_c/consumer"

if readelf -d "$work/with_pkg_config" | grep -E 'lib(av|sw|SDL)'; then
  echo "a program that embeds the library links FFmpeg or SDL" >&2
  exit 1
fi

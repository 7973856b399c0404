#!/usr/bin/env bash
# Installs the library into an empty folder and builds a program against it, with CMake and with pkg-config.
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

if readelf -d "$work/with_pkg_config" | grep -E 'lib(av|sw|SDL)'; then
  echo "a program that embeds the library links FFmpeg or SDL" >&2
  exit 1
fi

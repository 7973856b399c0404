#!/usr/bin/env bash
# Installs the Debian packages that a step needs and that are missing.
# Usage: scripts/setup.sh build|test|ci|fuzz|browser|python|package
set -euo pipefail

build=(g++ make cmake ninja-build pkg-config libdnnl-dev ocl-icd-opencl-dev libhwy-dev libicu-dev
       nlohmann-json3-dev libcli11-dev libturbojpeg0-dev libpng-dev libwebp-dev liblcms2-dev zlib1g-dev
       libavformat-dev libavcodec-dev libavdevice-dev libavfilter-dev libavutil-dev libswscale-dev
       libsdl2-dev libyaml-cpp-dev libcurl4-openssl-dev liblo-dev libpipewire-0.3-dev libglib2.0-dev libgstreamer-plugins-base1.0-dev libboost-dev libssl-dev prometheus-cpp-dev libgtest-dev
       libgmock-dev libbenchmark-dev libboost-context-dev)
test=(python3 valgrind xvfb clang-format-14 gstreamer1.0-plugins-base gstreamer1.0-plugins-good
      gstreamer1.0-plugins-bad gstreamer1.0-nice gstreamer1.0-tools libgstreamer-plugins-bad1.0-dev python3-aiortc
      pipewire wireplumber gstreamer1.0-pipewire dbus python3-gi python3-yaml)
# Debian starts these two when they are installed; only a machine for CI needs them.
proxies=(haproxy nginx-light)
abi=(abigail-tools)
fuzz=(clang-14 libclang-rt-14-dev)
python=(python3-dev python3-venv)
package=(dpkg-dev file gzip help2man lintian libgstreamer-plugins-bad1.0-dev)
browser=(python3 chromium chromium-driver python3-selenium zbar-tools)

case "${1:-build}" in
  build) required=("${build[@]}") ;;
  test) required=("${build[@]}" "${test[@]}") ;;
  ci) required=("${build[@]}" "${test[@]}" "${proxies[@]}" "${abi[@]}") ;;
  fuzz) required=("${build[@]}" "${fuzz[@]}") ;;
  browser) required=("${build[@]}" "${browser[@]}") ;;
  python) required=("${build[@]}" "${python[@]}") ;;
  package) required=("${build[@]}" "${package[@]}") ;;
  *) echo "usage: $0 build|test|ci|fuzz|browser|python|package" >&2; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null; then
  echo "This system does not use Debian packages. Install a C++20 compiler, CMake >= 3.25, Ninja and" >&2
  echo "the development files that these packages contain: ${required[*]}" >&2
  exit 0  # not an error: they may be installed already, and CMake names what it does not find
fi

missing=()
for package in "${required[@]}"; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

echo "installing: ${missing[*]}"
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null ||
    { echo "not root and no sudo; as root: apt-get install ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
"${as_root[@]}" apt-get update -qq
DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends \
  "${missing[@]}" >/dev/null

#!/bin/sh
# Installs the packages in a bare Debian 12 of its own, draws and serves there as a user without rights, builds and runs
# the C program of docs/c.md against the packages of the C library, and removes all again. Needs root and debootstrap.
#
#     packaging/debian/try.sh build/release [ROOT]
#
# The first argument is the folder of the packages that `make deb` made. ROOT is kept, and used again if it is there;
# without it a temporary folder is used.
set -eu

packages=$1
mirror=${MIRROR:-http://deb.debian.org/debian}
root=${2:-$(mktemp -d)}
here=$(cd "$(dirname "$0")" && pwd)
end() {
  umount "$root/proc" || true
  if [ $# -gt 0 ]; then rm -rf --one-file-system "$root"; fi
}
if [ $# -gt 1 ]; then trap end EXIT; else trap "end remove" EXIT; fi

test -x "$root/usr/bin/apt-get" || debootstrap --variant=minbase bookworm "$root" "$mirror"
mount -t proc proc "$root/proc"  # where a program finds its own folder
inside() { chroot "$root" env DEBIAN_FRONTEND=noninteractive "$@"; }
as_nobody() { chroot --userspec=nobody:nogroup "$root" env HOME=/tmp/nobody "$@"; }
# only PACKAGE...: installs packages of ours, and what they need
only() {
  rm -rf "$root/tmp/packages"
  mkdir "$root/tmp/packages"
  for package; do cp "$packages/${package}"_*.deb "$root/tmp/packages"; done
  inside sh -c 'apt-get install -y -q --no-install-recommends /tmp/packages/*.deb'
  inside dpkg -V "$@"
  for package; do check_package "$package"; done
}
# What a package says of itself: its size, in KiB, and where its changes are.
check_package() {
  says=$(inside dpkg-query -W -f '${Installed-Size}' "$1")
  has=$(inside dpkg-query -L "$1" | while read -r file; do
    if test -f "$root$file" && ! test -L "$root$file"; then stat -c %s "$root$file"; fi
  done | awk '{ sum += $1 } END { print int(sum / 1024) }')
  test "$says" -ge "$has" && test "$says" -le $((has * 11 / 10 + 100)) ||
    { echo "try.sh: $1 says it takes $says KiB, and takes $has" >&2; exit 1; }
  test -s "$root/usr/share/doc/$1/CHANGELOG.md.gz" || { echo "try.sh: $1 has no CHANGELOG.md.gz" >&2; exit 1; }
}

inside apt-get update -q
only streamdiffusion
inside mkdir -p /tmp/nobody
inside chown nobody:nogroup /tmp/nobody
as_nobody streamdiffusion image --prompt "red apple" --output /tmp/nobody/apple.png
test -s "$root/tmp/nobody/apple.png"

chroot --userspec=nobody:nogroup "$root" env HOME=/tmp/nobody streamdiffusion serve --port 7969 &
server=$!
ready=
for _ in $(seq 100); do
  if ! ready=$(curl -sf http://127.0.0.1:7969/readyz); then sleep 0.2; else break; fi
done
kill "$server" 2>/dev/null || true
wait "$server" || true
test -n "$ready" || { echo "try.sh: the server was not ready within 20 s" >&2; exit 1; }

only libstreamdiffusion-c0 libstreamdiffusion-c-dev
inside apt-get install -y -q --no-install-recommends gcc libc6-dev pkgconf
awk '/^```c$/ {inside = 1; next} /^```$/ {if (inside) exit} inside' "$here/../../docs/c.md" >"$root/tmp/nobody/first.c"
as_nobody sh -c 'cd /tmp/nobody &&
  cc -std=c99 -pedantic -Wall -Werror first.c $(pkg-config --cflags --libs streamdiffusion_c) -o first && ./first'

inside apt-get purge -y -q streamdiffusion libstreamdiffusion-c0 libstreamdiffusion-c-dev
left=$(find "$root" -xdev -name '*streamdiffusion*' -not -path "$root/tmp/*" -not -path "$root/var/lib/apt/*" \
       -not -path "$root/var/cache/*")
test -z "$left" || { echo "try.sh: left behind: $left" >&2; exit 1; }
echo "installed, drew, served, ran a C program, and removed without a trace"

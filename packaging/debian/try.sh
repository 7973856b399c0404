#!/bin/sh
# Installs a package in a bare Debian 12 of its own, draws and serves there as a user without rights,
# and removes it again. Needs root and debootstrap.
#
#     packaging/debian/try.sh build/release/streamdiffusion_0.1.0_amd64.deb [ROOT]
#
# ROOT is kept, and used again if it is there; without it a temporary folder is used.
set -eu

package=$1
mirror=${MIRROR:-http://deb.debian.org/debian}
root=${2:-$(mktemp -d)}
end() {
  umount "$root/proc" || true
  if [ $# -gt 0 ]; then rm -rf --one-file-system "$root"; fi
}
if [ $# -gt 1 ]; then trap end EXIT; else trap "end remove" EXIT; fi

test -x "$root/usr/bin/apt-get" || debootstrap --variant=minbase bookworm "$root" "$mirror"
mount -t proc proc "$root/proc"  # where a program finds its own folder
cp "$package" "$root/tmp/streamdiffusion.deb"
inside() { chroot "$root" "$@"; }
as_nobody() { chroot --userspec=nobody:nogroup "$root" env HOME=/tmp/nobody "$@"; }

inside apt-get update -q
inside apt-get install -y -q --no-install-recommends /tmp/streamdiffusion.deb
inside dpkg -V streamdiffusion
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

inside apt-get purge -y -q streamdiffusion
left=$(find "$root" -xdev -name '*streamdiffusion*' -not -path "$root/tmp/*" -not -path "$root/var/lib/apt/*" \
       -not -path "$root/var/cache/*")
test -z "$left" || { echo "try.sh: left behind: $left" >&2; exit 1; }
echo "installed, drew, served, and removed without a trace"

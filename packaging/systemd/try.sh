#!/usr/bin/env bash
# Rates the service, boots a Debian 12 in a container of systemd's, with the packages and the service as it is installed,
# and asks it for images by WebRTC. Needs root, debootstrap, systemd-container, curl and python3-aiortc.
#
#     packaging/systemd/try.sh build/release [ROOT]
#
# The first argument is the folder of the packages that `make deb` made. ROOT is kept, and used again if it is there;
# without it a temporary folder is used.
set -euo pipefail

packages=$(cd "$1" && pwd)
mirror=${MIRROR:-http://deb.debian.org/debian}
root=${2:-$(mktemp -d)}
here=$(cd "$(dirname "$0")" && pwd)
port=7968
container=
end() {
  if [ -n "$container" ]; then kill "$container" 2>/dev/null || true; wait "$container" || true; fi
  if [ $# -gt 0 ]; then rm -rf --one-file-system "$root"; fi
}
if [ $# -gt 1 ]; then trap end EXIT; else trap "end remove" EXIT; fi

test -x "$root/usr/bin/apt-get" || debootstrap --variant=minbase bookworm "$root" "$mirror"
mkdir -p "$root/tmp/packages"
cp "$packages"/streamdiffusion_*.deb "$packages"/streamdiffusion-webrtc_*.deb "$root/tmp/packages"
inside() { chroot "$root" env DEBIAN_FRONTEND=noninteractive "$@"; }
inside apt-get update -q
inside apt-get install -y -q --no-install-recommends systemd systemd-sysv dbus
inside sh -c 'apt-get install -y -q --no-install-recommends --reinstall /tmp/packages/*.deb'
printf 'SD_TOKEN=open-sesame-1234\nSTREAMDIFFUSION_FLAGS="--port %s --webrtc on"\n' $port >"$root/etc/default/streamdiffusion"
inside systemctl enable streamdiffusion

systemd-analyze security --offline=true --threshold=20 "$here/streamdiffusion.service" | tail -1  # at most 2.0

systemd-nspawn --quiet --directory="$root" --register=no --keep-unit --boot </dev/null >"$root/tmp/console" 2>&1 &
container=$!
ready=
for _ in $(seq 300); do
  if ready=$(curl -sf http://127.0.0.1:$port/readyz); then break; fi
  sleep 0.2
done
log() { cat "$root/tmp/console"; }
test -n "$ready" || { log; echo "try.sh: the service was not ready within 60 s" >&2; exit 1; }

status=0
/usr/bin/python3 "$here/../../tests/apps/webrtc_watch.py" http://127.0.0.1:$port || status=$?
leader=$(pgrep --parent "$container" | head -1)
nsenter --target "$leader" --all systemctl stop streamdiffusion
nsenter --target "$leader" --all journalctl --no-pager --quiet --unit streamdiffusion >"$root/tmp/log"
if [ $status -ne 0 ] || ! nsenter --target "$leader" --all systemctl show --property Result streamdiffusion | grep -q success
then
  cat "$root/tmp/log"
  echo "try.sh: the service failed" >&2
  exit 1
fi
echo "the service started, sent images by WebRTC, and stopped"

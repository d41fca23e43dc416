#!/usr/bin/env bash
# Unpacks Debian 13's systemd-networkd into build/debian13, where the machine is a Debian with an older one: newer ones
# remove more. Nothing is installed. The test does without where this cannot be had.
set -euo pipefail
cd "$(dirname "$0")/../.."

root=build/debian13
[ ! -e "$root/usr/lib/systemd/systemd-networkd" ] || exit 0
[ -r /etc/os-release ] || exit 0
. /etc/os-release
{ [ "${ID:-}" = debian ] && [ "${VERSION_ID:-13}" -lt 13 ]; } || exit 0

mirror=$(apt-get indextargets --format '$(REPO_URI)' "Codename: $VERSION_CODENAME" 'Created-By: Packages' | head -n1)
[ -n "$mirror" ] || exit 0

echo "deps: unpacking Debian 13's systemd-networkd into $root"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{lists,cache}/partial "$work/cache/archives/partial" "$work/debs" "$work/root"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" >"$work/sources.list"
apt() {
  apt-get -qq -o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=/dev/null -o "Dir::State::Lists=$work/lists" \
    -o "Dir::Cache=$work/cache" -o Dir::State::status=/dev/null -o "APT::Sandbox::User=$(id -un)" "$@"
}
fetch() {
  apt update && cd "$work/debs" && apt download systemd libsystemd-shared libc6 libacl1 libblkid1 libcap2 libcrypt1 libmount1 \
    libssl3t64 libpam0g libseccomp2 libselinux1 libpcre2-8-0 libaudit1 libcap-ng0 libzstd1 zlib1g
}
if ! (fetch) </dev/null >/dev/null; then
  echo "deps: Debian 13's packages cannot be had; the test goes without" >&2
  exit 0
fi
for deb in "$work"/debs/*.deb; do dpkg-deb -x "$deb" "$work/root"; done
mkdir -p build
rm -rf "$root"
mv "$work/root" "$root"

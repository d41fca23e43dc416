#!/usr/bin/env bash
# Unpacks Debian 13's systemd-networkd into build/debian13, where the machine is a Debian with an older one: newer ones
# remove more. The test does without where this cannot be had.
set -euo pipefail
cd "$(dirname "$0")/../.."

root=build/debian13
[ ! -e "$root/usr/lib/systemd/systemd-networkd" ] || exit 0
[ -r /etc/os-release ] || exit 0
. /etc/os-release
{ [ "${ID:-}" = debian ] && [ "${VERSION_ID:-13}" -lt 13 ]; } || exit 0

# networkd with all the libraries that it and its loader take.
e2e/debian13.sh "$root" systemd libsystemd-shared libc6 libacl1 libblkid1 libcap2 libcrypt1 libmount1 libssl3t64 libpam0g \
  libseccomp2 libselinux1 libpcre2-8-0 libaudit1 libcap-ng0 libzstd1 zlib1g || echo "deps: the test goes without" >&2

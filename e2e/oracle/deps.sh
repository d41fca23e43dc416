#!/usr/bin/env bash
# Installs, from Debian's packages, the programs that judge, and only what is missing. Patroni comes as the lab wants it:
# nothing is started.
set -euo pipefail
cd "$(dirname "$0")"

/usr/bin/python3 -c 'import patroni' 2>/dev/null || ../deps.sh

missing=()
command -v curl >/dev/null || missing+=(curl)
command -v hcloud >/dev/null || missing+=(hcloud-cli)
/usr/bin/python3 -c 'import hcloud' 2>/dev/null || missing+=(python3-hcloud)
[ "${#missing[@]}" -gt 0 ] || exit 0

echo "oracles: installing ${missing[*]}"
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "oracles: not root, or no apt-get; install the equivalents of: ${missing[*]}" >&2
  exit 1
fi
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null

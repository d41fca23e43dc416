#!/usr/bin/env bash
# Installs what the lab lacks from the distribution's packages, and only that. Nothing it installs is started or enabled:
# the lab runs etcd, Patroni and PostgreSQL itself, in network namespaces of its own.
set -euo pipefail

have() { PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null; }

missing=()
have ip || missing+=(iproute2)
have nft || missing+=(nftables)
have setcap || missing+=(libcap2-bin)
have etcd || missing+=(etcd-server)
have arping || missing+=(iputils-arping)
have sysctl || missing+=(procps)
have dbus-daemon || missing+=(dbus-daemon)
[ -x /usr/lib/systemd/systemd-networkd ] || [ -x /lib/systemd/systemd-networkd ] || missing+=(systemd)
have patroni || missing+=(patroni python3-etcd)
compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || missing+=(postgresql)
[ "${#missing[@]}" -gt 0 ] || exit 0

echo "deps: installing ${missing[*]}"
if [ "$(id -u)" != 0 ]; then
  echo "deps: not root; run as root: make deps" >&2
  exit 1
fi
if ! have apt-get; then
  echo "deps: no apt-get here; install the equivalents of: ${missing[*]}" >&2
  exit 1
fi

guards=()
cleanup() { [ "${#guards[@]}" -eq 0 ] || rm -f "${guards[@]}"; }
trap cleanup EXIT

# guard FILE TEXT MODE writes a file for the time of the installation; a file of the machine's own stays as it is.
guard() {
  [ ! -e "$1" ] || return 0
  mkdir -p "$(dirname "$1")"
  guards+=("$1")
  printf '%s\n' "$2" >"$1"
  chmod "$3" "$1"
}
guard /usr/sbin/policy-rc.d $'#!/bin/sh\nexit 101' 755
guard /etc/postgresql-common/createcluster.d/vipctl-lab.conf 'create_main_cluster = false' 644

export DEBIAN_FRONTEND=noninteractive
apt-get update -qq </dev/null
apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null >/dev/null

# Debian enables what it installs; at the next boot nobody here wants another etcd.
if [ -d /run/systemd/system ]; then
  for unit in etcd patroni postgresql; do
    case " ${missing[*]} " in *" $unit"*) systemctl disable --quiet "$unit" 2>/dev/null || true ;; esac
  done
fi

#!/usr/bin/env bash
# Installs what the lab lacks from the distribution's packages, and only that: deps.sh [MAJOR]. Nothing it installs is started
# or enabled: the lab runs etcd, Patroni and PostgreSQL itself, in network namespaces of its own.
#
# MAJOR is the major version of Patroni that the lab shall run. Without it any will do. Where the distribution has another one,
# Debian 13's 4 is unpacked into build/patroni4; it runs on the Python and the libraries that the installed one has brought.
set -euo pipefail
cd "$(dirname "$0")/.."
major=${1:-}

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

install_missing() {
  echo "deps: installing ${missing[*]}"
  if [ "$(id -u)" != 0 ]; then
    echo "deps: not root; run as root: make deps" >&2
    exit 1
  fi
  if ! have apt-get; then
    echo "deps: no apt-get here; install the equivalents of: ${missing[*]}" >&2
    exit 1
  fi
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
}

# patroni_major prints the major version of the Patroni that is installed.
patroni_major() { patroni --version | sed -n 's/^patroni \([0-9]*\).*/\1/p'; }

unpack_patroni() {
  local root=build/patroni$major
  [ ! -e "$root/usr/bin/patroni" ] || return 0
  if [ "$major" != 4 ]; then
    echo "deps: the lab shall run Patroni $major, and this machine has $(patroni --version); only 4 can be unpacked beside it" >&2
    return 1
  fi
  e2e/debian13.sh "$root" patroni
  # By hashes that nobody checks: the lab copies the files, and a copy has another time.
  /usr/bin/python3 -m compileall -q --invalidation-mode unchecked-hash "$root/usr/lib/python3/dist-packages"
}

[ "${#missing[@]}" -eq 0 ] || install_missing
[ -z "$major" ] || [ "$(patroni_major)" = "$major" ] || unpack_patroni

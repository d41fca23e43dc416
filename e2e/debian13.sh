#!/usr/bin/env bash
# Unpacks packages of Debian 13 into a folder, on an older Debian and from that one's own mirror: debian13.sh FOLDER PACKAGE...
# What the folder had before is gone. Nothing is installed. Fails where the packages cannot be had.
set -euo pipefail
folder=$1
shift

. /etc/os-release
mirror=$(apt-get indextargets --format '$(REPO_URI)' "Codename: ${VERSION_CODENAME:-none}" 'Created-By: Packages' | head -n1)
if [ -z "$mirror" ]; then
  echo "deps: apt has no mirror of $PRETTY_NAME, from which to take Debian 13's $*" >&2
  exit 1
fi

echo "deps: unpacking Debian 13's $* into $folder"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{lists,cache}/partial "$work/cache/archives/partial" "$work/debs" "$work/root"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" >"$work/sources.list"
apt() {
  apt-get -qq -o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=/dev/null -o "Dir::State::Lists=$work/lists" \
    -o "Dir::Cache=$work/cache" -o Dir::State::status=/dev/null -o "APT::Sandbox::User=$(id -un)" "$@"
}
fetch() { apt update && cd "$work/debs" && apt download "$@"; }
if ! (fetch "$@") </dev/null >/dev/null; then
  echo "deps: Debian 13's $* cannot be had from $mirror" >&2
  exit 1
fi
for deb in "$work"/debs/*.deb; do dpkg-deb -x "$deb" "$work/root"; done
chmod 755 "$work/root"
mkdir -p "$(dirname "$folder")"
rm -rf "$folder"
mv "$work/root" "$folder"

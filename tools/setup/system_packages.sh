#!/bin/sh
# system_packages.sh SET...: the system packages of these sets (packages.txt). Installs only what is missing.
# DEPS=apt (default) installs, by sudo where not root; DEPS=system installs nothing and lists what is missing.
# OFFLINE=1 takes the packages from .cache/debs, which `make fetch` filled.
. tools/setup/common.sh
deps=${DEPS:-apt}

list_missing_tools() {
  for pair in c++:g++ cmake:cmake ninja:ninja-build pkg-config:pkg-config python3:python3 capnp:capnproto; do
    command -v "${pair%%:*}" >/dev/null 2>&1 ||
      rows build | awk -F '|' -v name="${pair#*:}" '$1 == name {print "  " $1 " (Spack: " $2 ") - " $4}'
  done
}

if [ "$deps" = system ]; then
  tools=$(list_missing_tools)
  [ -n "$tools" ] || exit 0
  libraries=""
  if command -v cmake >/dev/null 2>&1 && command -v c++ >/dev/null 2>&1; then
    probe=$(mktemp -d)
    libraries=$(cmake -S . -B "$probe" -G "Unix Makefiles" 2>&1 | grep '(Spack: ' || true)
    rm -rf "$probe"
  fi
  say "DEPS=system installs nothing. Missing here:" >&2
  printf '%s\n%s\n' "$tools" "$libraries" | sed '/^ *$/d; s/^ */  /' | sort -u >&2
  exit 2
fi
[ "$deps" = apt ] || die "DEPS=$deps: expected apt or system"
command -v dpkg-query >/dev/null 2>&1 && command -v apt-get >/dev/null 2>&1 ||
  die "no apt-get here. Use DEPS=system: it takes what CMake finds and lists what is missing."

missing=""
for name in $(debian_names "$@"); do
  case $(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null) in
    installed) ;;
    *) missing="$missing $name" ;;
  esac
done
[ -n "$missing" ] || exit 0

say "System packages to install:"
for name in $missing; do
  rows "$@" | awk -F '|' -v name="$name" '$1 == name {printf "  %-22s %s\n", $1, $4}'
done

sudo=""
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null 2>&1 ||
    die "not root, and no sudo here. Ask for: apt-get install$missing
  or use DEPS=system, which takes what CMake finds (modules, Spack) and needs no root."
  sudo="sudo"
fi
apt_options=""
if [ "${OFFLINE:-}" = 1 ]; then
  [ -f .cache/debs/Packages ] || die "OFFLINE=1, and .cache/debs is empty: run make fetch where there is a network."
  echo "deb [trusted=yes] file:$PWD/.cache/debs ./" > .cache/debs/offline.list
  mkdir -p .cache/debs/lists/partial
  apt_options="-o Dir::Etc::SourceList=$PWD/.cache/debs/offline.list -o Dir::Etc::SourceParts=- \
    -o Dir::State::Lists=$PWD/.cache/debs/lists"
fi
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
# shellcheck disable=SC2086
$sudo apt-get $apt_options update -qq || die "apt-get update failed: see above. Without a network: make fetch elsewhere, then OFFLINE=1."
# shellcheck disable=SC2086
apt-get $apt_options install --no-install-recommends --assume-no $missing 2>/dev/null |
  sed -n 's/^\(Need to get.*\|After this operation.*\)/  \1/p' || true
# shellcheck disable=SC2086
$sudo apt-get $apt_options install -y -qq --no-install-recommends $missing </dev/null >.cache/apt.log 2>&1 || {
  tail -n 20 .cache/apt.log >&2
  die "apt-get install failed: the log is .cache/apt.log"
}

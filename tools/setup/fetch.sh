#!/bin/sh
# fetch.sh: downloads into .cache/ what `make build OFFLINE=1` installs on a machine without a network: the wheels, and on
# Debian or Ubuntu the packages with everything they depend on. TESTS=1 adds what only `make test` needs (2.7 GB).
. tools/setup/common.sh
requirements="-r tools/setup/requirements-run.txt"
[ "${TESTS:-}" != 1 ] || requirements="$requirements -r tools/setup/requirements-test.txt -r tools/setup/requirements-text.txt -r tools/setup/requirements-python.txt -r tools/setup/requirements-onnx.txt"
[ -x .venv/bin/python ] || "${PYTHON:-python3}" -m venv .venv
say "Fetching wheels into .cache/wheels"
# shellcheck disable=SC2086
.venv/bin/python -m pip --disable-pip-version-check download --quiet --no-deps -d .cache/wheels $requirements

if [ "${DEPS:-apt}" = apt ] && command -v apt-get >/dev/null 2>&1; then
  say "Fetching packages into .cache/debs"
  mkdir -p .cache/debs/partial
  : > .cache/debs/status
  # An empty list of installed packages: the other machine may have less than this one.
  # shellcheck disable=SC2046
  apt-get -o Dir::State::Status="$PWD/.cache/debs/status" -o Dir::Cache::Archives="$PWD/.cache/debs" -o Debug::NoLocking=1 \
    -o APT::Sandbox::User="$(id -un)" install -y -qq --no-install-recommends --download-only $(debian_names build) \
    >.cache/apt.log 2>&1 || { tail -n 20 .cache/apt.log >&2; die "apt-get could not download: the log is .cache/apt.log"; }
  (
    cd .cache/debs
    for deb in *.deb; do
      dpkg-deb --field "$deb"
      printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "$deb" "$(stat -c %s "$deb")" "$(sha256sum "$deb" | cut -d ' ' -f 1)"
    done > Packages
  )
fi
du -sh .cache/wheels .cache/debs 2>/dev/null || true

# Sourced by the other scripts of this folder; they run from the root of the checkout.
set -eu
packages_file=tools/setup/packages.txt
mkdir -p .cache

say() { printf '%s\n' "$*"; }
die() { printf 'coppice set-up: %s\n' "$*" >&2; exit 2; }

# rows SET...: "debian|spack|licence|why" of every package of these sets
rows() {
  for wanted in "$@"; do
    awk -F ' *[|] *' -v wanted="$wanted" '!/^#/ && $3 == wanted {print $1 "|" $2 "|" $4 "|" $5}' "$packages_file"
  done
}
debian_names() { rows "$@" | cut -d '|' -f 1; }
digest_of() { cat "$@" | sha256sum | cut -c 1-12; }

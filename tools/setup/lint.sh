#!/bin/sh
# lint.sh BUILD_DIR: clang-format on every source file, clang-tidy on those that differ from BASE (default: where this branch
# left origin/main, or the last commit); ALL=1 takes every file. clang-tidy needs some 6 s a file that includes libtorch.
set -eu
build=$1
git ls-files '*.h' '*.cc' | xargs clang-format --dry-run -Werror
base=${BASE:-$(git merge-base origin/main HEAD 2>/dev/null || echo HEAD)}
if [ "${ALL:-}" = 1 ]; then
  files=$(git ls-files '*.cc')
else
  files=$(git diff --name-only --diff-filter=d "$base" -- '*.cc')
fi
# Fuzzers are compiled by another preset only; the database of this one does not know their flags.
files=$(printf '%s\n' $files | grep -v '^tests/fuzz/' || true)
[ -n "$files" ] || { echo "clang-tidy: no source file differs from $base"; exit 0; }
printf '%s\n' $files | xargs -P "$(nproc)" -n 1 clang-tidy -p "$build" --quiet

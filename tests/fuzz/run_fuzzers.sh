#!/bin/sh
# run_fuzzers.sh BUILD_DIR SECONDS: every libFuzzer of the build for so many seconds, from corpus/NAME; new inputs go to
# BUILD_DIR/corpus/NAME, an input that breaks a parser to BUILD_DIR/NAME-crash-*. Fails if any fuzzer found something.
set -eu
build=$1
seconds=$2
broken=""
for program in "$build"/tests/fuzz/*_fuzz; do
  [ -x "$program" ] || { echo "no fuzzer in $build/tests/fuzz" >&2; exit 2; }
  name=$(basename "$program" _fuzz)
  mkdir -p "$build/corpus/$name"
  seeds=tests/fuzz/corpus/$name
  [ -d "$seeds" ] || seeds=""
  echo "== $name"
  # shellcheck disable=SC2086
  "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$build/$name-" "$build/corpus/$name" $seeds 2>"$build/$name.log" || broken="$broken $name"
  grep -E 'ERROR|SUMMARY|stat::number_of_executed_units|stat::new_units_added' "$build/$name.log" || true
done
[ -z "$broken" ] || { echo "broken:$broken (inputs and logs are in $build)" >&2; exit 1; }

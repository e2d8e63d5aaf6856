#!/bin/sh
# expect_exit_code.sh CODE COMMAND...: passes if the command exits with just that code.
expected=$1
shift
"$@"
found=$?
[ "$found" = "$expected" ] || { echo "found exit code $found, expected $expected" >&2; exit 1; }

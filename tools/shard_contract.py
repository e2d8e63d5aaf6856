"""The data contract (docs/shards.md): what every owner's data must be like, written beside shards and taken by --contract."""
import json

from shard_writer import OF_INPUTS, BadInput

FORMAT, VERSION = "coppice-contract", 1
# What one kind of example agrees on besides shape and target.
KEYS = {"image": [], "features": ["inputs"], "tokens": ["vocabulary", "pad_token", "tokenizer"], "bag-of-words": ["words"]}


def read(path):
    try:
        contract = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: {error}") from None
    try:
        if (contract["format"], contract["version"]) != (FORMAT, VERSION):
            raise BadInput(f"{path}: found format {contract['format']!r}, version {contract['version']!r}, expected {FORMAT!r}, {VERSION}")
        for key in ["kind", "shape", "columns", *KEYS.get(contract["kind"], [])]:
            contract[key]
        contract["target"]["kind"], contract["target"]["count"]
    except (KeyError, TypeError) as missing:
        raise BadInput(f"{path}: key {missing} is missing or what holds it is no object") from None
    return contract


def check_request(contract, args, kind):
    """Whether what is asked for on the command line is what the contract is about."""
    found = {"--as": kind, "--task": args.task, "--column": sorted(args.column)}
    expected = {"--as": contract["kind"], "--task": contract["target"]["kind"], "--column": sorted(contract["columns"])}
    if args.task not in ("class", *OF_INPUTS):
        found["--target"], expected["--target"] = args.target, contract["target"].get("names", args.target)
    for option, value in found.items():
        if value != expected[option]:
            raise BadInput(f"{args.contract}: {option}: found {value}, expected {expected[option]} as the contract says")


def check_targets(target, contract, where):
    """Targets of a regression against the contract's ranges."""
    agreed = contract["target"]
    for i, value in enumerate(map(float, target)):
        if "least" in agreed and not agreed["least"][i] <= value <= agreed["most"][i]:
            name = agreed.get("names", [str(i)] * (i + 1))[i]
            raise BadInput(f"{where}: target '{name}': found {value:g}, expected {agreed['least'][i]:g}..{agreed['most'][i]:g}")


def write(folder, about, target, columns, agreement):
    """`about`: the encoder's description; `target` and `columns` as index.json has them."""
    kept = {key: value for key, value in about.items() if key in ("kind", "shape", "vocabulary", "pad_token", "mean", "scale")}
    contract = {"format": FORMAT, "version": VERSION, **kept, **agreement, "target": target, "columns": columns}
    (folder / "contract.json").write_text(json.dumps(contract, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

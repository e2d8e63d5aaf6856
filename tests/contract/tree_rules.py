"""The rules of the source tree that a compiler does not check: docs/ladder.md's include table, where vendors' headers may
appear, and the shape of files. Every rule takes the root of a tree and returns a list of 'path:line: what is wrong'."""
import pathlib
import re

# The ladder: what each folder may include besides itself.
LADDER = {
    "core": set(),
    "models": {"core"},
    "data": {"core"},
    "comm": {"core"},
    "algorithms": {"core", "models", "data"},
    "client": {"core", "models", "data", "comm", "algorithms"},
    "coordinator": {"core", "models", "data", "comm", "algorithms"},
    "simulations": {"core", "models", "data", "comm", "algorithms", "client", "coordinator"},
    "python": {"core", "models", "data", "comm", "algorithms", "client", "coordinator", "simulations"},
}
# Steps that one folder of a rung may take and the rest of it may not.
ALLOWED_STEPS = [(r"^algorithms/exchange/", r"^comm/wire/")]  # docs/decisions/exchange.md
EVERYTHING = set(LADDER) | {"tests", "bench"}
TORCH_FREE = {"core", "data", "comm"}

# A vendor's headers, and the only files that may name them (regular expressions on path and include).
QUARANTINE = [
    (r"^mpi(-ext)?\.h$", r"^comm/mpi/[^/]*\.cc$|^tests/comm/", "MPI belongs in comm/mpi/*.cc"),
    (r"^nccl|^cuda", r"^comm/nccl/[^/]*\.cc$", "NCCL and CUDA belong in comm/nccl/*.cc"),
    (r"^(capnp|kj)/|\.capnp\.h$", r"^comm/(wire|rpc)/|^tests/comm/", "Cap'n Proto belongs in comm/wire/ and comm/rpc/"),
    (r"^(capnp|kj)/|\.capnp\.h$", r"\.cc$", "Cap'n Proto stays out of headers"),
    (r"^yaml-cpp/", r"^core/config_yaml\.cc$", "yaml-cpp belongs in core/config_yaml.cc"),
    (r"^pcre2", r"^data/regex\.cc$", "PCRE2 belongs in data/regex.cc"),
    (r"^utf8proc", r"^data/unicode\.cc$", "utf8proc belongs in data/unicode.cc"),
    (r"^nanobind/|^Python\.h$", r"^python/", "Python belongs in python/"),
    (r"^torch/(torch|all|types|nn|optim)\b|^torch/csrc/api/", r"^$", "torch/torch.h and torch::nn are not used"),
    (r"^ATen/ATen\.h$", r"^$", "ATen/ATen.h takes 6 s to compile; name the ATen/ops/*.h that are used"),
]
HEADER_TORCH = re.compile(r"^ATen/core/Tensor(Base)?\.h$|^c10/(core|util)/")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
# The one header that asks which compiler it meets: there is no attribute for all of them.
ASKS_THE_COMPILER = {"core/clones.h"}
MAX_LINES = 500


def sources(root, suffixes=(".h", ".cc")):
    """(path relative to the root, lines) of every source file of the ladder, the tests and the benchmarks."""
    for folder in sorted(EVERYTHING | {"tools", "cmake"}):
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in suffixes:
                yield path.relative_to(root), path.read_text(encoding="utf-8").splitlines()


def includes(root):
    """(path, line number, '<' or '"', what is included) of every include."""
    for path, lines in sources(root):
        for number, line in enumerate(lines, 1):
            match = INCLUDE.match(line)
            if match:
                yield path, number, match.group(1), match.group(2)


def include_table(root):
    """Own headers are named from the root, exist, and belong to a rung that the including folder may see."""
    found = []
    for path, number, kind, target in includes(root):
        top, rung = path.parts[0], target.split("/")[0]
        if kind == "<" and rung in EVERYTHING:
            found.append(f"{path}:{number}: <{target}> is ours; it takes quotes")
        if kind == "<" or target.endswith(".capnp.h"):
            continue
        if rung not in EVERYTHING or "/" not in target:
            found.append(f'{path}:{number}: "{target}" is not named from the root of the tree')
        elif not (root / target).is_file():
            found.append(f'{path}:{number}: "{target}" does not exist')
        elif any(re.search(a, path.as_posix()) and re.search(b, target) for a, b in ALLOWED_STEPS):
            continue
        elif top in LADDER and rung != top and rung not in LADDER[top]:
            found.append(f"{path}:{number}: {top}/ may not include {rung}/ ({target})")
    return found


def vendor_quarantine(root):
    """Vendors' headers appear only where QUARANTINE allows them."""
    found = []
    for path, number, _, target in includes(root):
        for header, allowed, why in QUARANTINE:
            if re.search(header, target) and not re.search(allowed, path.as_posix()):
                found.append(f"{path}:{number}: {target}: {why}")
    return found


def torch_quarantine(root):
    """core, data and comm are torch-free, so that fuzzers build them; headers elsewhere include at most the tensor type."""
    found = []
    for path, number, _, target in includes(root):
        if not re.match(r"(ATen|c10|torch)/", target) or path.parts[0] not in LADDER:
            continue
        if path.parts[0] in TORCH_FREE:
            found.append(f"{path}:{number}: {path.parts[0]}/ is torch-free ({target})")
        elif path.suffix == ".h" and not HEADER_TORCH.match(target):
            found.append(f"{path}:{number}: a header includes at most ATen/core/Tensor.h ({target})")
    return found


def header_shape(root):
    """Headers begin with #pragma once, have no conditional compilation and no `using namespace`."""
    found = []
    for path, lines in sources(root, (".h",)):
        if "#pragma once" not in lines:
            found.append(f"{path}:1: no #pragma once")
        for number, line in enumerate(lines, 1):
            conditional = re.match(r"\s*#\s*(if|ifdef|ifndef|elif|else|endif)\b", line)
            if conditional and path.as_posix() not in ASKS_THE_COMPILER:
                found.append(f"{path}:{number}: conditional compilation in a header; make it a pair of .cc files")
            if re.match(r"\s*using namespace\b", line):
                found.append(f"{path}:{number}: using namespace in a header")
    return found


def own_header_first(root):
    """A source includes its own header before any other, so that compiling it shows that the header stands alone."""
    first = {}
    for path, number, _, target in includes(root):
        first.setdefault(path, (number, target))
    found = []
    for path, (number, target) in first.items():
        own = path.with_suffix(".h")
        if path.suffix == ".cc" and (root / own).is_file() and target != own.as_posix():
            found.append(f"{path}:{number}: {target} stands before {own}")
    return found


def file_length(root):
    """No file is longer than 500 lines."""
    suffixes = (".h", ".cc", ".py", ".sh", ".capnp", ".cmake")
    return [f"{path}:{len(lines)}: {len(lines)} lines, {MAX_LINES} are the most"
            for path, lines in sources(root, suffixes) if len(lines) > MAX_LINES]


def nothing_left_open(root):
    """No note about work still to do."""
    note = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b")
    return [f"{path}:{number}: {line.strip()}" for path, lines in sources(root, (".h", ".cc", ".py", ".sh", ".capnp", ".cmake"))
            for number, line in enumerate(lines, 1) if note.search(line)]


RULES = [include_table, vendor_quarantine, torch_quarantine, header_shape, own_header_first, file_length, nothing_left_open]

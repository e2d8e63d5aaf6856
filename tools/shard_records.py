"""What tools/to_shards.py reads: images, JSON lines, CSV, parquet and Arrow files as records with an input, a target and columns."""
import collections
import csv
import difflib
import gzip
import importlib
import json
import pathlib
import re
import subprocess
import tarfile
import zlib

from shard_writer import BadInput


def need(module, why):
    try:
        return importlib.import_module(module)
    except ImportError:
        package = {"PIL.Image": "pillow"}.get(module, module)
        raise BadInput(f"{why} needs the Python package '{package}' (pip install {package})") from None


Record = collections.namedtuple("Record", "where input target columns")
IMAGE = re.compile(r"\.(jpe?g|png|bmp|gif|webp|ppm|pgm|tiff?)$", re.IGNORECASE)


def image_records(args, path):
    """Every image below a folder or in a tar archive; its class is the folder it lies in."""
    path = pathlib.Path(path)
    if path.is_dir():
        for file in sorted(p for p in path.rglob("*") if IMAGE.search(p.name) and p.is_file()):
            yield Record(str(file), file.read_bytes(), file.parent.name, [])
        return
    if not path.is_file():
        raise BadInput(f"{path}: no such file or folder")
    try:
        yield from images_in_tar(path)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise BadInput(f"{path}: not a readable tar archive: {error}") from None


def images_in_tar(path):
    if path.suffix != ".zst":
        with tarfile.open(path, "r|*") as archive:
            yield from images_of(archive)
        return
    try:
        process = subprocess.Popen(["zstd", "-dcq", "--", str(path)], stdout=subprocess.PIPE)
    except FileNotFoundError:
        raise BadInput(f"{path}: needs the program 'zstd', which is not installed") from None
    with process:
        with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
            yield from images_of(archive)
        process.stdout.read()  # the padding behind the archive, so that zstd ends by itself
    if process.returncode:
        raise BadInput(f"{path}: zstd failed with exit code {process.returncode}")


def images_of(archive):
    for member in archive:
        if member.isfile() and IMAGE.search(member.name):
            label = pathlib.PurePosixPath(member.name).parent.name
            yield Record(member.name, archive.extractfile(member).read(), label, [])


def field(row, name, where):
    if name in row:
        return row[name]
    near = difflib.get_close_matches(name, row, 1)
    hint = f" (did you mean '{near[0]}'?)" if near else ""
    raise BadInput(f"{where}: no field '{name}'{hint}; expected one of: {', '.join(map(str, row))}")


def open_text(path):
    """A text file, inflated where its first bytes say gzip."""
    with open(path, "rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    return (gzip.open if zipped else open)(path, "rt", encoding="utf-8", newline="")


def jsonl_rows(args, path):
    try:
        with open_text(path) as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                try:
                    row = json.loads(line)
                except json.JSONDecodeError as error:
                    raise BadInput(f"{path}:{number}: broken JSON: {error}") from None
                if not isinstance(row, dict):
                    raise BadInput(f"{path}:{number}: found {type(row).__name__}, expected an object")
                yield f"{path}:{number}", row
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise BadInput(f"{path}: {error}") from None


def csv_rows(args, path):
    """RFC 4180; the first record names the columns, and a row is named by the line it begins at."""
    try:
        csv.field_size_limit(1 << 30)
        with open_text(path) as file:
            reader = csv.reader(file, delimiter=args.delimiter, strict=True)
            header = next(reader, None)
            if not header or len(set(header)) < len(header):
                raise BadInput(f"{path}:1: found {header}, expected a header with a different name for each column")
            begins = reader.line_num + 1
            for fields in reader:
                where, begins = f"{path}:{begins}", reader.line_num + 1
                if not fields:
                    continue
                if len(fields) != len(header):
                    raise BadInput(f"{where}: found {len(fields)} fields, expected {len(header)} as in the header")
                yield where, dict(zip(header, fields))
    except (OSError, EOFError, UnicodeDecodeError, zlib.error, csv.Error) as error:
        raise BadInput(f"{path}: {error}") from None


def parquet_rows(args, path):
    """Rows of a .parquet or .arrow file, or of all of them below a folder."""
    arrow = need("pyarrow", "reading parquet and Arrow files")
    path = pathlib.Path(path)
    files = sorted(p for p in path.rglob("*") if p.suffix in (".parquet", ".arrow")) if path.is_dir() else [path]
    if not files:
        raise BadInput(f"{path}: holds no .parquet and no .arrow file")
    for file in files:
        try:
            if file.suffix == ".arrow":
                batches = importlib.import_module("pyarrow.ipc").open_stream(str(file))
            else:
                batches = importlib.import_module("pyarrow.parquet").ParquetFile(file).iter_batches(batch_size=1024)
            number = 0
            for batch in batches:
                for row in batch.to_pylist():
                    yield f"{file}: row {number}", row
                    number += 1
        except (OSError, arrow.ArrowException) as error:
            raise BadInput(f"{file}: {error}") from None


def items(value):
    return value if isinstance(value, list) else [value]


def row_records(args, path):
    for where, row in {"jsonl": jsonl_rows, "csv": csv_rows, "parquet": parquet_rows}[args.command](args, path):
        inputs = [field(row, name, where) for name in args.input]
        targets = [field(row, name, where) for name in args.target]
        columns = ["/".join(str(field(row, part, where)) for part in name.split("+")) for name in args.column]
        target = targets[0] if args.task == "class" else targets
        for parts in zip(*map(items, inputs)) if args.each else [inputs]:
            yield Record(where, list(parts), target, columns)


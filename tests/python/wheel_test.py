"""The package as it is installed: found anywhere, with the libraries that it brings and the torch that is there."""
import pathlib
import shutil
import subprocess
import sys

import coppice
from program import environment
from small import SmallRun, main

PACKAGE = pathlib.Path(coppice.__file__).parent
BUILD = PACKAGE.parents[2]


class Wheel(SmallRun):
    def test_an_installed_package_runs_where_it_is_put(self):
        prefix, moved = self.folder / "prefix", self.folder / "elsewhere"
        done = subprocess.run(["cmake", "--install", BUILD, "--component", "python", "--prefix", prefix], text=True, capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(sorted(p.name for p in prefix.iterdir()), ["coppice"])
        names = {p.name for p in (prefix / "coppice").iterdir()}
        self.assertLessEqual({"__init__.py", "_built.py", "_coppice.pyi", "py.typed", "lib"}, names)
        self.assertFalse([p for p in prefix.rglob("*") if p.is_symlink() and not p.resolve().is_relative_to(prefix)])
        brought = {p.name.split(".")[0] for p in (prefix / "coppice" / "lib").iterdir()}
        self.assertIn("libyaml-cpp", brought)
        self.assertFalse({name for name in brought if name.startswith(("libtorch", "libc10", "libcu", "libmpi", "libstdc++"))})
        shutil.move(prefix, moved)
        code = (f"import coppice; run = coppice.run({str(self.config_file())!r}, out={str(self.folder / 'run')!r}); "
                "print(coppice.__file__, coppice._coppice.__file__); print(open('/proc/self/maps').read())")
        done = subprocess.run([sys.executable, "-c", code], env=dict(environment(), PYTHONPATH=str(moved)), text=True, capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(str(moved / "coppice" / "__init__.py"), done.stdout)
        self.assertIn(str(moved / "coppice" / "lib" / "libyaml-cpp"), done.stdout)
        loaded = {line.split()[-1] for line in done.stdout.splitlines() if "libtorch_cpu" in line}
        self.assertEqual(len(loaded), 1, "one libtorch, that of `import torch`")


if __name__ == "__main__":
    main()

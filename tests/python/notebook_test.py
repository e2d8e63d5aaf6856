"""The notebook of docs/, cell by cell, for real."""
import os
import pathlib
import sys
import unittest

import nbformat
from nbclient import NotebookClient
from program import DATA, SOURCE
from small import SmallRun, main

HAS_DATA = (DATA / "fashion_mnist").is_dir() or pathlib.Path("/usr/share/dataset-fashion-mnist").is_dir()


class Notebook(SmallRun):
    @unittest.skipUnless(HAS_DATA, "Fashion-MNIST is not on this machine")
    def test_every_cell_runs(self):
        notebook = nbformat.read(SOURCE / "docs" / "python_tour.ipynb", as_version=4)
        nbformat.validate(notebook)
        self.assertTrue(all(not cell.get("outputs") for cell in notebook.cells), "the page carries no outputs of one machine")
        self.make_kernel()
        NotebookClient(notebook, timeout=900, kernel_name="coppice-test", resources={"metadata": {"path": str(self.folder)}}).execute()
        text = "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))
        for words in ("compact", "density 0.2", "->"):
            self.assertIn(words, text)

    def make_kernel(self):
        """A kernel of this interpreter, whatever others are installed."""
        spec = self.folder / "kernels" / "coppice-test"
        spec.mkdir(parents=True)
        (spec / "kernel.json").write_text(f'{{"argv": ["{sys.executable}", "-m", "ipykernel_launcher", "-f", "{{connection_file}}"], '
                                          '"display_name": "test", "language": "python"}')
        os.environ["JUPYTER_PATH"] = str(self.folder)


if __name__ == "__main__":
    main()

"""The tree obeys its rules, and every rule finds what it is there to find."""
import os
import pathlib
import tempfile
import unittest

import tree_rules

ROOT = pathlib.Path(os.environ.get("COPPICE_SOURCE_DIR", pathlib.Path(__file__).resolve().parents[2]))


def findings(rule, files):
    """What `rule` says of a tree of {path: text}."""
    with tempfile.TemporaryDirectory() as folder:
        for path, text in files.items():
            target = pathlib.Path(folder, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        return rule(pathlib.Path(folder))


class TheTree(unittest.TestCase):
    def test_is_not_empty(self):
        self.assertGreater(len(list(tree_rules.sources(ROOT))), 20)


def add_tree_test(rule):
    def test(self):
        found = rule(ROOT)
        self.assertEqual(found, [], f"{rule.__doc__}\n" + "\n".join(found))
    setattr(TheTree, f"test_{rule.__name__}", test)


for one_rule in tree_rules.RULES:
    add_tree_test(one_rule)


class TheRules(unittest.TestCase):
    def check(self, rule, bad, good):
        """Every bad tree has exactly one finding, every good one none."""
        for files in bad:
            self.assertEqual(len(findings(rule, files)), 1, f"{rule.__name__}: {files}")
        for files in good:
            self.assertEqual(findings(rule, files), [], f"{rule.__name__}: {files}")

    def test_include_table(self):
        header = {"core/a.h": "", "algorithms/b.h": "", "client/c.h": "", "coordinator/d.h": ""}
        self.check(tree_rules.include_table,
                   bad=[header | {"core/x.cc": '#include "algorithms/b.h"'},
                        header | {"client/x.cc": '#include "coordinator/d.h"'},
                        header | {"coordinator/x.cc": '#include "client/c.h"'},
                        header | {"core/x.cc": '#include "a.h"'},
                        header | {"core/x.cc": "#include <core/a.h>"},
                        header | {"core/x.cc": '  #  include "core/missing.h"'}],
                   good=[header | {"algorithms/x.cc": '#include "core/a.h"\n#include <vector>'},
                         header | {"simulations/x.cc": '#include "client/c.h"\n#include "coordinator/d.h"'},
                         header | {"tests/core/x.cc": '#include "coordinator/d.h"'}])

    def test_vendor_quarantine(self):
        self.check(tree_rules.vendor_quarantine,
                   bad=[{"comm/mpi/x.h": "#include <mpi.h>"}, {"core/x.cc": "#include <mpi.h>"},
                        {"core/x.cc": "#include <capnp/message.h>"}, {"comm/wire/x.h": "#include <kj/array.h>"},
                        {"core/y.cc": "#include <yaml-cpp/yaml.h>"}, {"models/x.cc": "#include <torch/torch.h>"},
                        {"models/x.cc": "#include <torch/nn/module.h>"}, {"models/x.cc": "#include <ATen/ATen.h>"},
                        {"comm/local/x.cc": "#include <nccl.h>"}, {"data/x.cc": "#include <pcre2.h>"},
                        {"data/regex.cc": "#include <utf8proc.h>"}],
                   good=[{"comm/mpi/x.cc": "#include <mpi.h>"}, {"core/config_yaml.cc": "#include <yaml-cpp/yaml.h>"},
                         {"comm/wire/x.cc": '#include "comm/wire/envelope.capnp.h"\n#include <capnp/message.h>'}])

    def test_torch_quarantine(self):
        self.check(tree_rules.torch_quarantine,
                   bad=[{"core/x.cc": "#include <ATen/core/Tensor.h>"}, {"data/x.h": "#include <c10/core/ScalarType.h>"},
                        {"models/x.h": "#include <ATen/ops/add.h>"}],
                   good=[{"models/x.h": "#include <ATen/core/Tensor.h>"}, {"models/x.cc": "#include <ATen/ops/add.h>"}])

    def test_own_header_first(self):
        header = {"core/a.h": "", "core/b.h": ""}
        self.check(tree_rules.own_header_first,
                   bad=[header | {"core/a.cc": '#include <vector>\n#include "core/a.h"'}, header | {"core/a.cc": '#include "core/b.h"'}],
                   good=[header | {"core/a.cc": '#include "core/a.h"\n#include "core/b.h"'}, header | {"core/c.cc": "#include <vector>"}])

    def test_header_shape(self):
        self.check(tree_rules.header_shape,
                   bad=[{"core/x.h": "int f();"}, {"core/x.h": "#pragma once\n#ifdef A"},
                        {"core/x.h": "#pragma once\nusing namespace std;"}],
                   good=[{"core/x.h": "#pragma once\nint f();"}, {"core/x.cc": "#ifdef A\n#endif"}])

    def test_file_length(self):
        self.check(tree_rules.file_length, bad=[{"core/x.cc": "\n" * 501}], good=[{"core/x.cc": "\n" * 500}])

    def test_nothing_left_open(self):
        self.check(tree_rules.nothing_left_open, bad=[{"core/x.cc": "// TO" "DO: later"}], good=[{"core/x.cc": "// done"}])


if __name__ == "__main__":
    unittest.main()

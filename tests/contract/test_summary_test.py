"""The closing line of `make test` counts what ran: cases, skips, crashes and ranks."""
import collections
import json
import pathlib
import sys
import tempfile
import unittest
import xml.etree.ElementTree as xml

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools" / "setup"))
import run_tests  # noqa: E402


def gtest_json(**outcome_of_case):
    cases = []
    for name, outcome in outcome_of_case.items():
        case = {"name": name, "status": "RUN", "result": "SKIPPED" if outcome == "skipped" else "COMPLETED", "time": "0.5s"}
        if outcome == "failed":
            case["failures"] = [{"failure": "expected 1, found 2"}]
        if outcome == "disabled":
            case |= {"status": "NOTRUN", "result": "SUPPRESSED"}
        cases.append(case)
    return json.dumps({"testsuites": [{"name": "Suite", "testsuite": cases}]})


def count(status, files, output="", skip=""):
    """Counter of outcomes of the entry `e` that ctest closed with `status` and that left {file name: text}."""
    element = xml.fromstring(f'<testcase name="e" time="1" status="{status}"><system-out/></testcase>')
    element.find("system-out").text = output
    if skip:
        xml.SubElement(element, "skipped", message=skip)
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            pathlib.Path(folder, name).write_text(text)
        cases = run_tests.entry_cases("e", element, pathlib.Path(folder))
    return collections.Counter(case.outcome for case in cases)


class Summary(unittest.TestCase):
    def test_counts_cases_not_binaries(self):
        files = {"e.json": gtest_json(a="passed", b="passed", c="skipped", d="disabled")}
        self.assertEqual(count("run", files), {"passed": 2, "skipped": 1})

    def test_a_failed_case_is_counted_once(self):
        self.assertEqual(count("fail", {"e.json": gtest_json(a="passed", b="failed")}), {"passed": 1, "failed": 1})

    def test_a_crash_before_the_list_is_one_failure(self):
        self.assertEqual(count("fail", {}), {"failed": 1})

    def test_a_crash_after_the_list_is_one_failure(self):
        self.assertEqual(count("fail", {"e.json": gtest_json(a="passed")}), {"passed": 1, "failed": 1})

    def test_a_binary_without_cases_is_a_failure(self):
        self.assertEqual(count("run", {"e.json": gtest_json(a="disabled")}), {"failed": 1})

    def test_a_list_that_was_cut_short_is_a_failure(self):
        self.assertEqual(count("run", {"e.json": gtest_json(a="passed")[:40]}), {"failed": 1})

    def test_ranks_count_once_and_any_failure_shows(self):
        good, bad = gtest_json(a="passed", b="passed"), gtest_json(a="passed", b="failed")
        self.assertEqual(count("run", {"e.json": good, "e.rank1.json": good}), {"passed": 2})
        self.assertEqual(count("fail", {"e.json": good, "e.rank1.json": bad}), {"passed": 1, "failed": 1})

    def test_a_lost_rank_0_is_a_failure(self):
        self.assertEqual(count("fail", {"e.rank1.json": gtest_json(a="passed")}), {"failed": 1})

    def test_python_entries_are_counted_by_unittest(self):
        self.assertEqual(count("run", {}, "...\nRan 3 tests in 0.1s\n\nOK (skipped=1)\n"), {"passed": 2, "skipped": 1})
        closing = "Ran 4 tests in 0.1s\n\nFAILED (failures=1, errors=1)\n"
        self.assertEqual(count("fail", {}, closing), {"passed": 2, "failed": 2})

    def test_any_other_entry_counts_as_one(self):
        self.assertEqual(count("run", {}, "fine\n"), {"passed": 1})
        self.assertEqual(count("notrun", {}, skip="SKIP_RETURN_CODE=77"), {"skipped": 1})
        self.assertEqual(count("notrun", {}, skip="Unable to find executable"), {"failed": 1})


if __name__ == "__main__":
    unittest.main()

"""Runs the tests of one or more build folders and closes with 'N passed, N failed, N skipped', counting single cases.

    run_tests.py BUILD_DIR[:LABEL[:NOT_LABEL]] ... [--summary FILE] [-- CTEST_ARGUMENT ...]

A case is a GoogleTest case (every binary writes its own list into BUILD_DIR/test-results), a unittest case of a Python
entry, or, for any other entry, the entry itself. An entry that fails without a failed case (a crash, a time-out, a rank lost)
counts as one failed case; so does a GoogleTest binary without any case. Of an MPI entry the cases are counted once, and
a case failed if it failed on any rank.
"""
import argparse
import collections
import json
import os
import pathlib
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as xml

Case = collections.namedtuple("Case", "name outcome seconds")


def gtest_cases(path):
    """{name: Case} of one GoogleTest JSON file."""
    cases = {}
    for suite in json.loads(path.read_text())["testsuites"]:
        for test in suite["testsuite"]:
            if test.get("status") == "NOTRUN":
                continue
            outcome = "failed" if test.get("failures") else "skipped" if test.get("result") == "SKIPPED" else "passed"
            name = f"{suite['name']}.{test['name']}"
            cases[name] = Case(name, outcome, float(test.get("time", "0s").rstrip("s")))
    return cases


def merged_ranks(paths):
    """The cases of an MPI entry: rank 0 names them, a failure on any rank is a failure."""
    cases = gtest_cases(paths[0])
    for path in paths[1:]:
        for name, case in gtest_cases(path).items():
            if case.outcome == "failed" or name not in cases:
                cases[name] = case
    return list(cases.values())


def unittest_cases(entry, output, seconds):
    """The cases of a Python entry from unittest's closing lines, or None where there are none."""
    ran = re.findall(r"^Ran (\d+) tests? in ", output, re.MULTILINE)
    closing = re.findall(r"^(?:OK|FAILED|NO TESTS RAN)(?: \((.*)\))?\s*$", output, re.MULTILINE)
    if not ran or not closing:
        return None
    counts = {word: int(number) for word, number in re.findall(r"(\w+)=(\d+)", closing[-1])}
    failed = counts.get("failures", 0) + counts.get("errors", 0)
    skipped = counts.get("skipped", 0)
    outcomes = ["failed"] * failed + ["skipped"] * skipped + ["passed"] * (int(ran[-1]) - failed - skipped)
    return [Case(f"case {i + 1}", outcome, seconds / len(outcomes)) for i, outcome in enumerate(outcomes)]


def entry_cases(entry, element, results):
    """The cases of one ctest entry, from its element of ctest's JUnit file and from what it left in `results`."""
    seconds = float(element.get("time", "0"))
    status = element.get("status")
    output = "".join(element.itertext())
    skip = element.find("skipped")
    if status == "disabled" or (skip is not None and skip.get("message", "").startswith("SKIP_")):
        return [Case("", "skipped", seconds)]
    passed = status == "run"
    paths = sorted(results.glob(f"{entry}.json")) + sorted(results.glob(f"{entry}.rank*.json"))
    wrote_rank_0 = bool(paths) and paths[0].name == f"{entry}.json"
    try:
        cases = merged_ranks(paths) if wrote_rank_0 else unittest_cases(entry, output, seconds)
    except (ValueError, KeyError) as error:
        cases, passed = [], False
        print(f"{entry}: unreadable list of cases: {error}")
    if cases is None:
        return [Case("", "passed" if passed else "failed", seconds)]
    if not cases:
        return [Case("(no case ran)", "failed", seconds)]
    if not passed and all(case.outcome != "failed" for case in cases):
        cases.append(Case("(the program did not end well)", "failed", 0.0))
    return cases


def run_folder(specification, ctest_arguments):
    """Runs one build folder's entries; returns [(entry, Case)]."""
    folder, label, not_label = (specification.split(":") + ["", ""])[:3]
    build = pathlib.Path(folder).resolve()
    results = build / "test-results"
    results.mkdir(parents=True, exist_ok=True)
    for old in results.iterdir():
        old.unlink()
    junit = build / "junit.xml"
    junit.unlink(missing_ok=True)
    command = ["ctest", "--test-dir", str(build), "--output-on-failure", "--no-tests=error", "--output-junit", str(junit),
               "--test-output-size-passed", "262144", "--test-output-size-failed", "1048576",
               "--test-output-truncation", "head", "-j", str(len(os.sched_getaffinity(0)))]
    command += ["-L", label] if label else []
    command += ["-LE", not_label] if not_label else []
    print(f"== {folder}" + (f", label {label}" if label else ""), flush=True)
    status = subprocess.run(command + ctest_arguments, stdin=subprocess.DEVNULL, check=False).returncode
    counted = []
    if junit.exists():
        for element in xml.parse(junit).getroot().iter("testcase"):
            counted += [(element.get("name"), case) for case in entry_cases(element.get("name"), element, results)]
    if status != 0 and all(case.outcome != "failed" for _, case in counted):
        counted.append((folder, Case(f"(ctest ended with status {status})", "failed", 0.0)))
    return counted


def main():
    arguments, ctest_arguments = sys.argv[1:], []
    if "--" in arguments:
        split = arguments.index("--")
        arguments, ctest_arguments = arguments[:split], arguments[split + 1:]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", metavar="BUILD_DIR[:LABEL[:NOT_LABEL]]")
    parser.add_argument("--summary", type=pathlib.Path, help="file for the closing line")
    options = parser.parse_args(arguments)

    started = time.monotonic()
    counted = []
    for specification in options.folders:
        cases = run_folder(specification, ctest_arguments)
        counted += [(f"{specification.split(':')[0]} {entry}", case) for entry, case in cases]

    slowest = sorted(counted, key=lambda pair: -pair[1].seconds)[:5]
    print("\nSlowest: " + "; ".join(f"{entry} {case.name} {case.seconds:.1f} s" for entry, case in slowest))
    for outcome in ("skipped", "failed"):
        named = [f"  {entry} {case.name}" for entry, case in counted if case.outcome == outcome]
        if named:
            print(f"{outcome.capitalize()}:\n" + "\n".join(named))
    count = collections.Counter(case.outcome for _, case in counted)
    closing = f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped"
    print(f"Tests took {time.monotonic() - started:.0f} s")
    if options.summary:
        options.summary.write_text(closing + "\n")
    print(closing)
    return 1 if count["failed"] or not count["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())

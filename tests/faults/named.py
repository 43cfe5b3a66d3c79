#!/usr/bin/env python3
"""Looks whether what the tables of docs/FAULTS.md name is there: tests, faults, suites and paths. Says which row names what is not.

In the column of tests all names in backquotes count: what follows `real:` is a fault of tests/src/bin/airis-faults/fault.rs, what follows
`clients:` may be a suite of tests/clients, what has a slash is a path, and all else is a function of some Rust source. In the other columns
only what looks like a test's name counts: words with underscores between them."""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = "docs/FAULTS.md"
FAULTS = "tests/src/bin/airis-faults/fault.rs"
ROW = re.compile(r"[A-Z]\d+(, [A-Z]\d+)*")
LABEL = re.compile(r"\s*([a-z', ]+)(?: \([^)]*\))?:")
# If fewer are found, this script does not read the tables any more.
LEAST = 100


def text(path):
    return (ROOT / path).read_text()


def functions():
    listed = subprocess.run(["git", "ls-files", "*.rs"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    # One that is deleted but not yet committed is still listed.
    sources = [text(path) for path in listed.split() if (ROOT / path).exists()]
    return {name for source in sources for name in re.findall(r"\bfn ([a-z0-9_]+)\s*[(<]", source)}


def named(cells):
    """The names of a row, each with the label before it."""
    for column, cell in enumerate(cells):
        # The tests stand before the outcome, or last where no outcome is told.
        tests = column == min(2, len(cells) - 1)
        for part in cell.split(";"):
            label = LABEL.match(part)
            for name in re.findall(r"`([^`]+)`", part):
                if tests or re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)+", name):
                    yield label[1] if tests and label else "", name


def main():
    tests = functions()
    faults = set(re.findall(r'\bfault\(\s*"([a-z-]+)"', text(FAULTS)))
    found, wrong = 0, []
    for line in text(PAGE).splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not ROW.fullmatch(cells[0]):
            continue
        for label, name in named(cells):
            found += 1
            if "/" in name:
                there, what = (ROOT / name).exists(), "path"
            elif label == "real":
                there, what = name in faults, f"fault in {FAULTS}"
            else:
                suite = label == "clients" and (ROOT / "tests/clients" / name).exists()
                there, what = suite or name in tests, "test"
            if not there:
                wrong.append(f"{cells[0]} names `{name}`: no such {what}")
    if found < LEAST:
        wrong.append(f"only {found} names found in its tables")
    for line in wrong:
        print(f"{PAGE}: {line}")
    return 1 if wrong else 0


sys.exit(main())

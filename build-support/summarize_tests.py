"""Add up the runs of pytest that `build-support/test` made, and judge them.

Reads a folder with `<run>.xml` (JUnit) and `<run>.exit` (pytest's exit code) for each run. The last
line printed is `N passed, N failed, N skipped`. Standard library only.
"""

from __future__ import annotations

import shutil
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = Path(__file__).with_name("test-programs.txt")
# Exit codes of pytest that the report explains: all passed, some failed, nothing selected.
EXPLAINED = {"0", "1", "5"}


@dataclass(frozen=True)
class Totals:
    """How many tests ended how; an error in a fixture or an import counts as failed."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Totals) -> Totals:
        """Add up two runs."""
        return Totals(
            self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped
        )

    def __str__(self) -> str:
        """Return the summary line."""
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def read_totals(report: str) -> Totals:
    """Count the test cases of a JUnit report."""
    totals = Totals()
    # A test that fails and whose fixture fails as well is reported twice; it is one test.
    outcomes: dict[tuple[str, str], str] = {}
    for case in ET.fromstring(report).iter("testcase"):  # noqa: S314 - our own report
        kinds = {child.tag for child in case}
        outcome = (
            "failed"
            if kinds & {"failure", "error"}
            else "skipped"
            if "skipped" in kinds
            else "passed"
        )
        key = (case.get("classname", ""), case.get("name", ""))
        if outcomes.get(key) != "failed":
            outcomes[key] = outcome
    for outcome in outcomes.values():
        totals += Totals(**{outcome: 1})
    return totals


def summarize(folder: Path) -> tuple[Totals, list[str]]:
    """Return the combined totals and what else went wrong."""
    totals, problems = Totals(), []
    for exit_file in sorted(folder.glob("*.exit")):
        name, code = exit_file.stem, exit_file.read_text().strip()
        report = exit_file.with_suffix(".xml")
        run = read_totals(report.read_text()) if report.is_file() else Totals()
        print(f"{name + ' environment:':22}{run}" + (" (nothing selected)" if code == "5" else ""))
        if code not in EXPLAINED or (code == "1" and not run.failed):
            problems.append(f"{name} environment: pytest ended with exit code {code}, see above")
        totals += run
    if not problems and totals == Totals():
        problems.append("no test was selected")
    return totals, problems


def missing_programs(table: str, *, has: Callable[[str], object] = shutil.which) -> str:
    """Return a line that says what the machine lacks of `test-programs.txt`; empty if nothing."""
    rows = [line.split() for line in table.splitlines() if line and not line.startswith("#")]
    lacking = [(program, package) for program, package, *_ in rows if not has(program)]
    if not lacking:
        return ""
    programs, packages = zip(*lacking)
    return (
        f"Tests that run {', '.join(programs)} were skipped; on Debian, "
        f"`sudo apt-get install {' '.join(packages)}` gets all of them."
    )


def main(argv: Sequence[str]) -> int:
    """Print the summary of the folder named by the only argument."""
    (folder,) = argv
    print("\n==> summary")
    totals, problems = summarize(Path(folder))
    lacking = missing_programs(PROGRAMS.read_text())
    if totals.skipped and lacking:
        print(lacking)
    for problem in problems:
        print(f"error: {problem}")
    print(totals)
    return 1 if problems or totals.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

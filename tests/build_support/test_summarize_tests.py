from __future__ import annotations

from pathlib import Path

import pytest

from summarize_tests import PROGRAMS, main, missing_programs

PASSED = '<testcase classname="tests.test_a" name="test_{}"/>'
FAILED = '<testcase classname="tests.test_a" name="test_{}"><failure/></testcase>'
ERROR = '<testcase classname="tests.test_a" name="test_{}"><error/></testcase>'
SKIPPED = '<testcase classname="tests.test_a" name="test_{}"><skipped/></testcase>'


def write_run(folder: Path, name: str, exit_code: int, *cases: str) -> None:
    report = "".join(case.format(index) for index, case in enumerate(cases))
    (folder / f"{name}.xml").write_text(f"<testsuites><testsuite>{report}</testsuite></testsuites>")
    (folder / f"{name}.exit").write_text(f"{exit_code}\n")


def last_line(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out.splitlines()[-1]


def test_runs_are_added_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(tmp_path, "dev", 0, PASSED, PASSED, SKIPPED)
    write_run(tmp_path, "pants", 0, PASSED)
    assert main([str(tmp_path)]) == 0
    assert last_line(capsys) == "3 passed, 0 failed, 1 skipped"


def test_errors_are_failures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(tmp_path, "dev", 1, PASSED, FAILED, ERROR)
    assert main([str(tmp_path)]) == 1
    assert last_line(capsys) == "1 passed, 2 failed, 0 skipped"


def test_a_test_that_fails_twice_counts_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    same = FAILED.replace("{}", "same")
    write_run(tmp_path, "dev", 1, same, same.replace("failure", "error"))
    assert main([str(tmp_path)]) == 1
    assert last_line(capsys) == "0 passed, 1 failed, 0 skipped"


def test_a_run_without_tests_is_no_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(tmp_path, "dev", 0, PASSED)
    write_run(tmp_path, "pants", 5)
    assert main([str(tmp_path)]) == 0
    assert last_line(capsys) == "1 passed, 0 failed, 0 skipped"


def test_no_test_at_all_is_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(tmp_path, "dev", 5)
    assert main([str(tmp_path)]) == 1
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "error: no test was selected",
        "0 passed, 0 failed, 0 skipped",
    ]


def test_a_run_that_broke_is_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(tmp_path, "dev", 0, PASSED)
    (tmp_path / "pants.exit").write_text("4\n")
    assert main([str(tmp_path)]) == 1
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "error: pants environment: pytest ended with exit code 4, see above",
        "1 passed, 0 failed, 0 skipped",
    ]


def test_one_line_says_what_is_missing_and_how_to_get_it() -> None:
    table = (
        "# what a machine may lack\na  a-tools  tests of a\nb  bee  tests of b\nc  c  tests of c\n"
    )
    assert missing_programs(table, has={"a", "b", "c"}.__contains__) == ""
    assert missing_programs(table, has={"b"}.__contains__) == (
        "Tests that run a, c were skipped; on Debian, `sudo apt-get install a-tools c` gets all of "
        "them."
    )


def test_every_program_has_a_package_and_a_purpose() -> None:
    rows = [line.split(maxsplit=2) for line in PROGRAMS.read_text().splitlines() if line[0] != "#"]
    assert len(rows) > 5
    assert {len(row) for row in rows} == {3}

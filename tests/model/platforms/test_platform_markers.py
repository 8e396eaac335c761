"""``uv`` finds the same markers true on each platform, whatever the Python version."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.uv_targets import TARGETS, ask_uv, wheel
from venvstacks_rules.model.platforms.markers import holds
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS

# What a variable is, or might be taken for.
VALUES = {
    "os_name": ("posix", "nt", "java"),
    "sys_platform": ("linux", "linux2", "darwin", "win32", "cygwin"),
    "platform_system": ("Linux", "Darwin", "Windows", "linux"),
    "platform_machine": ("x86_64", "AMD64", "amd64", "aarch64", "arm64", "ARM64", "i686"),
    "implementation_name": ("cpython", "CPython", "pypy"),
    "platform_python_implementation": ("CPython", "cpython", "PyPy"),
}
CLAUSES = (
    *(f"{name} == '{value}'" for name, values in VALUES.items() for value in values),
    *(f"{name} != '{values[0]}'" for name, values in VALUES.items()),
    *(f"'{values[0][1:-1]}' in {name}" for name, values in VALUES.items()),
    *(
        f"{name} {operator} '{version}'"
        for name in ("python_version", "python_full_version", "implementation_version")
        for operator in ("<", ">=", "==", "~=")
        for version in ("3.9", "3.12", "3.12.0", "3.12.4", "3.14")
    ),
    "python_version in '3.9 3.12'",
    "python_version == '3.12.*'",
    "python_version > '3.9' and sys_platform == 'win32'",
    "platform_system == 'Darwin' and platform_machine == 'arm64' or os_name == 'nt'",
    "extra == 'more'",
    # Facts of one machine: empty, and no version.
    "platform_release == ''",
    "platform_version == ''",
    "platform_release >= '20'",
    "platform_release == '6.1'",
    "platform_version >= '10'",
    "'Darwin' in platform_version",
)


def true_for_uv(folder: Path, version: str, target: str) -> set[str]:
    names = {f"demo{number}": clause for number, clause in enumerate(CLAUSES)}
    for name in names:
        wheel(folder, name, "1", "py3-none-any")
    requirements = [f"{name} ; {clause}" for name, clause in names.items()]
    printed = ask_uv(
        folder, "compile", requirements, version, target, "--no-header", "--no-annotate"
    )
    return {names[line.partition("==")[0]] for line in printed.splitlines() if line}


@pytest.mark.parametrize("version", ["3.9.18", "3.12.4", "3.14.0"])
@pytest.mark.parametrize("target", TARGETS)
def test_the_same_markers_are_true(tmp_path: Path, target: str, version: str) -> None:
    platform = PLATFORMS[TARGETS[target][2]]
    expected = true_for_uv(tmp_path, version, target)
    assert {clause for clause in CLAUSES if holds(clause, platform, version)} == expected
    # Of a free-threaded build, markers do not know that it is one.
    assert {clause for clause in CLAUSES if holds(clause, platform, f"{version}t")} == expected
    assert len(VALUES) < len(expected) < len(CLAUSES)

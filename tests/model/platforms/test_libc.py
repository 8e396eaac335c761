from __future__ import annotations

import pytest

from venvstacks_rules.model.platforms.libc import LinuxTarget, parsed_linux_target


@pytest.mark.parametrize(
    ("written", "libc", "version"),
    [
        ("glibc", "glibc", (2, 28)),
        ("glibc@2.17", "glibc", (2, 17)),
        ("glibc@2.40", "glibc", (2, 40)),
        ("musl", "musl", (1, 2)),
        ("musl@1.1", "musl", (1, 1)),
    ],
)
def test_linux_target(written: str, libc: str, version: tuple[int, int]) -> None:
    found = parsed_linux_target(written)
    assert found == LinuxTarget(libc, version)
    assert parsed_linux_target(str(found)) == found


@pytest.mark.parametrize(
    "written", ["uclibc", "glibc@2", "2.28", "glibc@2.28 ", "glibc@2.1000", "musl@", ""]
)
def test_linux_target_refused(written: str) -> None:
    with pytest.raises(ValueError, match=f"^`{written}` is not `glibc@X.Y` or `musl@X.Y`$"):
        parsed_linux_target(written)

"""What wheels have that no program needs when it runs: tests, and symbols for debuggers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath

from venvstacks_rules.model.values import dataclass

TESTS, DEBUG_FILES, DEBUG_SECTIONS = "tests", "debug files", "debug sections"
"""The kinds: folders of tests; files that only debuggers read; sections of ELF files for them."""

_TEST_FOLDERS = ("test", "tests")
_DIST_INFO = ".dist-info"
_SYMBOLS, _BUNDLE = ".pdb", ".dSYM"


@dataclass(frozen=True)
class Ballast:
    """Some files of a wheel, all for the same reason."""

    kind: str
    glob: str
    """For `exclude_files`: of the names of the files, or of their folders; empty for sections."""
    files: int
    size: int
    """In bytes, unpacked; of sections: without the rest of the files."""


def wheel_ballast(
    files: Iterable[tuple[str, int]], debug: Iterable[tuple[str, int]], site_packages: PurePosixPath
) -> tuple[Ballast, ...]:
    """The ballast among the files of a wheel, with their paths in the layer and their sizes.

    `debug` has the sizes of the debug sections of the binaries among them.
    """
    found: dict[tuple[str, str], list[int]] = {}
    kept = set()
    for path, size in files:
        reason = _reason(PurePosixPath(path), site_packages)
        if reason is None:
            kept.add(path)
        else:
            found.setdefault(reason, []).append(size)
    for path, size in debug:
        # Who leaves a file out has none of its sections.
        if size and path in kept:
            found.setdefault((DEBUG_SECTIONS, ""), []).append(size)
    return tuple(
        Ballast(kind, glob, len(sizes), sum(sizes)) for (kind, glob), sizes in sorted(found.items())
    )


def _reason(path: PurePosixPath, site_packages: PurePosixPath) -> tuple[str, str] | None:
    """The kind of a file, and the glob for it; None if a program may need it."""
    if path.parts[: len(site_packages.parts)] != site_packages.parts:
        return None
    *folders, name = path.parts[len(site_packages.parts) :]
    # It stays, whatever is excluded.
    if folders and folders[0].endswith(_DIST_INFO):
        return None
    for folder in folders:
        if folder in _TEST_FOLDERS:
            return TESTS, folder
        if folder.endswith(_BUNDLE):
            return DEBUG_FILES, f"*{_BUNDLE}"
    return (DEBUG_FILES, f"*{_SYMBOLS}") if name.endswith(_SYMBOLS) else None

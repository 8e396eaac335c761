"""How often ``pathspec`` and we differ from git: the figures of decision 0030.

Not a test: run it in an environment that has ``pathspec``, from the repository's root:

    PYTHONPATH=src/python python -m tests.model.compare_gitignore
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import pathspec

from tests.model.test_gitignore import (
    ATOMS,
    NAMES,
    PLAIN_ATOMS,
    PLAIN_NAMES,
    random_files,
    said_by_git,
    said_by_us,
)

SEEDS = 12


@dataclass
class Count:
    """What was compared, and what differed."""

    files: int = 0
    paths: int = 0
    refused_lines: int = 0
    by_pathspec: int = 0
    by_us: int = 0
    wrong_files: int = 0


def specification(text: str, count: Count) -> pathspec.GitIgnoreSpec:
    """The lines that ``pathspec`` can read."""
    lines = []
    for line in text.split("\n"):
        try:
            pathspec.GitIgnoreSpec.from_lines([line])
            lines.append(line)
        except Exception:  # noqa: BLE001  also errors of `re`
            count.refused_lines += 1
    return pathspec.GitIgnoreSpec.from_lines(lines)


def compare(files: Mapping[str, str], paths: Collection[str], count: Count) -> None:
    """Add what ``pathspec``, git and we say of `paths`, each below the folder of its file."""
    specifications = {folder: specification(text, count) for folder, text in files.items()}
    by_pathspec = set()
    for path in paths:
        folder, inner = path.split("/", 1)
        if specifications[folder].match_file(inner):
            by_pathspec.add(path)
    with tempfile.TemporaryDirectory() as root:
        by_git = said_by_git(Path(root), dict(files), paths)
    different = by_git ^ by_pathspec
    count.files += len(files)
    count.paths += len(paths)
    count.by_pathspec += len(different)
    count.by_us += len(by_git ^ said_by_us(dict(files), paths))
    count.wrong_files += len({path.split("/")[0] for path in different})


def main() -> None:
    """Print the figures for all kinds of patterns, then for plain ones."""
    warnings.simplefilter("ignore")
    for kind, names, atoms in (
        ("any patterns", NAMES, ATOMS),
        ("plain patterns", PLAIN_NAMES, PLAIN_ATOMS),
    ):
        count = Count()
        for seed in range(SEEDS):
            compare(*random_files(seed, names, atoms), count)
        print(
            f"{kind}: {count.paths} paths, {count.files} files; pathspec {pathspec.__version__} "
            f"differs in {count.by_pathspec} paths of {count.wrong_files} files and refuses "
            f"{count.refused_lines} lines; we differ in {count.by_us} paths"
        )


if __name__ == "__main__":
    main()

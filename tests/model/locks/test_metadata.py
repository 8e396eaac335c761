from __future__ import annotations

from dataclasses import replace

import pytest

from venvstacks_rules.model.errors import LockError
from venvstacks_rules.model.hashes import hash_strings
from venvstacks_rules.model.locks.metadata import (
    HashedInputs,
    LockHashes,
    LockMetadata,
    renewed,
)

INPUTS = HashedInputs(
    layer_name="app-report",
    requirements=("rich >=13", "Idna[b,A] ; python_version<'4'", "x @ https://e.example/x.whl#sha256=1"),
    python_version="3.11.7",
    platforms=("linux_x86_64", "win_amd64"),
    linux_target="glibc@2.28",
    macosx_target="13.0",
    lower_layers=("framework-sklearn", "framework-numpy", "cpython-3.11"),
    versioned=True,
    module_hashes=("sha256:1", "sha256/2"),
)  # fmt: skip
OLD = LockMetadata(LockHashes("r", "l", "o", "v"), 3, "2026-01-01T00:00:00+00:00")
NOW = "2026-11-21T04:00:00+00:00"


def test_hashes() -> None:
    # Spelled out from the reference, "Metadata of a lockfile".
    assert INPUTS.hashes("sha256:0") == LockHashes(
        "sha256:0",
        hash_strings(
            ['Idna[A,b]; python_version < "4"', "rich>=13", "x @ https://e.example/x.whl"]
        ),
        hash_strings(
            ["py_version=3.11", "linux_target=glibc@2.28", "cpython-3.11", "sklearn", "numpy"]
        ),
        hash_strings(["env_name=app-report", "is_versioned_layer=True", "sha256:1", "sha256/2"]),
    )


def test_hashes_of_a_runtime() -> None:
    inputs = replace(INPUTS, lower_layers=(), platforms=("macosx_arm64",), python_version="3.9")
    assert inputs.hashes("").other_inputs == hash_strings(["py_version=3.9", "macosx_target=13.0"])


def test_endless_nesting_is_refused() -> None:
    with pytest.raises(LockError, match=r"^x\.json: not a JSON file\n  \* it is nested too deeply"):
        LockMetadata.from_json(b"[" * 100_000, "x.json")


def test_written_and_read_again() -> None:
    assert LockMetadata.from_json(OLD.to_json().encode(), "x") == OLD


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"{", "x.json: not a JSON file\n  * Expecting property name enclosed in double quotes: "
         "line 1 column 2 (char 1)"),
        (b'{"lock_version": 0, "locked_at": "x"}', "x.json: invalid lock metadata\n"
         "  * `lock_version`: expected 1 or more, got 0"),
        (b"[]", "x.json: invalid lock metadata\n  * expected a table, got a list"),
        (b'{"lock_version": "1", "locked_at": 2, "requirements_hash": 3}',
         "x.json: invalid lock metadata\n"
         "  * `requirements_hash`: expected a string, got an integer\n"
         "  * `lock_version`: expected an integer, got a string\n"
         "  * `locked_at`: expected a string, got an integer"),
    ],
)  # fmt: skip
def test_what_is_no_metadata(content: bytes, problem: str) -> None:
    with pytest.raises(LockError) as caught:
        LockMetadata.from_json(content, "x.json")
    assert str(caught.value) == problem


def test_first_version() -> None:
    for versioned in (False, True):
        assert renewed(OLD.hashes, None, versioned=versioned, locked_at=NOW) == LockMetadata(
            OLD.hashes, 1, NOW
        )


def test_nothing_changed() -> None:
    assert renewed(OLD.hashes, OLD, versioned=True, locked_at=NOW) == OLD


def test_other_words_for_the_same_content_make_no_new_version() -> None:
    hashes = replace(OLD.hashes, lock_input="new")
    assert renewed(hashes, OLD, versioned=True, locked_at=NOW) == replace(OLD, hashes=hashes)


@pytest.mark.parametrize("name", ["requirements", "other_inputs", "version_inputs"])
def test_version_grows_with_each_change(name: str) -> None:
    hashes = replace(OLD.hashes, **{name: "new"})
    assert renewed(hashes, OLD, versioned=True, locked_at=NOW) == LockMetadata(hashes, 4, NOW)


def test_without_versions() -> None:
    hashes = replace(OLD.hashes, version_inputs="new")
    assert renewed(hashes, OLD, versioned=False, locked_at=NOW) == LockMetadata(
        hashes, 1, OLD.locked_at
    )
    hashes = replace(OLD.hashes, requirements="new")
    assert renewed(hashes, OLD, versioned=False, locked_at=NOW) == LockMetadata(hashes, 1, NOW)

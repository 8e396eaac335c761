from __future__ import annotations

from dataclasses import replace

import pytest

from venvstacks_rules.model.errors import LockError
from venvstacks_rules.model.locks.freshness import stale_reasons
from venvstacks_rules.model.locks.pylock import LockedPackage, LockedWheel, Lockfile, LockInputs
from venvstacks_rules.model.locks.selection import select_wheels, with_built_wheels
from venvstacks_rules.model.locks.sources import LockedSource, PinnedArchive
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS

ARCHIVE = PinnedArchive("https://example.org/f/docopt-0.6.2.tar.gz?x#y", 9, "1" * 64)
SETUPTOOLS = PinnedArchive("https://example.org/f/setuptools-84-py3-none-any.whl", 8, "2" * 64)
DOCOPT = LockedPackage(
    "docopt",
    "0.6.2",
    None,
    "https://example.org/simple",
    (),
    source=LockedSource(ARCHIVE, (SETUPTOOLS,)),
)
INPUTS = LockInputs(
    python_implementation="cpython@3.11.4",
    python_provider=None,
    requirements=("docopt",),
    platforms=("linux_x86_64",),
    linux_target="glibc@2.28",
    macosx_target="13.0",
    lower_layers=(),
    uv_config=None,
    build_from_source=("docopt",),
)
LOCK = Lockfile("==3.11.*", (DOCOPT,), inputs=INPUTS)


def test_the_name_of_a_file() -> None:
    assert ARCHIVE.file_name == "docopt-0.6.2.tar.gz"


def test_a_lock_is_written_and_read_again() -> None:
    data = LOCK.to_dict()
    assert data["packages"] == [
        {
            "name": "docopt",
            "version": "0.6.2",
            "index": "https://example.org/simple",
            "sdist": {"url": ARCHIVE.url, "size": 9, "hashes": {"sha256": "1" * 64}},
            "tool": {
                "venvstacks-rules": {
                    "from": "sdist",
                    "build": [
                        {"url": SETUPTOOLS.url, "size": 8, "hashes": {"sha256": "2" * 64}}
                    ],
                }
            },
        }
    ]  # fmt: skip
    assert Lockfile.from_dict(data, "lock") == LOCK


def test_an_archive_without_a_hash_is_refused() -> None:
    package = {"name": "docopt", "version": "0.6.2", "sdist": {"url": "ftp://x/y", "size": 1}}
    data = {
        "lock-version": "1.0",
        "requires-python": "==3.11.*",
        "packages": [{**package, "tool": {"venvstacks-rules": {"from": "sdist"}}}],
    }
    with pytest.raises(LockError) as caught:
        Lockfile.from_dict(data, "x")
    assert "`packages[0].sdist.hashes`: missing" in str(caught.value)
    assert "`packages[0].sdist.url`: " in str(caught.value)


def test_another_archive_or_tool_is_another_lock() -> None:
    other = replace(ARCHIVE, sha256="3" * 64)
    tool = replace(SETUPTOOLS, sha256="3" * 64)
    sources = [
        LockedSource(ARCHIVE, (SETUPTOOLS,)),
        LockedSource(other, (SETUPTOOLS,)),
        LockedSource(ARCHIVE, (tool,)),
    ]
    hashes = {
        Lockfile("==3.11.*", (replace(DOCOPT, source=source),)).requirements_hash
        for source in sources
    }
    assert len(hashes) == len(sources)


def test_a_change_of_the_field_makes_a_lock_stale() -> None:
    assert stale_reasons(LOCK, INPUTS) == ()
    assert stale_reasons(LOCK, replace(INPUTS, build_from_source=())) == (
        "`build_from_source` changed",
    )


def test_a_wheel_that_does_not_fit_is_refused() -> None:
    name = "docopt-0.6.2-cp311-cp311-linux_x86_64.whl"
    wheel = LockedWheel(name, None, None, 1, "0" * 64)
    lock = with_built_wheels(LOCK, {"docopt": wheel})
    with pytest.raises(LockError) as caught:
        select_wheels(
            lock,
            platform=PLATFORMS["win_amd64"],
            python_version="3.11.4",
            linux_target="glibc@2.28",
            macosx_target="13.0",
        )
    assert str(caught.value) == (
        "the lockfile does not fit platform win_amd64\n  * `docopt` 0.6.2 is built from source as "
        f"`{name}`, which does not fit CPython 3.11 on win_amd64; package the layer on a machine "
        "of that platform, or narrow the layer's `platforms`"
    )

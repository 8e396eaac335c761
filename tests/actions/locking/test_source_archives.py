"""Packages that are built from source, locked by ``uv``; their backends need no library."""

from __future__ import annotations

import io
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.git_server import git_server
from tests.support.layer_locks import Index, lock, pins, refused, served_index
from tests.support.source_archives import source_archive, source_files
from venvstacks_rules.actions.files.toml import read_toml
from venvstacks_rules.actions.locking.source_archives import read_project
from venvstacks_rules.model.errors import LockError
from venvstacks_rules.model.locks.pylock import Lockfile
from venvstacks_rules.model.network.commits import Commit

PYTHON = f"cpython@{sys.version_info[0]}.{sys.version_info[1]}.{sys.version_info[2]}"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    with served_index(tmp_path, monkeypatch) as index:
        index.add("helper", "1")
        index.add("needed", "1")
        archive = source_archive("sourced", requires=("needed",), build_requires=("helper",))
        (index.root / "sourced").mkdir()
        for name, data in archive.items():
            (index.root / "sourced" / name).write_bytes(data)
        index.add("sourced", "0.9")
        yield index


def locked(out: str, *names: str, previous: Path | None = None) -> Path:
    return lock(
        "rt",
        "sourced",
        out=out,
        previous=previous,
        python_implementation=PYTHON,
        build_from_source=names,
        declared_sources=names,
    )


def test_the_archive_is_asked_what_the_package_requires(index: Index) -> None:
    wheel = locked("wheel")
    assert pins(wheel) == [("sourced", "0.9", None, False)]
    path = locked("source", "sourced", previous=wheel)
    assert pins(path) == [("needed", "1", None, False), ("sourced", "1.0", None, False)]
    read = Lockfile.from_dict(read_toml(path), "lock")
    source = read.packages[1].source
    assert source is not None
    assert source.archive.url == f"{index.url}/sourced/sourced-1.0.tar.gz"
    assert [tool.file_name for tool in source.build_wheels] == ["helper-1-py3-none-any.whl"]
    assert read.packages[1].wheels == ()
    # What the build requires stays as long as the archive does.
    index.add("helper", "2")
    again = locked("again", "sourced", previous=path)
    assert again.read_bytes() == path.read_bytes()
    newer = Lockfile.from_dict(read_toml(locked("new", "sourced")), "lock").packages[1].source
    assert newer is not None
    assert [tool.file_name for tool in newer.build_wheels] == ["helper-2-py3-none-any.whl"]


def test_the_backend_is_asked_what_a_build_requires(index: Index) -> None:
    told = source_archive("tells", build_requires=("helper",), told=("needed>=1",))
    (index.root / "tells").mkdir()
    for name, data in told.items():
        (index.root / "tells" / name).write_bytes(data)
    path = lock(
        "rt",
        "tells",
        python_implementation=PYTHON,
        build_from_source=("tells",),
        declared_sources=("tells",),
    )
    source = Lockfile.from_dict(read_toml(path), "lock").packages[0].source
    assert source is not None
    names = [tool.file_name for tool in source.build_wheels]
    assert names == ["helper-1-py3-none-any.whl", "needed-1-py3-none-any.whl"]


def test_a_commit_is_pinned_with_its_files(index: Index, tmp_path: Path) -> None:
    files = source_files("atcommit", requires=("needed",), build_requires=("helper",))
    with git_server(tmp_path / "repo") as server:
        commit = server.commit({f"python/{path}": text for path, text in files.items()})
        server.commit({"python/pyproject.toml": "not toml"})
        reference = f"git+{server.url}@{commit}#subdirectory=python"
        names = ("atcommit",)
        path = lock(
            "framework-fw",
            f"atcommit @ {reference}",
            python_implementation=PYTHON,
            build_from_source=names,
            declared_sources=names,
        )
        read = Lockfile.from_dict(read_toml(path), "lock")
        assert pins(path) == [("atcommit", "1.0", None, False), ("needed", "1", None, False)]
        source = read.packages[0].source
        assert source is not None
        assert source.commit == Commit(server.url, commit, "python")
        assert source.archive.url == reference
        assert [tool.file_name for tool in source.build_wheels] == ["helper-1-py3-none-any.whl"]
        # A layer above takes it from there: no index has it.
        above = lock(
            "app-a",
            "atcommit",
            out="above",
            lower=(path,),
            python_implementation=PYTHON,
            build_from_source=names,
        )
    assert pins(above) == [("atcommit", "1.0", None, True), ("needed", "1", None, True)]


def test_a_name_that_the_layer_does_not_need(index: Index) -> None:
    message = refused(
        "rt",
        "needed",
        python_implementation=PYTHON,
        build_from_source=("sourced",),
        declared_sources=("sourced",),
    )
    assert message == (
        "//:rt: packages that are built from source\n"
        "  * `build_from_source` has 'sourced', which the layer does not need. Remove it, or "
        "name it in the layer above that installs it."
    )


def test_no_interpreter_of_the_version(index: Index) -> None:
    message = refused(
        "rt",
        "sourced",
        python_implementation="cpython@3.5.1",
        build_from_source=("sourced",),
        declared_sources=("sourced",),
    )
    assert message == (
        "//:rt: packages that are built from source\n"
        "  * locking asks them what they require, which needs CPython 3.5 on this machine. Install "
        "it, with `uv python install 3.5` for example, or lock on another machine."
    )


def test_the_project_of_an_archive(tmp_path: Path) -> None:
    zipped = tmp_path / "a-1.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("a-1/deep/pyproject.toml", "x = 1")
        archive.writestr("a-1/pyproject.toml", "x = 2")
    assert read_project(zipped) == {"x": 2}
    plain = tmp_path / "b-1.tar.gz"
    with tarfile.open(plain, "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("b-1/setup.py"), io.BytesIO())
    assert read_project(plain) == {}
    damaged = tmp_path / "c-1.tar.gz"
    damaged.write_bytes(b"no archive")
    with pytest.raises(LockError, match=r"^a source archive cannot be read\n  \* `c-1\.tar\.gz`: "):
        read_project(damaged)

"""File systems that do not do what the others do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from venvstacks_rules.model.repository.keys import blob_key
from venvstacks_rules.repository.stores import lock_files
from venvstacks_rules.repository.stores.lock_files import lock_file
from venvstacks_rules.repository.stores.opened import opened
from venvstacks_rules.repository.stores.store import Content, StoreError


class Careless(MemoryFileSystem):  # type: ignore[misc]  # without types
    """Overwrites whatever is there."""

    protocol = "careless"
    store: dict[str, Any] = {}  # noqa: RUF012
    pseudo_dirs = [""]  # noqa: RUF012

    def _open(self, path: str, mode: str = "rb", **more: Any) -> Any:
        return super()._open(path, mode.replace("x", "w"), **more)


class Ignorant(Careless):
    """Knows no such mode."""

    protocol = "ignorant"

    def _open(self, path: str, mode: str = "rb", **more: Any) -> Any:
        if "x" in mode:
            raise ValueError(mode)
        return super()._open(path, mode, **more)


@pytest.mark.parametrize("kind", [Careless, Ignorant])
def test_a_file_system_that_creates_nothing_exclusively(kind: type[Careless]) -> None:
    fsspec.register_implementation(kind.protocol, kind, clobber=True)
    store = opened(f"{kind.protocol}://of", {})
    content = Content.of(b"a blob")
    key = blob_key(content.reference.sha256)
    assert store.put_if_absent(key, content)
    assert not store.put_if_absent(key, content)
    calls: tuple[Callable[[], object], ...] = (
        lambda: store.put_if_absent("channels/x", content),
        lambda: store.replace("channels/x", b"x", None),
    )
    for call in calls:
        with pytest.raises(StoreError) as e:
            call()
        assert str(e.value) == (
            f"{kind.protocol}://of: this file system creates no file exclusively, so that two "
            "publishers could overwrite each other's work. Publish to another kind of repository."
        )
    assert [entry.key for entry in store.list("")] == [key]
    store.delete([key])
    assert [path for path in kind.store if "part" in path] == []


def test_a_lock_that_was_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_files, "LOCK_LIFE", 0.5)
    system = fsspec.filesystem("memory")
    system.pipe_file("/locked/.part-lock-x", b"somebody")
    with lock_file(system, "/locked/x", "memory://locked") as confirm:
        confirm()
        assert system.cat_file("/locked/.part-lock-x") != b"somebody"
    assert not system.exists("/locked/.part-lock-x")


def test_a_lock_that_was_lost() -> None:
    system = fsspec.filesystem("memory")
    with lock_file(system, "/lost/x", "memory://lost") as confirm:
        system.pipe_file("/lost/.part-lock-x", b"somebody")
        with pytest.raises(StoreError) as e:
            confirm()
    assert str(e.value) == (
        "memory://lost: `/lost/.part-lock-x`: the lock was lost. Try again later."
    )
    assert system.cat_file("/lost/.part-lock-x") == b"somebody"

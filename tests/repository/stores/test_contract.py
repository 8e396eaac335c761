"""What every kind of store does, against the real thing.

The kinds are in `tests/support/stores.py`. Those that only read are tested with what lies there.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.stores import IN_MEMORY, KINDS, ON_DEMAND, READ_ONLY, Served
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.repository.keys import blob_key, key_problem
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.repository.stores import attempts
from venvstacks_rules.repository.stores.opened import opened
from venvstacks_rules.repository.stores.store import (
    CHUNK,
    LOCK,
    PART,
    Content,
    Store,
    Stored,
    StoreError,
)

REPOSITORY = Path(__file__).parents[3]
KEY = "channels/demo/stable/linux_x86_64.json"
ODD_KEYS = (
    "repository.json",
    "a",
    "-",
    "_",
    ".a/-b/_c/+d/@e",
    "__/_u/_p@1/+._-",
    "trust/1.root.json",
    "layers/app-a_b.c@1.2+local/linux_x86_64/" + "0" * 64 + ".json",
    "x/" + "Aa0._@+-" * 20 + "z",
    "/".join(["folder"] * 56) + "/end.json",
)


@dataclass(frozen=True)
class Opened:
    """An empty repository, and where it lies."""

    store: Store
    url: str
    served: Served

    def put(self, key: str, data: bytes) -> None:
        if self.served.fill is not None:
            self.served.fill(f"{self.url}/{key}", data)
        else:
            assert self.store.put_if_absent(key, Content.of(data))


@pytest.fixture(scope="module")
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    kind = request.param
    with {**KINDS, **ON_DEMAND}[kind](tmp_path_factory.mktemp(kind)) as served:
        yield served


@pytest.fixture
def place(served: Served) -> Iterator[Opened]:
    url = f"{served.url}/r{uuid.uuid4().hex[:12]}"
    store = opened(url, served.environment)
    yield Opened(store, url, served)
    store.close()


def got(store: Store) -> Stored:
    found = store.get(KEY, limit=10**6)
    assert found is not None
    return found


def kinds(*without: str) -> pytest.MarkDecorator:
    """All kinds but some."""
    demanded = [pytest.param(kind, marks=pytest.mark.slow) for kind in ON_DEMAND]
    chosen = [*(kind for kind in KINDS if kind not in without), *demanded]
    return pytest.mark.parametrize("served", chosen, indirect=True, scope="module")


writing = kinds(*READ_ONLY)


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "WAITS", [0.01, 0.01])


@kinds()
def test_shows_no_credentials_in_its_url(place: Opened) -> None:
    assert not [secret for secret in place.served.secrets if secret in place.store.url]


@kinds()
def test_gives_what_was_put(place: Opened) -> None:
    place.put(KEY, b"one")
    found = place.store.get(KEY, limit=3)
    assert found is not None
    assert found.data == b"one"
    assert place.store.get(KEY, limit=100) == found
    assert place.store.size(KEY) == 3


@kinds()
def test_has_empty_files(place: Opened) -> None:
    place.put(KEY, b"")
    found = place.store.get(KEY, limit=0)
    assert found is not None
    assert found.data == b""
    assert place.store.size(KEY) == 0


@kinds()
def test_says_what_is_missing(place: Opened) -> None:
    place.put(KEY, b"one")
    for key in ("repository.json", "channels/demo/beta/linux_x86_64.json", blob_key("0" * 64)):
        assert place.store.get(key, limit=10) is None
        assert place.store.size(key) is None


@kinds()
def test_reads_no_more_than_the_limit(place: Opened) -> None:
    place.put(KEY, b"x" * 1001)
    with pytest.raises(RepositoryError) as e:
        place.store.get(KEY, limit=1000)
    assert e.value.summary == f"{place.store.url}: `{KEY}` has more than 1000 bytes."
    assert e.value.problems == tuple(place.store.explained(KEY))


@kinds()
def test_reads_ranges(place: Opened) -> None:
    data = bytes(range(256)) * 20
    key = blob_key(Reference.of(data).sha256)
    place.put(key, data)
    for start, end in ((0, 5120), (0, 1), (17, 18), (1000, 3000), (5119, 5120)):
        assert b"".join(place.store.read(key, start, end)) == data[start:end]
    assert list(place.store.read(key, 7, 7)) == []


@pytest.mark.parametrize(("start", "end"), [(0, 11), (5, 12), (10, 11), (50, 60)])
@kinds()
def test_says_that_a_range_is_too_long(place: Opened, start: int, end: int) -> None:
    place.put(KEY, b"0123456789")
    with pytest.raises(RepositoryError) as e:
        list(place.store.read(KEY, start, end))
    assert e.value.summary == f"{place.store.url}: `{KEY}` has fewer than {end} bytes."
    assert e.value.problems == tuple(place.store.explained(KEY))


@kinds()
def test_says_that_there_is_nothing_to_read(place: Opened) -> None:
    with pytest.raises(RepositoryError) as e:
        list(place.store.read(KEY, 0, 1))
    assert e.value.summary == f"{place.store.url}: `{KEY}` is missing."


@kinds()
def test_streams_large_blobs(place: Opened, tmp_path: Path) -> None:
    large = tmp_path / "large"
    piece = hashlib.sha256(b"x").digest() * 2**15
    with large.open("wb") as file:
        for i in range(20):
            file.write(i.to_bytes(4, "big") + piece)
    data = large.read_bytes()
    content = Content(Reference.of(data), path=large)
    key = blob_key(content.reference.sha256)
    if place.served.fill is None:
        assert place.store.put_if_absent(key, content)
        assert not place.store.put_if_absent(key, content)
    else:
        place.put(key, data)
    assert place.store.size(key) == len(data)
    pieces = list(place.store.read(key, 3, len(data) - 3))
    assert b"".join(pieces) == data[3:-3]
    assert max(map(len, pieces)) <= 8 * CHUNK


@kinds(*IN_MEMORY)
def test_needs_little_memory(place: Opened) -> None:
    if place.served.fill is not None:
        place.put("large", b"x" * 96_000_000)
    done = _script(place, "store_memory.py", "write" if place.served.fill is None else "read")
    assert int(done) < 60_000_000


@kinds()
def test_odd_keys(place: Opened) -> None:
    for key in ODD_KEYS:
        assert key_problem(key) is None or key in ("-", "_", "a"), key
        place.put(key, key.encode())
    for key in ODD_KEYS:
        found = place.store.get(key, limit=500)
        assert found is not None
        assert found.data == key.encode()
        assert b"".join(place.store.read(key, 0, len(key))) == key.encode()
    if place.served.fill is None:
        assert [entry.key for entry in place.store.list("")] == sorted(ODD_KEYS)
        place.store.delete(ODD_KEYS)
        assert list(place.store.list("")) == []


@writing
def test_never_overwrites(place: Opened) -> None:
    store = place.store
    assert store.put_if_absent(KEY, Content.of(b"one"))
    assert not store.put_if_absent(KEY, Content.of(b"other"))
    assert got(store).data == b"one"
    large = Content.of(b"x" * 20_000_000)
    assert not store.put_if_absent(KEY, large)
    assert store.put_if_absent("archives/demo/1.0/large.zip", large)
    assert not store.put_if_absent("archives/demo/1.0/large.zip", Content.of(b"y" * 20_000_000))
    assert not store.put_if_absent("archives/demo/1.0/large.zip", Content.of(b"y"))
    assert store.size("archives/demo/1.0/large.zip") == 20_000_000
    assert b"".join(store.read("archives/demo/1.0/large.zip", 0, 3)) == b"xxx"
    keys = [entry.key for entry in store.list("")]
    assert keys == ["archives/demo/1.0/large.zip", KEY]


@writing
def test_stores_nothing_of_a_file_that_changed(place: Opened, tmp_path: Path) -> None:
    for size in (1000, 20_000_000):
        path = tmp_path / "file"
        path.write_bytes(b"x" * size)
        content = Content(Reference.of(b"y" * size), path=path)
        key = blob_key(content.reference.sha256)
        with pytest.raises(StoreError) as e:
            place.store.put_if_absent(key, content)
        assert f"`{path}` changed: {size} bytes with the hash sha256:" in str(e.value)
        assert str(e.value).endswith("Build it again.")
        assert place.store.size(key) is None
    assert list(place.store.list("")) == []


@writing
def test_replaces_what_did_not_change(place: Opened) -> None:
    store = place.store
    assert store.replace(KEY, b"1", None)
    assert not store.replace(KEY, b"x", None)
    first = got(store)
    assert first.data == b"1"
    assert store.replace(KEY, b"2", first.mark)
    assert not store.replace(KEY, b"3", first.mark)
    second = got(store)
    assert second.data == b"2"
    assert second.mark != first.mark
    assert store.replace(KEY, b"3", second.mark)
    assert got(store).data == b"3"
    store.delete([KEY])
    assert not store.replace(KEY, b"4", second.mark)
    assert store.get(KEY, limit=10) is None


@writing
def test_keeps_what_is_held(place: Opened) -> None:
    store = place.store
    contents = [Content.of(f"blob {i}".encode()) for i in range(3)]
    keys = sorted(blob_key(content.reference.sha256) for content in contents)
    for content in contents:
        assert store.put_if_absent(blob_key(content.reference.sha256), content)
    data = json.dumps(keys).encode()
    layer = f"layers/demo/linux_x86_64/{Reference.of(data).sha256}.json"
    assert store.put_if_absent(layer, Content.of(data), holds=keys)
    assert store.replace(KEY, b"1", None, holds=[layer])
    assert store.replace(KEY, b"2", got(store).mark, holds=[layer])
    assert [entry.key for entry in store.list("")] == [*keys, KEY, layer]
    assert [entry.key for entry in store.list("blobs/")] == keys
    assert [entry.size for entry in store.list("blobs/")] == [6, 6, 6]


@writing
def test_lists_by_prefix(place: Opened) -> None:
    store = place.store
    before = time.time()
    keys = ["a.json", "a/b.json", "a/b/c.json", "a/bc/d.json", "ab/c.json", "b.json"]
    for key in reversed(keys):
        assert store.put_if_absent(key, Content.of(key.encode()))
    assert [entry.key for entry in store.list("")] == keys
    assert [entry.key for entry in store.list("a/b")] == keys[1:4]
    assert [entry.key for entry in store.list("a/")] == keys[1:4]
    assert [entry.key for entry in store.list("a")] == keys[:5]
    assert [entry.key for entry in store.list("a/b/c.json")] == keys[2:3]
    assert list(store.list("a/x")) == []
    assert list(store.list("nothing/here")) == []
    for entry in store.list(""):
        assert entry.size == len(entry.key)
        assert before - 5 < entry.modified < time.time() + 5


@kinds(*READ_ONLY, "oci")
def test_what_a_killed_writer_left(place: Opened) -> None:
    store = place.store
    part = f"blobs/sha256/ab/{PART}x"
    for key in (part, f"channels/demo/{LOCK}", KEY):
        store.put_if_absent(key, Content.of(b"some"))
    assert [entry.key for entry in store.list("")] == [KEY]
    assert [(entry.key, entry.size) for entry in store.incomplete()] == [(part, 4)]
    store.delete([part])
    assert list(store.incomplete()) == []


@writing
def test_deletes(place: Opened) -> None:
    store = place.store
    for key in ("a/b", "a/c", "d"):
        store.put_if_absent(key, Content.of(b"x"))
    store.delete([])
    store.delete(iter(["a/b", "a/none", "d"]))
    assert [entry.key for entry in store.list("")] == ["a/c"]
    assert store.get("d", limit=10) is None
    assert store.put_if_absent("d", Content.of(b"y"))


@writing
def test_of_threads_one_wins(place: Opened) -> None:
    stores = [place.store, *(opened(place.url, place.served.environment) for _ in "123")]
    for i in range(2):
        mark = None if i == 0 else got(stores[0]).mark
        barrier = threading.Barrier(8)

        def attempt(
            number: int, mark: str | None = mark, barrier: threading.Barrier = barrier, i: int = i
        ) -> bool:
            barrier.wait()
            return stores[number % 4].replace(KEY, f"{i} {number}".encode(), mark)

        with ThreadPoolExecutor(8) as pool:
            won = list(pool.map(attempt, range(8)))
        assert won.count(True) == 1
        assert got(stores[0]).data == f"{i} {won.index(True)}".encode()


@writing
def test_of_threads_one_puts(place: Opened) -> None:
    for size in (10, 9_000_000):
        key = f"archives/demo/{size}"
        barrier = threading.Barrier(4)

        def attempt(
            number: int, key: str = key, size: int = size, barrier: threading.Barrier = barrier
        ) -> bool:
            content = Content.of(bytes([number]) * size)
            barrier.wait()
            return place.store.put_if_absent(key, content)

        with ThreadPoolExecutor(4) as pool:
            won = list(pool.map(attempt, range(4)))
        assert won.count(True) == 1
        data = b"".join(place.store.read(key, 0, size))
        assert data == bytes([won.index(True)]) * size


@kinds(*READ_ONLY, *IN_MEMORY)
def test_processes_lose_nothing(place: Opened) -> None:
    with ThreadPoolExecutor(2) as pool:
        wins = list(pool.map(lambda name: _script(place, "store_racer.py", name), "ab"))
    written = json.loads(got(place.store).data)
    assert sorted(written) == sorted(
        f"{name}{i}.{j}" for name in "ab" for i in range(2) for j in range(2)
    )
    assert [int(win) for win in wins] == [4, 4]


@kinds()
def test_a_place_that_is_down(served: Served, fast: None) -> None:
    store = opened(served.down, served.down_environment or served.environment)
    asks: list[Callable[[], object]] = [
        lambda: store.get(KEY, limit=10),
        lambda: store.size(KEY),
        lambda: list(store.read(KEY, 0, 1)),
    ]
    if served.fill is None:
        asks += [
            lambda: store.put_if_absent(KEY, Content.of(b"x")),
            lambda: store.put_if_absent(blob_key("0" * 64), Content.of(b"x")),
            lambda: store.replace(KEY, b"x", None),
            lambda: store.delete([KEY]),
        ]
    for ask in asks:
        with pytest.raises(StoreError) as e:
            ask()
        text = str(e.value)
        assert text.startswith(f"{store.url}: `"), text
        assert served.why_down in text
        assert text.endswith(".")
        assert not [secret for secret in served.secrets if secret in text]


def _script(place: Opened, name: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, str(REPOSITORY / "tests/support" / name), place.url, *arguments],
        input=json.dumps(dict(place.served.environment)),
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "src/python")},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout

from __future__ import annotations

import functools
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from tests.support.forked import in_processes
from tests.support.publications import (
    PLATFORM,
    RUNTIME,
    Layer,
    files_below,
    release,
    small_release,
)
from tests.support.whole_repository import channel, faults
from tests.support.wrapped_stores import CountingStore, WrappedStore
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.publishing.report import result_text
from venvstacks_rules.model.repository.keys import ChannelKey, blob_key
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.model.wording import size_text
from venvstacks_rules.repository.publishing.planning import planned
from venvstacks_rules.repository.publishing.publication import Publication
from venvstacks_rules.repository.publishing.upload import Settings, published, uploaded
from venvstacks_rules.repository.reading.repository import Repository
from venvstacks_rules.repository.stores.files import FileStore
from venvstacks_rules.repository.stores.store import Content


def test_publishes_everything_that_is_named(tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    publication = small_release(tmp_path / "files", channels=("stable", "beta"))
    repository = Repository(FileStore(tmp_path / "store"))
    result = published(publication, repository, Settings(progress=lambda *now: seen.append(now)))
    assert result.sent_size == result.plan.new_size
    assert seen[-1][1:] == (result.sent_size, result.sent_size)
    assert {"interpreter", "list of the files of rich.whl", "sbom", "index of app-demo"} <= {
        name for name, _, _ in seen
    }
    assert not list(faults(tmp_path / "store"))
    assert [change.change for change in result.channels] == ["created", "created"]
    layers = [str(layer.key) for layer in publication.layers]
    blobs = [f"blobs/sha256/{sha256[:2]}/{sha256}" for sha256 in publication.files]
    assert sorted(files_below(tmp_path / "store")) == sorted(
        [
            *blobs,
            *layers,
            "repository.json",
            f"stacks/release/1.0/{PLATFORM}.json",
            f"channels/release/beta/{PLATFORM}.json",
            "channels/release/beta/.part-lock",
            f"channels/release/stable/{PLATFORM}.json",
            "channels/release/stable/.part-lock",
        ]
    )


def test_what_names_others_comes_after_them(tmp_path: Path) -> None:
    store = CountingStore(FileStore(tmp_path / "store"))
    published(small_release(tmp_path / "files"), Repository(store))
    written = [
        key.partition("/")[0]
        for verb, key in store.requests
        if verb in ("put_if_absent", "replace")
    ]
    assert list(dict.fromkeys(written)) == [
        "locks",
        "repository.json",
        "blobs",
        "layers",
        "stacks",
        "channels",
    ]
    # The largest first.
    blobs = [key for verb, key in store.requests if verb == "put_if_absent" and "blobs" in key]
    assert blobs[0].endswith(Reference.of(RUNTIME["interpreter"]).sha256)


def test_an_upload_needs_the_files_that_the_plan_names(tmp_path: Path) -> None:
    repository = Repository(FileStore(tmp_path / "store"))
    published(small_release(tmp_path / "1"), repository)
    second = small_release(tmp_path / "2", "2.0")
    plan = planned(second, repository)
    wanted = {sha256: path for sha256, path in second.files.items() if sha256 in plan.missing}
    assert len(wanted) == 1
    few = Publication(second.layers, second.stacks, wanted)
    result = uploaded(few, repository, plan)
    assert result.sent_size == plan.new_size
    assert not list(faults(tmp_path / "store"))
    assert channel(tmp_path / "store")["current"]["version"] == "2.0"  # type: ignore[index]


def test_a_blob_that_is_gone_since_the_plan(tmp_path: Path) -> None:
    repository = Repository(FileStore(tmp_path / "store"))
    first = small_release(tmp_path / "1")
    published(first, repository)
    second = small_release(tmp_path / "2", "2.0")
    plan = planned(second, repository)
    few = Publication(
        second.layers,
        second.stacks,
        {sha256: path for sha256, path in second.files.items() if sha256 in plan.missing},
    )
    # As a prune does it: what names the blob first.
    blob = first.layers[1].index.segments[1].blob
    for key in (
        f"channels/release/stable/{PLATFORM}.json",
        str(first.stacks[0].stack.key),
        str(first.layers[1].key),
        f"blobs/sha256/{blob.sha256[:2]}/{blob.sha256}",
    ):
        (tmp_path / "store" / key).unlink()
    with pytest.raises(RepositoryError) as caught:
        uploaded(few, repository, plan)
    assert str(caught.value) == (
        f"{repository.url}: the repository lacks what this publish cannot send.\n"
        f"  * `rich.whl` of `app-demo`, sha256:{blob.sha256}: its file is not given\n"
        "  * The repository may have changed; run this again."
    )
    assert channel(tmp_path / "store") is None
    assert not [name for name in files_below(tmp_path / "store") if name.startswith("locks")]
    uploaded(second, repository, planned(second, repository))
    assert not list(faults(tmp_path / "store"))


def test_what_somebody_else_sent_since_the_plan(tmp_path: Path) -> None:
    repository = Repository(FileStore(tmp_path / "store"))
    publication = small_release(tmp_path / "files")
    plan = planned(publication, repository)
    published(Publication(publication.layers, (), publication.files), repository)
    result = uploaded(publication, repository, plan)
    assert result.sent_size == 0
    assert result.channels[0].change == "created"
    again = uploaded(publication, repository, plan)
    assert again.channels[0].change == "same"
    assert again.channels[0].overtaken == ()


def test_what_an_earlier_publish_of_the_run_sent(tmp_path: Path) -> None:
    """All plans of a run are made before anything is sent."""
    store = CountingStore(FileStore(tmp_path / "store"))
    repository = Repository(store)
    torch = {"torch.whl": bytes(range(256)) * 4096}
    first, second = (
        Publication.read(
            release(
                tmp_path / version,
                [
                    Layer.of("cpython", RUNTIME),
                    Layer.of("app-demo", {"layer": version.encode(), **torch, "rich.whl": b"rich"}),
                ],
                version,
                (f"beta-{version}",),
            )
        )
        for version in ("1.0", "2.0")
    )
    plans = [planned(publication, repository) for publication in (first, second)]
    assert set(plans[1].missing) == set(second.files)
    uploaded(first, repository, plans[0])
    store.requests.clear()
    result = uploaded(second, repository, plans[1])
    own, shared = second.layers[1].index.segments[0], second.layers[1].index.segments[1:]
    put = [key for verb, key in store.requests if verb == "put_if_absent" and "blobs" in key]
    # Of the runtime nothing, as its index came since; of the rest, what is small is not asked for.
    small = [own.files, shared[0].files, shared[1].blob, shared[1].files]
    assert sorted(put) == sorted(blob_key(blob.sha256) for blob in (own.blob, *small))
    asked = [key for verb, key in store.requests if verb == "size" and "blobs" in key]
    assert asked == [blob_key(shared[0].blob.sha256)]
    vain = sum(blob.size for blob in small)
    assert result.plan.new_size - result.sent_size == vain
    text = result_text(result)
    assert "  1 layer is there already\n" in text
    assert f"  {size_text(vain)} of it had come from another publish by then\n" in text
    assert not list(faults(tmp_path / "store"))


def test_an_index_that_was_there_vouches_for_nothing_that_is_gone(tmp_path: Path) -> None:
    """A blob that was missing though an index named it is sent, whatever comes since."""
    repository = Repository(FileStore(tmp_path / "store"))
    publication = small_release(tmp_path / "files")
    published(publication, repository)
    blob = publication.layers[1].index.segments[1].blob
    path = tmp_path / "store" / blob_key(blob.sha256)
    path.unlink()
    plan = planned(publication, repository, thorough=True)
    assert plan.missing == (blob.sha256,)
    result = uploaded(publication, repository, plan)
    assert result.sent_size == blob.size
    assert not list(faults(tmp_path / "store"))


def test_local_files_that_are_not_what_the_index_says(tmp_path: Path) -> None:
    publication = small_release(tmp_path / "files")
    repository = Repository(FileStore(tmp_path / "store"))
    blob = publication.layers[1].index.segments[1].blob.sha256
    publication.files[blob].write_bytes(b"longer")
    with pytest.raises(RepositoryError) as caught:
        published(publication, repository)
    path = tmp_path / "files" / blob
    assert str(caught.value).splitlines()[1] == (
        f"  * `rich.whl` of `app-demo`, sha256:{blob}: `{path}` has 6 bytes, not 4"
    )
    path.unlink()
    with pytest.raises(RepositoryError) as caught:
        published(publication, repository)
    assert str(caught.value).splitlines()[1] == (
        f"  * `rich.whl` of `app-demo`, sha256:{blob}: `{path}`: No such file or directory"
    )
    assert not [name for name in files_below(tmp_path / "store") if name.startswith("blobs")]


class Half:
    """The first half of a file; whoever wants more is killed."""

    def __init__(self, source: BinaryIO, size: int) -> None:
        self._source = source
        self._half = source.read(size // 2)

    def read(self, _size: int = -1) -> bytes:
        """Less than asked for."""
        piece, self._half = self._half, b""
        if not piece:
            os.kill(os.getpid(), signal.SIGKILL)
        return piece

    def __enter__(self) -> Half:  # noqa: PYI034 - `Self` is in `typing` from Python 3.11 on
        return self

    def __exit__(self, *_: object) -> None:
        self._source.close()


class HalfContent(Content):
    """Bytes of which the process reads a half before it is killed."""

    def open(self) -> BinaryIO:
        """The bytes from the beginning."""
        return cast("BinaryIO", Half(super().open(), self.reference.size))


class DyingStore(WrappedStore):
    """A folder whose process is killed at a request, or in the middle of what it writes."""

    def __init__(self, folder: Path, at: int, *, within: bool) -> None:
        super().__init__(FileStore(folder), self._count)
        self.concurrency = 1
        self.left = at
        self._within = within

    def _count(self, verb: str, _key: str) -> None:
        self.left -= verb == "put_if_absent" or not self._within
        if self.left == 0 and not self._within:
            os.kill(os.getpid(), signal.SIGKILL)

    def put_if_absent(self, key: str, content: Content, holds: Sequence[str] = ()) -> bool:
        """Store a half, if it is time."""
        self._before("put_if_absent", key)
        if self.left == 0 and self._within:
            content = HalfContent(content.reference, content.data, content.path)
        return self._store.put_if_absent(key, content, holds)


NOT_YET = 7


def killed(publication: Publication, folder: Path, at: int, *, within: bool) -> bool | None:
    """Publish in a process that is killed at a request; return whether it was.

    None: it has not so many requests.
    """

    def publish() -> None:
        store = DyingStore(folder, at, within=within)
        published(publication, Repository(store))
        sys.exit(NOT_YET if store.left <= 0 else 0)

    (code,) = in_processes(publish)
    assert code in (0, NOT_YET, -signal.SIGKILL)
    return None if code == 0 else code == -signal.SIGKILL


@pytest.mark.parametrize("within", [False, True])
@pytest.mark.parametrize("old", [None, "1.0"])
def test_a_kill_at_any_moment_leaves_the_old_stack(
    tmp_path: Path, old: str | None, *, within: bool
) -> None:
    publication = small_release(tmp_path / "2", "2.0")
    kills = 0
    for at in range(1, 200):
        folder = tmp_path / f"store{at}"
        if old is not None:
            published(small_release(tmp_path / "1", old), Repository(FileStore(folder)))
        was_killed = killed(publication, folder, at, within=within)
        if was_killed is None:
            break
        kills += was_killed
        assert not list(faults(folder))
        assert not [entry for entry in FileStore(folder).list("") if ".part-" in entry.key]
        record = channel(folder)
        # The record is the last thing that is written; only the lease is removed after it.
        assert (None if record is None else record["current"]["version"]) in {old, "2.0"}
        # The next one goes on, although the lease is still there.
        published(publication, Repository(FileStore(folder)))
        assert not list(faults(folder))
        record = channel(folder)
        assert record is not None
        assert record["current"]["version"] == "2.0"
        assert [known["version"] for known in record["history"]] == ([old] if old else [])
        assert not published(publication, Repository(FileStore(folder))).plan.changes
    # Everything that is written: the lease, `repository.json`, nine blobs, two indexes and the
    # manifest; or the lease, one blob, an index and the manifest. Other requests come on top.
    writes = 14 if old is None else 4
    assert kills == writes if within else kills > writes + 5


def test_two_publishers_of_one_channel_lose_nothing(tmp_path: Path) -> None:
    rounds = 20
    for name in "ab":
        for i in range(rounds):
            small_release(tmp_path / f"{name}{i}", f"{i}.{name}")

    def publisher(name: str) -> Callable[[], None]:
        def publish() -> None:
            for i in range(rounds):
                publication = small_release(tmp_path / f"{name}{i}", f"{i}.{name}")
                result = published(publication, Repository(FileStore(tmp_path / "store")))
                (change,) = result.channels
                assert change.changes
                with (tmp_path / f"overtaken.{name}").open("a") as log:
                    log.writelines(f"{version}\n" for version in change.overtaken)

        return publish

    assert in_processes(publisher("a"), publisher("b")) == [0, 0]
    record = channel(tmp_path / "store")
    assert record is not None
    known = [record["current"], *record["history"]]
    assert {one["version"] for one in known} == {f"{i}.{n}" for i in range(rounds) for n in "ab"}
    assert [one["sequence"] for one in known] == list(range(2 * rounds, 0, -1))
    assert record["version"] == 2 * rounds
    assert not list(faults(tmp_path / "store"))
    # Each says what came in between, and that is only of the other one.
    for name in "ab":
        log = tmp_path / f"overtaken.{name}"
        assert all(not line.endswith(f".{name}") for line in log.read_text().split())


def test_a_kill_between_two_channels(tmp_path: Path) -> None:
    seen = set()
    for at in range(1, 200):
        folder = tmp_path / f"store{at}"
        old = small_release(tmp_path / "1", "1.0", ("stable", "beta"))
        published(old, Repository(FileStore(folder)))
        publication = small_release(tmp_path / "2", "2.0", ("stable", "beta"))
        if killed(publication, folder, at, within=False) is None:
            break
        versions = tuple(
            known["current"]["version"]
            for name in ("stable", "beta")
            for known in [channel(folder, channel=name)]
            if known is not None
        )
        seen.add(versions)
        result = published(publication, Repository(FileStore(folder)))
        assert [change.before for change in result.channels] == list(versions)
        assert not published(publication, Repository(FileStore(folder))).plan.changes
        assert not list(faults(folder))
    assert seen == {("1.0", "1.0"), ("2.0", "1.0"), ("2.0", "2.0")}


def test_readers_see_whole_versions_at_any_moment(tmp_path: Path) -> None:
    versions = [str(i) for i in range(15)]
    for version in versions:
        small_release(tmp_path / version, version)
    published(small_release(tmp_path / "0", "0"), Repository(FileStore(tmp_path / "store")))

    def publish() -> None:
        for version in versions[1:]:
            published(
                small_release(tmp_path / version, version),
                Repository(FileStore(tmp_path / "store")),
            )

    def read() -> None:
        repository = Repository(FileStore(tmp_path / "store"))
        seen: list[str] = []
        while not seen or seen[-1] != versions[-1]:
            found = repository.record(ChannelKey("release", "stable", PLATFORM))
            assert found is not None
            current = found.record.current
            seen += [current.version] if current.version not in seen[-1:] else []
            stack = repository.manifest(found.record.stack_key, current.manifest)
            for key, layer in zip(stack.layer_keys, stack.layers):
                index = repository.index(key, layer.index)
                for segment in index.segments:
                    repository.listing(segment.files)
                    data = b"".join(repository.blob_pieces(segment.blob))
                    if (layer.layer_name, segment.source) == ("app-demo", "layer"):
                        assert data == f"demo {current.version}".encode()
        assert [int(version) for version in seen] == sorted(map(int, seen))

    assert in_processes(publish, read) == [0, 0]


def test_platforms_share_what_they_have_in_common(tmp_path: Path) -> None:
    wheel = {"pure.whl": b"for every platform" * 100}
    publications = [
        Publication.read(release(tmp_path / platform, [Layer.of("cpython", wheel, platform)]))
        for platform in (PLATFORM, "win_amd64")
    ]
    both = Publication(
        tuple(layer for one in publications for layer in one.layers),
        tuple(stack for one in publications for stack in one.stacks),
        {**publications[0].files, **publications[1].files},
    )
    store = CountingStore(FileStore(tmp_path / "store"))
    result = published(both, Repository(store))
    assert [layer.new_segments for layer in result.plan.layers] == [("pure.whl",), ()]
    assert result.sent_size == result.plan.new_size
    assert [(one.platform, one.change) for one in result.channels] == [
        (PLATFORM, "created"),
        ("win_amd64", "created"),
    ]
    assert not list(faults(tmp_path / "store"))
    store.requests.clear()
    published(both, Repository(store))
    assert len(store.requests) == 2


def test_two_publishers_of_one_version_send_it_once(tmp_path: Path) -> None:
    for i in range(10):
        store = tmp_path / f"store{i}"
        publication = small_release(tmp_path / "files", str(i))

        publish = functools.partial(published, publication, Repository(FileStore(store)))
        assert in_processes(publish, publish) == [0, 0]
        record = channel(store)
        assert record is not None
        assert (record["version"], record["history"]) == (1, [])
        assert not list(faults(store))


def test_one_version_of_two_publishers_has_one_content(tmp_path: Path) -> None:
    ours, theirs = small_release(tmp_path / "1"), small_release(tmp_path / "2", extra=b"!")
    repository = Repository(FileStore(tmp_path / "store"))
    plan = planned(ours, repository)
    published(theirs, repository)
    with pytest.raises(RepositoryError) as caught:
        uploaded(ours, repository, plan)
    assert str(caught.value).splitlines()[0] == (
        f"{repository.url}: `release` 1.0 for {PLATFORM} is there already, with other content."
    )
    assert not list(faults(tmp_path / "store"))

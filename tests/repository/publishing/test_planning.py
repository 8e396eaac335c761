from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.publications import (
    PLATFORM,
    RUNTIME,
    Layer,
    layers_alone,
    release,
    small_release,
)
from tests.support.wrapped_stores import CountingStore, WrappedStore
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.json_codec import from_json, to_json
from venvstacks_rules.model.publishing.plan import PublishPlan
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.repository import cli
from venvstacks_rules.repository.publishing.planning import planned
from venvstacks_rules.repository.publishing.publication import Publication
from venvstacks_rules.repository.publishing.upload import Settings, published, uploaded
from venvstacks_rules.repository.reading.repository import Repository
from venvstacks_rules.repository.stores.files import FileStore
from venvstacks_rules.repository.stores.store import StoreError


@pytest.fixture
def store(tmp_path: Path) -> CountingStore:
    return CountingStore(FileStore(tmp_path / "store"))


def alone(folder: Path, *layers: Layer) -> Publication:
    return Publication.read(layers_alone(folder, layers))


def test_an_empty_repository_lacks_everything(store: CountingStore, tmp_path: Path) -> None:
    publication = small_release(tmp_path / "files")
    plan = planned(publication, Repository(store))
    assert plan.changes
    assert [layer.new_segments for layer in plan.layers] == [
        ("interpreter", "layer"),
        ("layer", "rich.whl"),
    ]
    assert set(plan.missing) == set(publication.files)
    assert plan.layers[0].new_size == plan.layers[0].size
    # The document is that of the layer below.
    assert plan.layers[1].new_size == plan.layers[1].size - 26
    assert plan.shared_size == 26
    assert [(c.channel, c.change, c.before) for c in plan.channels] == [("stable", "created", None)]
    assert not any(verb in ("put_if_absent", "replace") for verb, _ in store.requests)
    assert not [key for verb, key in store.requests if key.startswith("blobs")]


def test_nothing_new_is_one_request_for_each_channel(store: CountingStore, tmp_path: Path) -> None:
    publication = small_release(tmp_path / "files", channels=("stable", "beta"))
    published(publication, Repository(store))
    store.requests.clear()
    result = published(publication, Repository(store))
    assert not result.plan.changes
    assert sorted(store.requests) == [
        ("get", f"channels/release/beta/{PLATFORM}.json"),
        ("get", f"channels/release/stable/{PLATFORM}.json"),
    ]


def test_a_known_layer_version_is_one_request(store: CountingStore, tmp_path: Path) -> None:
    publication = alone(tmp_path / "files", Layer.of("cpython", RUNTIME))
    published(publication, Repository(store))
    store.requests.clear()
    plan = planned(publication, Repository(store))
    assert not plan.changes
    assert plan.missing == ()
    assert store.requests == [("size", str(publication.layers[0].key))]


def test_the_index_of_another_version_answers_for_its_blobs(
    store: CountingStore, tmp_path: Path
) -> None:
    wheels = {f"w{i}.whl": f"wheel {i}".encode() for i in range(20)}
    published(alone(tmp_path / "a", Layer.of("framework-x", wheels)), Repository(store))
    store.requests.clear()
    publication = alone(
        tmp_path / "b", Layer.of("framework-x", {**wheels, "new.whl": b"something new"})
    )
    plan = planned(publication, Repository(store))
    assert plan.layers[0].new_segments == ("new.whl",)
    segment = publication.layers[0].index.segments[-1]
    assert set(plan.missing) == {segment.blob.sha256, segment.files.sha256}
    assert plan.layers[0].new_size == (
        segment.blob.size + segment.files.size + len(publication.layers[0].content)
    )
    asked = [key for verb, key in store.requests if verb == "size" and key.startswith("blobs")]
    assert len(asked) == 2


def test_the_versions_in_channels_answer_first(store: CountingStore, tmp_path: Path) -> None:
    published(small_release(tmp_path / "1"), Repository(store))
    store.requests.clear()
    plan = planned(small_release(tmp_path / "2", "2.0"), Repository(store))
    assert [layer.new_segments for layer in plan.layers] == [(), ("layer",)]
    assert [(c.change, c.before, c.newest) for c in plan.channels] == [("moved", "1.0", 1)]
    assert [verb for verb, _ in store.requests].count("list") == 0
    # The manifest of the version before answers for the layer that did not change.
    asked = [key for verb, key in store.requests if verb == "size" and key.startswith("layers")]
    assert len(asked) == 1
    assert asked[0].startswith("layers/app-demo")
    # The list of its files is the same.
    assert len([key for _, key in store.requests if key.startswith("blobs")]) == 1


def test_a_blob_of_another_layer_is_found_by_its_hash(store: CountingStore, tmp_path: Path) -> None:
    wheel = {"shared.whl": b"in two layers"}
    published(alone(tmp_path / "a", Layer.of("framework-a", wheel)), Repository(store))
    plan = planned(alone(tmp_path / "b", Layer.of("framework-b", wheel)), Repository(store))
    assert plan.missing == ()
    assert not plan.layers[0].known
    assert plan.layers[0].new_segments == ()
    assert plan.changes


def test_damaged_other_versions_only_cost_requests(tmp_path: Path) -> None:
    repository = Repository(FileStore(tmp_path / "store"))
    first = small_release(tmp_path / "1")
    published(first, repository)
    (tmp_path / "store" / str(first.layers[1].key)).write_bytes(b"{}")
    (tmp_path / "store" / str(first.stacks[0].stack.key)).write_bytes(b"{}")
    plan = planned(small_release(tmp_path / "2", "2.0"), repository)
    assert plan.layers[1].new_segments == ("layer",)


@pytest.mark.parametrize(
    "error", [StoreError("cannot list"), RepositoryError("a tag of others", [])]
)
def test_versions_that_cannot_be_listed_only_cost_requests(
    tmp_path: Path, error: Exception
) -> None:
    store = FileStore(tmp_path / "store")
    wheel = {"w.whl": b"a wheel"}
    published(alone(tmp_path / "a", Layer.of("framework-x", wheel)), Repository(store))

    def answer(verb: str, key: str) -> None:
        if verb == "list":
            raise error

    both = alone(tmp_path / "b", Layer.of("framework-x", {**wheel, "new.whl": b"new"}))
    plan = planned(both, Repository(WrappedStore(store, answer)))
    assert plan.layers[0].new_segments == ("new.whl",)


def test_a_version_has_one_content(tmp_path: Path) -> None:
    repository = Repository(FileStore(tmp_path / "store"))
    first, second = small_release(tmp_path / "1"), small_release(tmp_path / "2", extra=b"!")
    published(first, repository)
    expected = (
        f"{repository.url}: `release` 1.0 for {PLATFORM} is there already, with other content.\n"
        f"  * the manifest there is sha256:{first.stacks[0].reference.sha256}, the new one"
        f" sha256:{second.stacks[0].reference.sha256}\n"
        "  * A version never changes: raise the version, and publish again."
    )
    with pytest.raises(RepositoryError) as caught:
        planned(second, repository)
    assert str(caught.value) == expected
    # Also if no channel points there.
    with pytest.raises(RepositoryError) as caught:
        planned(small_release(tmp_path / "3", channels=(), extra=b"!"), repository)
    assert str(caught.value) == expected


def test_a_damaged_blob_is_said(tmp_path: Path) -> None:
    repository = Repository(FileStore(tmp_path / "store"))
    published(alone(tmp_path / "a", Layer.of("framework-a", {"w": b"wheel"})), repository)
    blob = Reference.of(b"wheel").sha256
    (tmp_path / "store/blobs/sha256" / blob[:2] / blob).write_bytes(b"whee")
    with pytest.raises(RepositoryError) as caught:
        planned(alone(tmp_path / "b", Layer.of("framework-b", {"w": b"wheel"})), repository)
    assert str(caught.value).splitlines()[:2] == [
        f"{repository.url}: `blobs/sha256/{blob[:2]}/{blob}` cannot be used.",
        "  * it has 4 bytes, not 5",
    ]


def test_a_thorough_plan_finds_blobs_that_are_gone(tmp_path: Path) -> None:
    repository = Repository(FileStore(tmp_path / "store"))
    publication = small_release(tmp_path / "files")
    published(publication, repository)
    blob = publication.layers[1].index.segments[0].blob
    path = tmp_path / "store/blobs/sha256" / blob.sha256[:2] / blob.sha256
    path.unlink()
    assert not planned(publication, repository).changes
    plan = planned(publication, repository, thorough=True)
    assert plan.missing == (blob.sha256,)
    assert plan.layers[1].known
    # The upload may be another process, which knows the plan only.
    result = uploaded(publication, repository, plan)
    assert result.sent_size == blob.size
    assert path.read_bytes() == b"demo 1.0"


def test_what_the_message_says_mends_everything(tmp_path: Path) -> None:
    """`verify --remove-damaged`, and a thorough publish; one without the other mends nothing."""
    repository = Repository(FileStore(tmp_path / "store"))
    publication = small_release(tmp_path / "files")
    published(publication, repository)
    whole = {
        path: path.read_bytes()
        for path in (tmp_path / "store").rglob("*")
        if path.is_file() and path.name != "repository.json" and "channels" not in path.parts
    }
    for i, (path, content) in enumerate(whole.items()):
        # Of the same size, shorter, or away.
        path.write_bytes([content.swapcase(), content[1:], content][i % 3])
        if i % 3 == 2:
            path.unlink()
    with pytest.raises(RepositoryError) as caught:
        repository.index(publication.layers[0].key)
    assert str(caught.value).endswith(
        "  * Run `venvstacks-repository verify --remove-damaged`, and then publish the version"
        " again with `--venvstacks-publish-thorough`."
    )
    command = ["verify", "--repository", repository.url, "--remove-damaged"]
    assert cli.main(command) == 1
    published(publication, repository, Settings(thorough=True))
    assert {path: path.read_bytes() for path in whole if path.exists()} == whole
    assert cli.main(command) == 0


def test_a_plan_is_json(tmp_path: Path) -> None:
    plan = planned(small_release(tmp_path / "files"), Repository(FileStore(tmp_path / "store")))
    assert from_json(PublishPlan, to_json(plan)) == plan
    assert json.loads(to_json(plan))["repository"] == (tmp_path / "store").as_uri()


def test_what_is_to_be_published_fits_together(tmp_path: Path) -> None:
    files = release(tmp_path, [Layer.of("cpython", RUNTIME), Layer.of("app-x", {"layer": b"x"})])
    with pytest.raises(RepositoryError) as caught:
        Publication.read(type(files)(files.indexes[:1], files.stacks, files.blobs))
    digest = Path(files.indexes[1]).stem
    assert str(caught.value) == (
        "This cannot be published.\n"
        f"  * `release` 1.0 for {PLATFORM}: the index of its layer `app-x` is not given,"
        f" sha256:{digest}"
    )
    with pytest.raises(RepositoryError) as caught:
        small_release(tmp_path, channels=("a/b",))
    assert str(caught.value).splitlines()[1].startswith("  * the channel `a/b` of `release`: it ")
    with pytest.raises(RepositoryError) as caught:
        Publication.read(type(files)(("absent.json",)), tmp_path)
    assert str(caught.value) == (
        f"`{tmp_path}/absent.json` cannot be read.\n  * No such file or directory"
    )

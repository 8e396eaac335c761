from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.small_repositories import FRAMEWORK, SmallRepository, packages
from tests.support.wrapped_stores import WrappedStore
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.repository.keys import blob_key
from venvstacks_rules.model.repository.records import MOST_RECORD_BYTES
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.repository.publishing.leases import publisher_lease
from venvstacks_rules.repository.reading.repository import Repository
from venvstacks_rules.repository.upkeep.details import details
from venvstacks_rules.repository.upkeep.mirroring import mirrored
from venvstacks_rules.repository.upkeep.overview import overview
from venvstacks_rules.repository.upkeep.pruning import planned_pruning
from venvstacks_rules.repository.upkeep.selection import StackVersion, find_version
from venvstacks_rules.repository.upkeep.verification import verification
from venvstacks_rules.repository.upkeep.wanted import all_wanted


def test_a_whole_repository(tmp_path: Path) -> None:
    made = SmallRepository(tmp_path)
    made.point(made.stack("1.0"))
    made.put_blob(b"of a publish that was killed")
    found = verification(made.reader)
    assert found.is_whole
    assert list(found.lines()) == [
        made.url,
        "1 channel, 1 manifest, 2 layer versions, 5 blobs with 301 B: all is well.",
        "1 blob with 28 B is named by nothing; `prune` removes what no publish needs.",
    ]


def test_what_is_missing_and_what_is_damaged(tmp_path: Path) -> None:
    made = SmallRepository(tmp_path)
    runtime = made.layer()
    framework = made.layer(FRAMEWORK, packages(numpy="1", rich="13"), kind="framework")
    stack = made.stack("1.0", [runtime, framework])
    made.point(stack)
    numpy, rich = framework.segments
    loose = made.put_blob(b"named by nothing")
    (tmp_path / blob_key(numpy.blob.sha256)).unlink()
    damaged = tmp_path / blob_key(rich.blob.sha256)
    damaged.write_bytes(damaged.read_bytes().upper())
    (tmp_path / blob_key(rich.files.sha256)).write_bytes(b"short")
    (tmp_path / blob_key(loose.sha256)).write_bytes(b"NAMED BY NOTHING")
    (runtime_key, framework_key) = map(str, stack.layer_keys)
    (tmp_path / runtime_key).write_bytes(b"{}")
    found = verification(made.reader)
    assert not found.is_whole
    assert {(defect.kind, defect.key, defect.needed_by) for defect in found.defects} == {
        ("damaged", runtime_key, str(stack.key)),
        ("missing", blob_key(numpy.blob.sha256), framework_key),
        ("damaged", blob_key(rich.blob.sha256), framework_key),
        ("damaged", blob_key(rich.files.sha256), framework_key),
        ("damaged", blob_key(loose.sha256), ""),
    }
    text = "\n".join(found.lines())
    assert f"  missing: {blob_key(numpy.blob.sha256)}\n    {framework_key} names it" in text
    assert f"it has 5 bytes, not {rich.files.size}" in text
    assert "6 blobs" in text
    assert text.splitlines()[-2].endswith("5 problems.")


def test_a_manifest_and_an_index_that_are_missing(tmp_path: Path) -> None:
    made = SmallRepository(tmp_path)
    stack = made.stack("1.0")
    made.point(stack)
    (tmp_path / str(stack.layer_keys[0])).unlink()
    found = verification(made.reader)
    assert [(d.kind, d.key, d.needed_by) for d in found.defects] == [
        ("missing", str(stack.layer_keys[0]), str(stack.key))
    ]
    (tmp_path / str(stack.key)).unlink()
    found = verification(made.reader)
    (defect,) = found.defects
    assert (defect.kind, defect.key) == ("unusable", "channels/release/stable/linux_x86_64.json")


@pytest.mark.parametrize("content", [b"short", b"{}", b" " * 3_000_000])
def test_a_damaged_manifest_is_one_problem(tmp_path: Path, content: bytes) -> None:
    made = SmallRepository(tmp_path)
    stack = made.stack("1.0")
    made.point(stack)
    (tmp_path / str(stack.key)).write_bytes(content)
    (defect,) = verification(made.reader).defects
    assert (defect.key, defect.kind, defect.needed_by) == (str(stack.key), "damaged", RECORD)


def test_a_repository_without_its_version(tmp_path: Path) -> None:
    made = SmallRepository(tmp_path)
    (tmp_path / "repository.json").unlink()
    (defect,) = verification(made.reader).defects
    assert (defect.kind, defect.key) == ("missing", "repository.json")


def test_damaged_files_are_removed_on_request(tmp_path: Path) -> None:
    made = SmallRepository(tmp_path)
    index = made.layer()
    key = blob_key(index.segments[0].blob.sha256)
    before = made.files()
    os.truncate(tmp_path / key, 3)
    (index_key,) = (str(key) for key in made.indexes)
    os.truncate(tmp_path / index_key, 3)
    assert not verification(made.reader).removed
    found = verification(made.reader, remove_damaged=True)
    # Without its index, nothing says that the blob is too short but its hash.
    assert found.removed == (index_key, key)
    assert set(made.files()) == set(before) - {index_key, key}
    assert list(found.lines())[-1] == (
        "Removed 2 damaged files. A publish with `--venvstacks-publish-thorough`, or `mirror` from"
        " a copy, brings back what is needed."
    )
    # They are stored again.
    made.layer()
    assert made.files() == before
    assert verification(made.reader).is_whole


RECORD = "channels/release/stable/linux_x86_64.json"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"\0\0\0", "it is not JSON: it begins with '\\x00\\x00\\x00'"),
        (b"", "it is empty"),
        (b'{"signatures": [], "sign', None),
        (b"null", "expected a table, got null"),
        (b'{"signatures": [], "signed": {}}', None),
        (b" " * (MOST_RECORD_BYTES + 1), f"`{RECORD}` has more than {MOST_RECORD_BYTES} bytes."),
    ],
)
def test_a_record_that_nobody_can_read(tmp_path: Path, content: bytes, problem: str | None) -> None:
    made, copy = SmallRepository(tmp_path / "store"), SmallRepository(tmp_path / "copy")
    made.point(made.stack("1.0"))
    with publisher_lease(copy.store) as held:
        mirrored(made.reader, copy.reader, held)
    before = made.files()
    (made.folder / RECORD).write_bytes(content)
    # Whatever it stops says what works.
    stopped: list[Callable[[], object]] = [
        lambda: overview(made.reader),
        lambda: planned_pruning(made.reader, 1, 0),
        lambda: all_wanted(made.reader),
        lambda: details(made.reader, version_of(made)),
    ]
    for call in stopped:
        with pytest.raises(RepositoryError) as e:
            call()
        assert str(e.value).startswith(f"{made.url}: `{RECORD}` ")
        assert e.value.problems[-1] == (
            "Run `venvstacks-repository verify --remove-damaged`, which removes a record that "
            "nobody can read, and then `venvstacks-repository mirror` from a copy. Without a copy, "
            "publish the version again, or `promote` it: who saw the old record waits for one with "
            "a higher number."
        )
    with publisher_lease(made.store) as held, pytest.raises(RepositoryError, match="mirror"):
        mirrored(copy.reader, made.reader, held)
    found = verification(made.reader, remove_damaged=True)
    (defect,) = found.defects
    assert (defect.key, defect.kind) == (RECORD, "damaged")
    assert problem is None or problem in defect.text
    assert found.removed == (RECORD,)
    assert list(found.lines())[-1] == (
        "1 channel lost the record. Only a copy has its number: who saw it waits for a higher one."
    )
    with publisher_lease(made.store) as held:
        mirrored(copy.reader, made.reader, held)
    assert {key: data for key, data in made.files().items() if not key.startswith("locks/")} == {
        key: data for key, data in before.items() if not key.startswith("locks/")
    }
    assert verification(made.reader).is_whole


def test_a_record_that_a_publish_wrote_meanwhile_stays(tmp_path: Path) -> None:
    made = SmallRepository(tmp_path)
    made.point(made.stack("1.0"))
    record = (tmp_path / RECORD).read_bytes()
    (tmp_path / RECORD).write_bytes(b"null")

    def publish(verb: str, prefix: str) -> None:
        if verb == "list" and prefix.startswith("blobs"):
            (tmp_path / RECORD).write_bytes(record)

    reader = Repository(WrappedStore(made.store, publish))
    found = verification(reader, remove_damaged=True)
    assert ([defect.key for defect in found.defects], found.removed) == ([RECORD], ())
    assert (tmp_path / RECORD).read_bytes() == record
    assert verification(made.reader).is_whole


def test_a_record_of_a_later_format_stays(tmp_path: Path) -> None:
    made = SmallRepository(tmp_path)
    made.point(made.stack("1.0"))
    later = b'{"signatures": [], "signed": {"spec_version": "2.0.0"}}'
    (tmp_path / RECORD).write_bytes(later)
    found = verification(made.reader, remove_damaged=True)
    assert [defect.kind for defect in found.defects] == ["unusable"]
    assert found.removed == ()
    assert (tmp_path / RECORD).read_bytes() == later


def version_of(made: SmallRepository) -> StackVersion:
    """The only version."""
    return find_version(made.reader, ["1.0"])


def test_what_a_prune_removes_meanwhile_is_not_missing(tmp_path: Path) -> None:
    made = SmallRepository(tmp_path)
    index = made.layer()
    (key,) = map(str, made.indexes)

    def prune(verb: str, prefix: str) -> None:
        if verb == "list" and prefix.startswith("blobs"):
            made.store.delete([key, *(blob_key(blob.sha256) for blob in index.blobs)])

    found = verification(Repository(WrappedStore(made.store, prune)))
    assert found.is_whole
    assert found.layers == 1


def test_two_indexes_do_not_agree_on_a_size(tmp_path: Path) -> None:
    import dataclasses

    made = SmallRepository(tmp_path)
    index = made.layer()
    blob = index.segments[0].blob
    segment = dataclasses.replace(index.segments[0], blob=Reference(blob.sha256, blob.size + 1))
    made.put_index(dataclasses.replace(index, segments=(segment,)))
    found = verification(made.reader)
    assert "for another index" in "\n".join(found.lines())
    assert not found.is_whole

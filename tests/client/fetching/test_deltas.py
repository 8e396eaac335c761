"""Deltas, and every way in which one may be of no use: the segment then comes, and that is said."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings

from tests.support.client_repository import APP, SITE, called, events
from tests.support.deltas import DATA, LIBRARY, NOTES, DeltaRepository, big_files, noise
from tests.support.hostile_json import changed
from venvstacks_rules.client.commands.updating import machine_platform
from venvstacks_rules.client.disk.operations import Disk
from venvstacks_rules.client.fetching import deltas, downloads
from venvstacks_rules.client.fetching.archive_store import ArchiveRepository, ArchiveStore
from venvstacks_rules.client.fetching.deltas import DeltaNews, with_deltas
from venvstacks_rules.client.fetching.known import known_layers
from venvstacks_rules.client.fetching.plan import Plan, planned, wanted_layers
from venvstacks_rules.client.installation.documents import Documents
from venvstacks_rules.client.installation.generations import Generations
from venvstacks_rules.client.installation.layout import opened_layout
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.repository.deltas import BaseRange, Delta
from venvstacks_rules.model.repository.keys import DeltaKey, StackKey, blob_key
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.repository.publishing import patching
from venvstacks_rules.repository.reading.repository import Repository
from venvstacks_rules.repository.stores.files import FileStore

SOURCE = "big-1.1-py3-none-any.whl"


@dataclass
class Case:
    """Version 1.0 is installed, 1.1 is there, and a delta."""

    folder: Path
    delta: Delta
    segment: Reference

    @property
    def store(self) -> Path:
        return self.folder / "repository"

    @property
    def apps(self) -> Path:
        return self.folder / "apps"

    def path(self, blob: Reference) -> Path:
        return self.store / blob_key(blob.sha256)

    def put(self, delta: Delta) -> None:
        (self.store / str(self.delta.key)).write_text(delta.to_json())

    def put_frames(self, data: bytes, delta: Delta | None = None) -> None:
        """Replace the blob, so that its hash is right."""
        blob = Reference.of(data)
        self.path(blob).parent.mkdir(parents=True, exist_ok=True)
        self.path(blob).write_bytes(data)
        self.put(replace(delta or self.delta, blob=blob))

    @property
    def installed(self) -> Path:
        """The layer of version 1.0."""
        return self.apps / "apps" / APP / "1" / "layers" / APP

    def update(self) -> list[dict[str, Any]]:
        """The events of an update, which has to succeed."""
        done = called("update", "--into", self.apps, "--json")
        assert done.returncode == 0, done
        found = events(done.stdout)
        assert called("verify", "--into", self.apps).stdout == f"{APP} (generation 2): verified.\n"
        new = self.installed.parents[2] / "2" / "layers" / APP
        for path, text in big_files("1.1").items():
            assert (new / path).read_text() == text
        assert not list((self.apps / "downloads").glob("*"))
        return found


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Case:
    folder = tmp_path_factory.mktemp("prepared")
    made = DeltaRepository(folder)
    made.publish("1.0")
    result = made.publish("1.1")
    (delta,) = made.deltas()
    assert [(each.source, each.size, each.problem) for each in result.deltas] == [
        (SOURCE, delta.blob.size, "")
    ]
    case = Case(folder, delta, made.big)
    install(case)
    return case


def install(case: Case) -> None:
    done = called(
        *("install", "--from", case.store.as_uri(), "--app", APP, "--name", "hello"),
        *("--into", case.apps, "--allow-unsigned", "--version", "1.0"),
    )
    assert done.returncode == 0, done


@pytest.fixture
def copied(prepared: Case, tmp_path: Path) -> Case:
    """The same elsewhere, to look at."""
    shutil.copytree(prepared.store, tmp_path / "repository")
    shutil.copytree(prepared.apps, tmp_path / "apps", symlinks=True)
    return replace(prepared, folder=tmp_path)


@pytest.fixture
def case(prepared: Case, tmp_path: Path) -> Case:
    """The same elsewhere, to work with."""
    shutil.copytree(prepared.store, tmp_path / "repository")
    made = replace(prepared, folder=tmp_path)
    install(made)
    return made


def of_kind(found: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [event for event in found if event["event"] == kind]


def test_a_delta_comes_in_place_of_the_segment(case: Case) -> None:
    # Nothing can be taken from it.
    case.path(case.segment).unlink()
    found = case.update()
    assert of_kind(found, "delta") == [
        {
            "event": "delta",
            "segment": SOURCE,
            "used": True,
            "bytes": case.delta.blob.size,
            "full_bytes": case.segment.size,
            "problem": None,
        }
    ]
    (plan,) = of_kind(found, "plan")
    own = plan["fetched_bytes"] - case.delta.blob.size
    assert (plan["fetched_segments"], plan["deltas"]) == (2, 1)
    assert 0 < own < 20_000
    assert case.delta.blob.size < 1000
    last = of_kind(found, "progress")[-1]
    assert last["bytes"] == last["total"] == plan["fetched_bytes"]


def test_a_repair_takes_deltas_as_well(case: Case) -> None:
    case.update()
    library = case.installed.parents[2] / "2" / "layers" / APP / LIBRARY
    # Not the file of version 1.0, which is another one.
    library.write_text("damaged")
    done = called("repair", "--into", case.apps, "--json")
    assert done.returncode == 0, done
    found = {event["event"]: event for event in events(done.stdout)}
    assert (found["plan"]["deltas"], found["plan"]["fetched_bytes"]) == (1, case.delta.blob.size)
    assert (found["delta"]["segment"], found["delta"]["used"]) == (SOURCE, True)
    assert library.read_text() == big_files("1.1")[LIBRARY]
    # What both versions have is one file: the delta is of no use, and that is said.
    (library.parent / "data.bin").write_text("damaged")
    done = called("repair", "--into", case.apps, "--json")
    found = {event["event"]: event for event in events(done.stdout)}
    assert found["plan"]["fetched_bytes"] == case.segment.size
    assert found["delta"]["problem"] == f"it lacks {DATA!r}, which is not here"
    assert called("verify", "--into", case.apps).returncode == 0


def test_what_people_read(case: Case) -> None:
    text = called("update", "--into", case.apps).stdout
    assert (
        f"{SOURCE}: made of the version that is here, with {case.delta.blob.size} B in place of "
        f"{case.segment.size / 1e6:.1f} MB.\n"
    ) in text


def test_without_a_delta_nothing_is_said(copied: Case) -> None:
    (copied.store / str(copied.delta.key)).unlink()
    plan, told = plan_of(copied)
    assert (plan.deltas, told) == (0, [])


def test_without_a_library_none_is_looked_for(
    copied: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deltas, "can_patch", lambda: False)
    plan, told = plan_of(copied)
    assert (plan.deltas, told) == (0, [])


def _no_document(case: Case) -> str:
    (case.store / str(case.delta.key)).write_bytes(b"{")
    return f"{case.store.as_uri()}: `{case.delta.key}` cannot be read. it is not JSON: Expecting"


def _another_version(case: Case) -> str:
    data = {**json.loads(case.delta.to_json()), "format_version": 2}
    (case.store / str(case.delta.key)).write_text(json.dumps(data))
    return "`format_version`: 2 is not 1; a newer client may read it"


def _a_huge_frame(case: Case) -> str:
    """A part is in memory as a whole: its frame as well."""
    size = 17 * 1024 * 1024
    parts = (replace(case.delta.parts[0], size=size),)
    case.put(replace(case.delta, parts=parts, blob=replace(case.delta.blob, size=size)))
    return f"`parts[0]`: it has {size} bytes; 16777216 are accepted"


def _another_segment(case: Case) -> str:
    case.put(replace(case.delta, old=Reference("f" * 64, 1)))
    return f"it is the delta `deltas/{case.segment.sha256}/{'f' * 32}.json`"


def _another_size(case: Case) -> str:
    case.put(replace(case.delta, new=replace(case.delta.new, size=5)))
    return "it is for a segment of another size"


def _too_large(case: Case) -> str:
    parts = (replace(case.delta.parts[0], size=case.segment.size),)
    blob = replace(case.delta.blob, size=case.segment.size)
    case.put(replace(case.delta, parts=parts, blob=blob))
    return f"it has {case.segment.size} bytes, the segment {case.segment.size}"


def _unpacks_to_more(case: Case) -> str:
    more = Reference("f" * 64, 1_000_000)
    (part,) = case.delta.parts
    part = replace(part, unpacked_size=part.unpacked_size + more.size)
    case.put(replace(case.delta, files=(*case.delta.files, more), parts=(part,)))
    return f"it unpacks to {part.unpacked_size} bytes, the segment to "


def _lacks_a_file(case: Case) -> str:
    file = case.delta.files[1]
    assert file.size > 1_400_000
    other = replace(file, sha256="f" * 64)
    case.put(replace(case.delta, files=(case.delta.files[0], other, *case.delta.files[2:])))
    return f"it lacks {LIBRARY!r}, which is not here"


def _no_such_base(case: Case) -> str:
    bases = [*case.delta.bases]
    bases[1] = replace(bases[1], sha256="f" * 64)
    case.put(replace(case.delta, bases=tuple(bases)))
    return f"a file that it starts from is not here: sha256:{'f' * 64}"


def _damaged_base(case: Case) -> str:
    path = case.installed / LIBRARY
    text = path.read_text()
    path.write_text(text.replace("library", "LIBRARY"))
    assert path.stat().st_size == len(text)
    return f"a file that it starts from is not here: sha256:{case.delta.bases[1].sha256}"


def _damaged_here(case: Case) -> str:
    """A file that did not change, which the delta does not have."""
    path = case.installed / DATA
    path.write_text(path.read_text().replace("0", "1"))
    return f"it lacks {DATA!r}, which is not here"


PLANNED = [
    *(_no_document, _another_version, _a_huge_frame, _another_segment, _another_size),
    _too_large,
    *(_unpacks_to_more, _lacks_a_file, _no_such_base, _damaged_base, _damaged_here),
]


def plan_of(case: Case) -> tuple[Plan, list[DeltaNews]]:
    """What an update would fetch, and what it tells."""
    layout = opened_layout(case.apps)
    documents = Documents(layout, Disk())
    reader = Repository(FileStore(case.store))
    found = reader.found_manifest(StackKey("hello", "1.1", machine_platform()))
    assert found is not None
    known = known_layers([Generations(layout, APP)], documents)
    plan = planned(wanted_layers(found.stack, APP, reader, documents), known)
    told: list[DeltaNews] = []
    return with_deltas(plan, known, reader, layout.downloads, told.append), told


def test_what_is_planned(copied: Case) -> None:
    plan, told = plan_of(copied)
    assert (plan.deltas, told) == (1, [])


def test_a_segment_of_which_little_is_missing(copied: Case) -> None:
    """An earlier run was interrupted; what it left is not fetched in another form."""
    left = copied.apps / "downloads" / copied.segment.sha256
    left.parent.mkdir(exist_ok=True)
    left.write_bytes(copied.path(copied.segment).read_bytes()[:-100])
    plan, told = plan_of(copied)
    assert (plan.deltas, told) == (0, [])
    left.write_bytes(b"some")
    plan, told = plan_of(copied)
    assert (plan.deltas, told) == (1, [])


@pytest.mark.parametrize("poison", PLANNED, ids=lambda poison: poison.__name__[1:])
def test_a_delta_that_is_not_even_fetched(copied: Case, poison: Callable[[Case], str]) -> None:
    problem = poison(copied)
    plan, (news,) = plan_of(copied)
    assert (news.segment, news.full_size) == (SOURCE, copied.segment.size)
    assert problem in news.problem
    assert plan.deltas == 0
    assert plan.fetched_size > copied.segment.size


def test_an_update_without_a_usable_delta(case: Case) -> None:
    problem = _damaged_base(case)
    # Whoever asks for it would fail.
    case.path(case.delta.blob).unlink()
    found = case.update()
    (news,) = of_kind(found, "delta")
    assert (news["used"], news["problem"]) == (False, problem)
    assert of_kind(found, "plan")[0]["fetched_bytes"] > case.segment.size


def test_documents_as_an_enemy_makes_them(prepared: Case) -> None:
    """What passes is no larger than the segment, and makes what is missing of what is here."""
    path = prepared.store / str(prepared.delta.key)

    @settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
    @given(changed(prepared.delta.to_json()))
    def judge(content: bytes) -> None:
        path.write_bytes(content)
        plan, told = plan_of(prepared)
        assert plan.deltas + len(told) == 1
        assert plan.fetched_size <= prepared.segment.size + 20_000

    try:
        judge()
    finally:
        path.write_text(prepared.delta.to_json())


def test_no_document_takes_the_place_of_a_segment(tmp_path: Path) -> None:
    """A list of strangers may name one as such."""
    store = ArchiveStore(FileStore(tmp_path), lambda: None)
    document = store.add_blob(b"[]\n")
    with pytest.raises(RepositoryError) as caught:
        list(ArchiveRepository(store).blob_pieces(document))
    key = blob_key(document.sha256)
    assert caught.value.summary == f"{store.url}: `{key}` is not there any more."


def test_folders_of_archives_have_none(tmp_path: Path) -> None:
    store = ArchiveStore(FileStore(tmp_path), lambda: None)
    assert ArchiveRepository(store).delta(DeltaKey("a" * 64, "b" * 32)) is None


def _missing_blob(case: Case) -> str:
    case.path(case.delta.blob).unlink()
    return blob_key(case.delta.blob.sha256)


def _damaged_blob(case: Case) -> str:
    path = case.path(case.delta.blob)
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    return f"`{blob_key(case.delta.blob.sha256)}` is damaged. it has {case.delta.blob.size} bytes"


def _no_frame(case: Case) -> str:
    case.put_frames(bytes(case.delta.blob.size))
    return "a part "


def _end_missing(case: Case) -> str:
    data = case.path(case.delta.blob).read_bytes()
    parts = (replace(case.delta.parts[0], size=len(data) - 20),)
    case.put_frames(data[:-20], replace(case.delta, parts=parts))
    return "a part cannot be unpacked: "


def _bomb(case: Case) -> str:
    """A frame that says that it unpacks to a terabyte."""
    header = b"\x28\xb5\x2f\xfd\xe0" + (1 << 40).to_bytes(8, "little")
    case.put_frames(header + bytes(case.delta.blob.size - len(header)))
    return f"a part says that it unpacks to {1 << 40} bytes, not {case.delta.unpacked_size}"


def _other_content(case: Case) -> str:
    """A frame as it should be, in which the last file is another one: the others are there then."""
    files = big_files("1.1")
    content = "".join(files[path] for path in sorted(files) if path != DATA)[:-2] + "?\n"
    assert len(content) == case.delta.unpacked_size
    data = zstandard.compress(content.encode())
    (part,) = case.delta.parts
    parts = (replace(part, size=len(data), dictionary=()),)
    case.put_frames(data, replace(case.delta, parts=parts))
    return f"{NOTES!r} is not what its list says"


def _no_dictionary(case: Case) -> str:
    (part,) = case.delta.parts
    case.put(replace(case.delta, parts=(replace(part, dictionary=()),)))
    return "a part cannot be unpacked: "


FETCHED = [
    *(_missing_blob, _damaged_blob, _no_frame, _end_missing, _bomb, _other_content),
    _no_dictionary,
]


@pytest.mark.parametrize("poison", FETCHED, ids=lambda poison: poison.__name__[1:])
def test_a_delta_that_was_fetched_in_vain(case: Case, poison: Callable[[Case], str]) -> None:
    problem = poison(case)
    found = case.update()
    assert of_kind(found, "plan")[0]["deltas"] == 1
    (news,) = of_kind(found, "delta")
    assert (news["used"], news["full_bytes"]) == (False, case.segment.size)
    assert problem in news["problem"]
    last = of_kind(found, "progress")[-1]
    assert last["bytes"] == last["total"] > case.segment.size


def test_people_are_told_of_a_delta_in_vain(case: Case) -> None:
    _no_such_base(case)
    text = called("update", "--into", case.apps).stdout
    assert (
        f"note: {SOURCE} is fetched as a whole, {case.segment.size / 1e6:.1f} MB: its delta cannot "
        f"be used: a file that it starts from is not here: sha256:{'f' * 64}\n"
    ) in text


def test_a_base_that_is_gone_when_it_is_read(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody removes it after it was looked at."""
    with_deltas = deltas._usable

    def usable(*arguments: Any) -> Any:
        found = with_deltas(*arguments)
        (case.installed / LIBRARY).unlink()
        return found

    monkeypatch.setattr(deltas, "_usable", usable)
    (news,) = of_kind(case.update(), "delta")
    assert not news["used"]
    assert "library.so` cannot be read: No such file or directory" in news["problem"]


def test_deltas_of_many_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The blob goes over the disk; files end within parts; two files are one content."""
    monkeypatch.setattr(patching, "PART", 300_000)
    monkeypatch.setattr(patching, "SLACK", 200_000)
    monkeypatch.setattr(downloads, "IN_MEMORY", 1000)
    made = DeltaRepository(tmp_path)
    other, new, moved = (f"{SITE}/big/{name}.so" for name in ("other", "new", "moved"))
    fresh = noise(500_000, "fresh")
    first = {**big_files("1"), other: noise(500_000, "other")}
    made.publish("1.0", first)
    apps = tmp_path / "apps"
    install = ("install", "--from", made.url, "--app", APP, "--name", "hello", "--into", apps)
    assert called(*install, "--allow-unsigned").returncode == 0
    second = {**big_files("2"), other: first[other][100_000:] + "end", new: fresh, moved: fresh}
    made.publish("1.1", second)
    (delta,) = made.deltas()
    assert len(delta.parts) == 8
    assert delta.blob.size > 400_000
    # Nothing can be taken from it.
    (made.folder / blob_key(made.big.sha256)).unlink()
    done = called("update", "--into", apps, "--json")
    assert done.returncode == 0, done
    (news,) = of_kind(events(done.stdout), "delta")
    assert news["used"]
    layer = apps / "apps" / APP / "2" / "layers" / APP
    for path, text in second.items():
        assert (layer / path).read_text() == text


def test_ranges_are_checked(copied: Case) -> None:
    (part,) = copied.delta.parts
    bad = replace(part, dictionary=(BaseRange(0, 5, 1 << 40), BaseRange(9, 0, 9)))
    copied.put(replace(copied.delta, parts=(bad,)))
    _, (news,) = plan_of(copied)
    assert "`parts[0]`: 5 to 1099511627776 is no range of a base" in news.problem

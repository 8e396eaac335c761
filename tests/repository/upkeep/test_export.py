"""The archives are those that `package` writes: the same segments joined by the same action."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest

from tests.support.layer_parts import LEVELS, TARGET, layer_parts
from tests.support.small_repositories import RUNTIME, SmallRepository
from venvstacks_rules.actions.commands import assemble_archive, index_layer
from venvstacks_rules.model.contents.compression import ARCHIVE_FORMATS
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.repository.indexes import LayerIndex
from venvstacks_rules.model.repository.keys import blob_key
from venvstacks_rules.model.requests.assemble import AssembleArchiveRequest
from venvstacks_rules.model.requests.index_layer import IndexLayerRequest
from venvstacks_rules.repository.upkeep.export import Export, exported
from venvstacks_rules.repository.upkeep.selection import find_version

PLATFORM = "linux_x86_64"


def publish(made: SmallRepository, folder: Path, archive_format: str, *, tagged: bool) -> None:
    """A runtime, and a framework of real segments that the actions made."""
    extension = ARCHIVE_FORMATS[archive_format].extension
    stem = f"{TARGET}-{PLATFORM}-1" if tagged else TARGET
    parts = layer_parts(folder / "parts", archive_format)
    parts["metadata"] = {**parts["metadata"], "runtime_layer": RUNTIME}
    request = IndexLayerRequest(
        **parts,
        kind="framework",
        archive_name=f"{stem}{extension}",
        documents=(),
        output=str(folder / "out"),
    )
    result = index_layer.run(to_json(request))
    for path in (folder / "out").iterdir():
        if path.name != "index.json":
            made.put_blob(path.read_bytes())
    for segment in result.segments:
        made.put_blob(Path(segment.path).read_bytes())
    framework = made.put_index(LayerIndex.from_json((folder / "out/index.json").read_bytes()))
    runtime = made.layer()
    if tagged:
        name = f"{RUNTIME}-{PLATFORM}-1.tar.zst"
        runtime = made.put_index(dataclasses.replace(runtime, archive_name=name))
    made.stack("1.0", [runtime, framework])


def assemble(folder: Path, archive_format: str, archive: Path) -> Path:
    """What `assemble-archive` makes of the same parts: the archive, and the index beside it."""
    parts = layer_parts(folder / "again", archive_format)
    parts["metadata"] = {**parts["metadata"], "runtime_layer": RUNTIME}
    segments = archive.parent / "segments.json"
    assemble_archive.run(
        to_json(AssembleArchiveRequest(**parts, archive=str(archive), segments_file=str(segments)))
    )
    return segments


def export(made: SmallRepository, folder: Path) -> Export:
    return exported(made.reader, find_version(made.reader, ["release@1.0"]), folder)


@pytest.mark.parametrize("archive_format", LEVELS)
@pytest.mark.parametrize("tagged", [False, True])
def test_archives_are_those_of_package(tmp_path: Path, archive_format: str, tagged: bool) -> None:
    made = SmallRepository(tmp_path / "store")
    publish(made, tmp_path, archive_format, tagged=tagged)
    done = export(made, tmp_path / "dist")
    folder = tmp_path / "dist" / PLATFORM
    tag = f"-{PLATFORM}" if tagged else ""
    stem = f"{TARGET}{tag}-1" if tagged else TARGET
    name = f"{stem}{ARCHIVE_FORMATS[archive_format].extension}"
    archive = tmp_path / "joined" / name
    segments = assemble(tmp_path, archive_format, archive)
    assert (folder / name).read_bytes() == archive.read_bytes()
    assert (folder / f"{stem}.segments.json").read_bytes() == segments.read_bytes()
    metadata = json.loads((folder / f"{stem}.json").read_text())
    assert metadata["archive_name"] == name
    assert metadata["archive_size"] == archive.stat().st_size
    assert metadata["archive_hashes"] == {"sha256": done.archives[1].sha256}
    assert metadata["archive_build"] == 1
    again = folder / f"__venvstacks__/env_metadata/{TARGET}{tag}.json"
    assert json.loads(again.read_text()) == metadata
    manifest = json.loads((folder / f"__venvstacks__/venvstacks{tag}.json").read_text())
    assert manifest["layers"]["frameworks"] == [metadata]
    assert [layer["layer_name"] for layer in manifest["layers"]["runtimes"]] == [RUNTIME]
    assert manifest["layers"]["applications"] == []
    runtime = f"{RUNTIME}{tag}-1" if tagged else RUNTIME
    assert {path.name for path in folder.rglob("*") if path.is_file()} == {
        *(name, f"{stem}.json", f"{stem}.segments.json"),
        *(f"{runtime}.tar.zst", f"{runtime}.json", f"{runtime}.segments.json"),
        *(f"venvstacks{tag}.json", f"{TARGET}{tag}.json", f"{RUNTIME}{tag}.json"),
    }
    assert list(done.lines())[-1].startswith("release@1.0: 2 archives with ")


def test_a_damaged_blob_leaves_no_archive(tmp_path: Path) -> None:
    made = SmallRepository(tmp_path / "store")
    publish(made, tmp_path, "tar.zst", tagged=False)
    (key, *_) = [key for key in made.files() if key.startswith("blobs/")]
    for path in (made.folder / "blobs").rglob("*"):
        if path.is_file() and path.stat().st_size < 100:
            path.write_bytes(path.read_bytes().swapcase())
    with pytest.raises(RepositoryError, match="is damaged") as caught:
        export(made, tmp_path / "dist")
    assert re.fullmatch(
        r"it is of the segment `.*` of `.*`, linux_x86_64", caught.value.problems[0]
    )
    assert key
    assert not [path for path in (tmp_path / "dist").rglob("*") if path.is_file()]


def test_blobs_that_are_not_there(tmp_path: Path) -> None:
    made = SmallRepository(tmp_path / "store")
    publish(made, tmp_path, "tar.zst", tagged=False)
    index = next(index for index in made.indexes.values() if index.layer_name == RUNTIME)
    segment = index.segments[-1]
    gone, short = blob_key(segment.blob.sha256), blob_key(segment.files.sha256)
    (made.folder / gone).unlink()
    (made.folder / short).write_bytes(b"short")
    with pytest.raises(RepositoryError) as caught:
        export(made, tmp_path / "dist")
    where = f"of the segment `{segment.source}` of `{RUNTIME}`, linux_x86_64"
    assert str(caught.value) == (
        f"{made.url}: `release@1.0` cannot be exported; nothing was written.\n"
        f"  * `{gone}`, {where}: it is missing\n"
        f"  * `{short}`, {where}: it has 5 bytes, not {segment.files.size}\n"
        "  * Run `venvstacks-repository verify --remove-damaged`, and then publish the version "
        "again with `--venvstacks-publish-thorough`."
    )
    assert not (tmp_path / "dist").exists()


def test_a_name_that_package_does_not_write(tmp_path: Path) -> None:
    made = SmallRepository(tmp_path / "store")
    runtime = dataclasses.replace(made.layer(), archive_name="other.tar.zst")
    made.stack("1.0", [made.put_index(runtime)])
    with pytest.raises(RepositoryError) as caught:
        export(made, tmp_path / "dist")
    assert str(caught.value) == (
        f"{made.url}: the archive of `{RUNTIME}` has a name that is not known.\n"
        "  * `other.tar.zst`; a newer release of venvstacks-rules may know it"
    )

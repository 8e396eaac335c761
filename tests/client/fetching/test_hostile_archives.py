"""Hostile folders of archives: no list, no archive and no manifest leads anywhere else."""

from __future__ import annotations

import copy
import hashlib
import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.client.fetching import test_hostile as hostile
from tests.support.client_repository import (
    APP,
    CONFIG,
    RUNTIME,
    SITE,
    Content,
    called,
    own_files,
    runtime_content,
)
from tests.support.packaged_stack import PackagedStack
from venvstacks_rules.client.exits import EXITS


class HostileArchives:
    """A small folder of archives, whose parts can be changed before the hashes are made."""

    def __init__(self, folder: Path, archive_format: str) -> None:
        self._made = PackagedStack(folder, archive_format)
        runtime, config = runtime_content("#!/bin/sh\n"), own_files((RUNTIME,), "hello")[CONFIG]
        # Without post-installation: it would run what is hostile.
        own = {path: text for path, text in runtime.files.items() if path == CONFIG}
        python = {path: text for path, text in runtime.files.items() if path.startswith("bin/")}
        data = Content("data.whl", {"data/x.txt": "x" * 3000}, {"bin/link": "../data"})
        layers = [
            self._made.layer(RUNTIME, (), [Content("interpreter", python)], own),
            self._made.layer(
                APP, (RUNTIME,), [data], {f"{SITE}/hello.py": "pass\n", CONFIG: config}
            ),
        ]
        self._made.write_manifest(layers)
        self._manifest = json.loads(self._made.manifest.read_text())
        self._indexes, self._blobs = [], []
        for name in (RUNTIME, APP):
            index = json.loads(self._made.beside(name).read_text())
            archive = self._made.beside(name, f".{archive_format}").read_bytes()
            places = [(one["offset"], one["offset"] + one["size"]) for one in index["segments"]]
            lists = [one["files"] for one in index["segments"]]
            self._indexes.append(index)
            self._blobs.append([(archive[a:b], files) for (a, b), files in zip(places, lists)])

    def write(self, folder: Path, dice: random.Random) -> str:
        """Write a folder with one to three changes; what was changed."""
        manifest, indexes = copy.deepcopy(self._manifest), copy.deepcopy(self._indexes)
        blobs = copy.deepcopy(self._blobs)
        changes = [dice.choice(hostile.CHANGES) for _ in range(dice.randint(1, 3))]
        late = []
        for change in changes:
            layer = dice.randrange(len(indexes))
            if change in (hostile.change_index, hostile.change_manifest):
                late.append((change, layer))
            else:
                segment = dice.randrange(len(blobs[layer]))
                blobs[layer][segment] = change(dice, *blobs[layer][segment])
        manifest_file = folder / self._made.manifest.relative_to(self._made.folder)
        manifest_file.parent.mkdir(parents=True)
        for number, index in enumerate(indexes):
            archive = b"".join(blob for blob, _ in blobs[number])
            content = _index_of(index, blobs[number], archive)
            if (hostile.change_index, number) in late:
                hostile.change_index(dice, index)
                content = hostile.as_json(index)
            kind = ("runtimes", "applications")[number]
            (entry,) = manifest["layers"][kind]
            entry["archive_size"] = len(archive)
            entry["archive_hashes"] = {"sha256": hashlib.sha256(archive).hexdigest()}
            name = self._made.beside(entry["install_target"]).name
            sha256 = hashlib.sha256(content).hexdigest()
            manifest["segment_indexes"][name] = f"sha256:{sha256}"
            (folder / entry["archive_name"]).write_bytes(archive)
            # Without it, the archive itself says what is in it.
            if dice.random() < 0.6:
                (folder / name).write_bytes(content)
        if any(change is hostile.change_manifest for change, _ in late):
            hostile.change_manifest(dice, manifest)
        data = hostile.as_json(manifest)
        manifest_file.write_bytes(hostile.flipped(dice, data) if dice.random() < 0.05 else data)
        return " ".join(change.__name__ for change in changes)


def _index_of(index: dict[str, Any], blobs: list[tuple[bytes, Any]], archive: bytes) -> bytes:
    offset = 0
    for segment, (blob, files) in zip(index["segments"], blobs):
        segment.update(offset=offset, size=len(blob), sha256=hashlib.sha256(blob).hexdigest())
        segment["files"] = [] if isinstance(files, bytes) else files
        offset += len(blob)
    index.update(archive_size=offset, archive_sha256=hashlib.sha256(archive).hexdigest())
    raw = next((files for _, files in blobs if isinstance(files, bytes)), None)
    return hostile.as_json(index) if raw is None else raw


@pytest.mark.parametrize("archive_format", ["tar.zst", "zip"])
@pytest.mark.parametrize(
    "count",
    [100, pytest.param(5_000, marks=[pytest.mark.slow, pytest.mark.timeout(7200)])],
)
def test_nothing_escapes(tmp_path: Path, count: int, archive_format: str) -> None:
    made = HostileArchives(tmp_path / "base", archive_format)
    codes: dict[int, int] = {}
    for number in range(count):
        dice = random.Random(number)
        place = tmp_path / str(number)
        changes = made.write(place / "repository", dice)
        pinned = dice.random() < 0.5
        manifest = place / "repository" / "__venvstacks__/venvstacks.json"
        pin = f"sha256:{hashlib.sha256(manifest.read_bytes()).hexdigest()}"
        outside = hostile.tree(place, "repository")
        before = hostile.tree(place / "repository", "")
        done = called(
            *("install", "--from", place / "repository", "--app", APP, "--into", place / "apps"),
            *(("--manifest", pin) if pinned else ("--allow-unsigned",)),
        )
        assert done.returncode in EXITS, (number, changes, done)
        codes[done.returncode] = codes.get(done.returncode, 0) + 1
        assert "Traceback" not in done.stderr, (number, changes, done.stderr)
        for text in (done.stderr, done.stdout):
            assert text.replace("\n", "").isprintable(), (number, changes, text)
        assert hostile.tree(place, "repository", "apps") == outside, (number, changes)
        assert hostile.tree(place / "repository", "") == before, (number, changes)
        hostile.inside(place / "apps", number)
        shutil.rmtree(place)
    # What nobody believes is refused; an archive counts where its list is missing.
    assert codes[4] > count / 3
    assert codes.get(0, 0) > 0

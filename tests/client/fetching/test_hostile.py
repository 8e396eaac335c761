"""Hostile repositories install nothing outside of their place, and cause no stack trace.

Each input is a repository whose hashes are right: whoever publishes it wants harm.
"""

from __future__ import annotations

import copy
import gzip
import io
import json
import lzma
import os
import random
import shutil
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

from tests.support.client_repository import (
    APP,
    CONFIG,
    RUNTIME,
    SITE,
    ClientRepository,
    Content,
    called,
    own_files,
    runtime_content,
)
from venvstacks_rules.client.exits import EXITS
from venvstacks_rules.model.repository.keys import ChannelKey, LayerKey, StackKey, blob_key
from venvstacks_rules.model.repository.records import ChannelRecord
from venvstacks_rules.model.repository.references import Reference

PATHS: list[Any] = [
    "../escaped", "../../escaped", "/tmp/escaped", "..", ".", "", "/", "a/../../../escaped",
    "./escaped", "lib//escaped", "lib/", "C:escaped", "C:/escaped", "..\\escaped", "a\\..\\..\\b",
    "nul\0byte", "line\nbreak", "\x1b[31mred", "bin/python/below", "bin/link/below", "bin", "lib",
    "BIN/PYTHON", "Lib/escaped", "e\u0301.py", "\u00e9.py", "\u202egnp.py", "\ud800.py", "\ufeff",
    "x" * 300, "/".join(["d"] * 200), "con", "aux.py", "a.", "a ", "a:b", "pyvenv.cfg", "*",
    "postinstall.py", ".venvstacks/lock", "~/escaped", "$HOME/escaped", "-rf", "../cpython/x",
    "bin/link", "share/venv/metadata/venvstacks_layer.json", 7, None, True, [], {}, 1.5,
]  # fmt: skip
TARGETS: list[Any] = [
    "../../../../../../escaped", "/etc/passwd", "..", "../..", "../../..", "../../../..", ".", "",
    "bin/../../../../escaped", "link", "../bin/link", "../../cpython/../../../escaped",
    "../../cpython/bin/../../../../x", "..\\..\\x", "C:/x", "nul\0", "\ud800", "x" * 5000,
    "../../" + "../" * 50, "../../other-layer/x", "../../app-hello", 7, None, [],
]  # fmt: skip
SIZES: list[Any] = [-1, 0, 1, 2**31, 2**63, 2**70, 10**30, "1", None, True, 1.5, [], float("inf")]
TEXTS: list[Any] = [*PATHS, "zip", "tar.gz", "tar.xz", "", "a" * 64, "A" * 64, "runtime", "windows"]


class Hostile:
    """A small repository in memory, whose parts can be changed before the hashes are made."""

    def __init__(self, folder: Path) -> None:
        made = ClientRepository(folder)
        self._platform = made.platform
        runtime, own = runtime_content("#!/bin/sh\n"), own_files((RUNTIME,), "hello")
        # Without post-installation: it would run what is hostile.
        files = {path: text for path, text in runtime.files.items() if path != "postinstall.py"}
        app = {f"{SITE}/hello.py": "pass\n", "data/x.txt": "x" * 3000, CONFIG: own[CONFIG]}
        layers = [
            made.layer(RUNTIME, "runtime", (), [Content("interpreter", files)]),
            made.layer(
                APP,
                "application",
                (RUNTIME,),
                [Content("layer", app, {"bin/link": "../data", "bin/python": "link"})],
            ),
        ]
        stack = made.release("1.0", layers)
        self._manifest = json.loads(stack.to_json())
        self._indexes = [json.loads(index.to_json()) for index in layers]
        self._blobs: list[list[tuple[bytes, Any]]] = []
        for index in layers:
            pairs = []
            for segment in index.segments:
                blob = (folder / blob_key(segment.blob.sha256)).read_bytes()
                listing = (folder / blob_key(segment.files.sha256)).read_bytes()
                pairs.append((blob, json.loads(listing)))
            self._blobs.append(pairs)

    def write(self, folder: Path, dice: random.Random) -> str:
        """Write a repository with one to three changes; what was changed."""
        repository = ClientRepository(folder)
        manifest, indexes = copy.deepcopy(self._manifest), copy.deepcopy(self._indexes)
        blobs = copy.deepcopy(self._blobs)
        changes = [dice.choice(CHANGES) for _ in range(dice.randint(1, 3))]
        late = []
        for change in changes:
            layer = dice.randrange(len(indexes))
            if change in (change_index, change_manifest):
                late.append((change, layer))
            else:
                segment = dice.randrange(len(blobs[layer]))
                blobs[layer][segment] = change(dice, *blobs[layer][segment])
        for number, index in enumerate(indexes):
            for segment, (blob, listing) in zip(index["segments"], blobs[number]):
                segment.update(repository.blob(blob).to_dict())
                data = listing if isinstance(listing, bytes) else as_json(listing)
                segment["files"] = repository.blob(data).to_dict()
            index["archive"]["size"] = sum(segment["size"] for segment in index["segments"])
            if (change_index, number) in late:
                change_index(dice, index)
            data = as_json(index)
            name = manifest["layers"][number]["layer_name"]
            manifest["layers"][number]["index"] = Reference.of(data).to_dict()
            key = LayerKey(name, self._platform, Reference.of(data).sha256)
            repository.put(str(key), data)
        if any(change is change_manifest for change, _ in late):
            change_manifest(dice, manifest)
        data = as_json(manifest)
        if dice.random() < 0.05:
            data = flipped(dice, data)
        repository.put(str(StackKey("hello", "1.0", self._platform)), data)
        channel = ChannelKey("hello", "stable", self._platform)
        record = ChannelRecord.first(channel, "1.0", Reference.of(data)).to_json().encode()
        repository.put(str(channel), flipped(dice, record) if dice.random() < 0.05 else record)
        return " ".join(change.__name__ for change in changes)


def as_json(value: object) -> bytes:
    return json.dumps(value).encode("utf-8", "surrogatepass")


def flipped(dice: random.Random, data: bytes) -> bytes:
    """Some bytes changed, cut or doubled."""
    changed = bytearray(data)
    for _ in range(dice.randint(1, 4)):
        if changed:
            changed[dice.randrange(len(changed))] = dice.randrange(256)
    if dice.random() < 0.3:
        del changed[dice.randrange(len(changed) + 1) :]
    return bytes(changed) + (data if dice.random() < 0.1 else b"")


def _list(dice: random.Random, blob: bytes, listing: Any) -> tuple[bytes, Any]:
    """Another entry in the list of files."""
    if not isinstance(listing, list) or not listing:
        return blob, listing
    entry = dice.choice(listing)
    kind = dice.randrange(6) if isinstance(entry, dict) else 5
    if kind == 0:
        entry["path"] = dice.choice(PATHS)
    elif kind == 1:
        listing.append({"path": dice.choice(PATHS), "link_target": dice.choice(TARGETS)})
    elif kind == 2:
        entry["size"] = dice.choice(SIZES)
    elif kind == 3:
        entry[dice.choice(["sha256", "executable", "link_target", "path"])] = dice.choice(TEXTS)
    elif kind == 4:
        # A link, and a file that would be written through it.
        name = dice.choice(["bin/link", "data", "share"])
        listing.append({"path": name, "link_target": dice.choice(["../../..", "..", "data"])})
        listing.append({**entry, "path": f"{name}/escaped"})
    else:
        listing.insert(0, dice.choice([{}, None, [], "x", copy.copy(entry)]))
    return blob, listing


def _raw_list(dice: random.Random, blob: bytes, listing: Any) -> tuple[bytes, Any]:
    """A list that is no list of files."""
    if isinstance(listing, bytes):
        return blob, listing
    deep = b"[" * 20000 + b"]" * 20000
    other = [b"", b"null", b"{}", b"[[]]", deep, b"\xff\xfe", flipped(dice, as_json(listing))]
    return blob, dice.choice(other)


def _segment(dice: random.Random, blob: bytes, listing: Any) -> tuple[bytes, Any]:
    """Other compressed bytes."""
    zeros = bytes(30_000_000)
    makers: list[Callable[[], bytes]] = [
        lambda: flipped(dice, blob),
        lambda: b"",
        lambda: zstandard.ZstdCompressor(1).compress(zeros),
        lambda: lzma.compress(zeros[:1_000_000]),
        lambda: gzip.compress(zeros[:1_000_000]),
        lambda: zlib.compress(blob),
        lambda: blob + blob,
        lambda: os.urandom(500),
        lambda: b"PK\3\4" + bytes(40),
        # A frame that asks for a window of 2 GB.
        lambda: b"\x28\xb5\x2f\xfd\x00\xa8" + bytes(60),
    ]
    return dice.choice(makers)(), listing


def _tar(dice: random.Random, blob: bytes, listing: Any) -> tuple[bytes, Any]:
    """A tar stream with hostile members; the list may even ask for them."""
    del blob
    stream = io.BytesIO()
    kinds = [tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE,
             tarfile.CHRTYPE, tarfile.CONTTYPE, tarfile.GNUTYPE_SPARSE]  # fmt: skip
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for _ in range(dice.randint(1, 4)):
            path, target = dice.choice(PATHS), dice.choice(TARGETS)
            top = dice.choice([f"{APP}/", f"{RUNTIME}/", "", "../", "/"])
            info = tarfile.TarInfo(f"{top}{_name(path)}")
            info.type = dice.choice(kinds)
            info.linkname = _name(target)
            content = b"escaped" if info.isreg() else b""
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
            if dice.random() < 0.5 and isinstance(listing, list):
                listing.append({"path": path, "size": 7, "sha256": Reference.of(b"escaped").sha256})
    return zstandard.ZstdCompressor(1).compress(stream.getvalue()), listing


def _name(value: object) -> str:
    """What `tarfile` writes: neither of the two can be in a header."""
    return str(value).replace("\0", "").replace("\ud800", "\udc80")


def _table(dice: random.Random, table: Any) -> None:
    """Another value somewhere in a document."""
    while isinstance(table, (dict, list)) and table:
        keys = list(table) if isinstance(table, dict) else list(range(len(table)))
        key = dice.choice(keys)
        if isinstance(table[key], (dict, list)) and table[key] and dice.random() < 0.8:
            table = table[key]
            continue
        if dice.random() < 0.2:
            del table[key]
        else:
            table[key] = dice.choice([*TEXTS, *SIZES, *TARGETS])
        return


def change_index(dice: random.Random, index: Any) -> None:
    _table(dice, index)


def change_manifest(dice: random.Random, manifest: Any) -> None:
    _table(dice, manifest)


CHANGES: list[Callable[..., Any]] = [
    *(_list, _list, _list, _raw_list, _segment, _tar, _tar, change_index, change_manifest)
]


@pytest.mark.parametrize(
    "count",
    [150, pytest.param(10_000, marks=[pytest.mark.slow, pytest.mark.timeout(7200)])],
)
def test_nothing_escapes(tmp_path: Path, count: int) -> None:
    hostile = Hostile(tmp_path / "base")
    codes: dict[int, int] = {}
    for number in range(count):
        dice = random.Random(number)
        place = tmp_path / str(number)
        changes = hostile.write(place / "repository", dice)
        outside = tree(place, "repository")
        before = tree(place / "repository", "")
        done = called(
            *("install", "--from", (place / "repository").as_uri(), "--app", APP),
            *("--name", "hello", "--allow-unsigned", "--into", place / "apps"),
        )
        assert done.returncode in EXITS, (number, changes, done)
        codes[done.returncode] = codes.get(done.returncode, 0) + 1
        assert "Traceback" not in done.stderr, (number, changes, done.stderr)
        # Whatever it is, a terminal can print it.
        assert done.stderr.replace("\n", "").isprintable(), (number, changes, done.stderr)
        assert tree(place, "repository", "apps") == outside, (number, changes)
        assert tree(place / "repository", "") == before, (number, changes)
        inside(place / "apps", number)
        shutil.rmtree(place)
    # Most are refused; what does not matter installs.
    assert codes[4] > count / 2
    assert codes.get(0, 0) > 0


def tree(folder: Path, *without: str) -> dict[str, bytes]:
    """All files below a folder, but not those in some of its folders."""
    found = {}
    for here, folders, names in os.walk(folder):
        if Path(here) == folder:
            folders[:] = [name for name in folders if name not in without]
        for name in names:
            found[f"{here}/{name}"] = Path(here, name).read_bytes()
    return found


def inside(folder: Path, number: int) -> None:
    """Nothing is left over, and no link leads out of the layers of its generation."""
    assert not list((folder / "staging").glob("*")), number
    layers = folder / "apps" / APP / "1/layers"
    for here, folders, names in os.walk(layers):
        for name in (*folders, *names):
            real = os.path.realpath(f"{here}/{name}")
            assert f"{real}/".startswith(f"{os.path.realpath(layers)}/"), (number, here, name)
    top = {path.name for path in folder.glob("*")} | {"lock"}
    known = {"apps", "documents", "downloads", "staging", "lock", "venvstacks-deploy.json"}
    assert top <= known, number

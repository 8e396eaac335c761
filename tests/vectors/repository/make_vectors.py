"""Makes the test vector of the format of repositories, in the folder `store` beside this file.

Run it only for a new version of the format: what is there is a contract.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from venvstacks_rules.model.contents.files import ArchivedFile
from venvstacks_rules.model.repository.formats import repository_json
from venvstacks_rules.model.repository.indexes import LayerIndex, PublishedSegment, listing_bytes
from venvstacks_rules.model.repository.keys import ChannelKey, LayerKey, blob_key
from venvstacks_rules.model.repository.manifests import PublishedStack, StackLayer
from venvstacks_rules.model.repository.records import ChannelRecord
from venvstacks_rules.model.repository.references import Reference

STORE = Path(__file__).with_name("store")
PLATFORM = "linux_x86_64"
File = tuple[str, bytes, bool]


def put(key: str, data: bytes) -> Reference:
    """Write a file of the repository."""
    path = STORE / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return Reference.of(data)


def put_blob(data: bytes) -> Reference:
    """Write a blob."""
    return put(blob_key(hashlib.sha256(data).hexdigest()), data)


def segment(
    source: str, folder: str, files: Sequence[File], links: dict[str, str], *, last: bool
) -> PublishedSegment:
    """A segment of a layer, as `tarfile` and `gzip` write it."""
    raw, listed = io.BytesIO(), []
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path, content, executable in files:
            info = tarfile.TarInfo(f"{folder}/{path}")
            info.mtime, info.size = 315619200, len(content)
            info.mode = 0o755 if executable else 0o644
            tar.addfile(info, io.BytesIO(content))
            sha256 = hashlib.sha256(content).hexdigest()
            listed.append(ArchivedFile(path, len(content), sha256, executable))
        for path, target in links.items():
            info = tarfile.TarInfo(f"{folder}/{path}")
            info.mtime, info.mode, info.type, info.linkname = 315619200, 0o777, b"2", target
            tar.addfile(info)
            listed.append(ArchivedFile(path, 0, "", link_target=target))
        size = tar.offset
    data = raw.getvalue()[:size] + bytes(1024 if last else 0)
    return PublishedSegment(
        source,
        put_blob(gzip.compress(data, 9, mtime=0)),
        put_blob(listing_bytes(listed)),
        sum(file.size for file in listed),
        len(data),
    )


def layer(
    kind: str, name: str, more: dict[str, Any], segments: Sequence[PublishedSegment]
) -> StackLayer:
    """A layer version."""
    metadata = {
        "layer_name": name,
        "install_target": name,
        "runtime_layer": "cpython-3.11",
        "target_platform": PLATFORM,
        "python_implementation": "cpython@3.11.13",
        **more,
    }
    documents = {"sbom": put_blob(b'{"bomFormat":"CycloneDX"}\n')}
    index = LayerIndex(kind, metadata, f"{name}.tar.gz", "tar.gz", 9, tuple(segments), documents)
    content = index.to_json().encode()
    put(str(LayerKey(name, PLATFORM, hashlib.sha256(content).hexdigest())), content)
    return StackLayer.of(index)


def main() -> None:
    """Write everything."""
    own = [("postinstall.py", b"print('Hello')\n", False)]
    python = [("bin/python3.11", b"#!/bin/sh\nexit 0\n", True)]
    code = [("lib/python3.11/site-packages/demo.py", "name = 'déjà vu'\n".encode(), False)]
    runtime = layer(
        "runtime",
        "cpython-3.11",
        {},
        [
            segment(
                "interpreter", "cpython-3.11", python, {"bin/python3": "python3.11"}, last=False
            ),
            segment("layer", "cpython-3.11", own, {}, last=True),
        ],
    )
    application = layer(
        "application",
        "app-hello",
        {"required_layers": []},
        [
            segment("demo-1.0-py3-none-any.whl", "app-hello", code, {}, last=False),
            segment("layer", "app-hello", own, {}, last=True),
        ],
    )
    manifests = {}
    for version, notes in (("1.0", ""), ("1.1", "The second one.")):
        stack = PublishedStack("app-hello", version, PLATFORM, (runtime, application), notes)
        manifests[version] = put(str(stack.key), stack.to_json().encode())
    for channel in ("stable", "careful"):
        key = ChannelKey("app-hello", channel, PLATFORM)
        record = ChannelRecord.first(key, "1.0", manifests["1.0"]).moved("1.1", manifests["1.1"])
        if channel == "careful":
            record = record.rolled_back("1.0")
        put(str(key), record.to_json().encode())
    put("repository.json", repository_json().encode())
    sums = {
        path.relative_to(STORE).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in STORE.rglob("*")
        if path.is_file()
    }
    lines = [f"{sums[key]}  {key}\n" for key in sorted(sums)]
    STORE.with_name("SHA256SUMS").write_text("".join(lines))


if __name__ == "__main__":
    main()

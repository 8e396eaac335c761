"""Reads what ``package`` wrote, by the description of the formats and not by our own code."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import tarfile
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli
import zstandard

from tests.support.build_root import REPOSITORY


@dataclass(frozen=True)
class Entry:
    """An entry of a layer archive."""

    info: tarfile.TarInfo
    content: bytes


@dataclass(frozen=True)
class PublishedLayer:
    """The three files of a layer in a folder of ``dist``."""

    folder: Path
    install_target: str

    @property
    def archive(self) -> Path:
        return self.folder / f"{self.install_target}.tar.zst"

    @property
    def metadata(self) -> dict[str, Any]:
        data: dict[str, Any] = json.loads((self.folder / f"{self.install_target}.json").read_text())
        return data

    @property
    def index(self) -> dict[str, Any]:
        path = self.folder / f"{self.install_target}.segments.json"
        data: dict[str, Any] = json.loads(path.read_text())
        return data

    def segments(self) -> Iterator[tuple[dict[str, Any], bytes]]:
        """Each segment of the index with its bytes."""
        with self.archive.open("rb") as file:
            for segment in self.index["segments"]:
                file.seek(segment["offset"])
                yield segment, file.read(segment["size"])

    def entries(self) -> dict[str, Entry]:
        """All entries, by their path in the archive; each is there once."""
        found: dict[str, Entry] = {}
        with self.archive.open("rb") as raw:
            stream = zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True)
            with tarfile.open(fileobj=stream, mode="r|") as tar:
                for entry in read_tar(tar):
                    assert entry.info.name not in found
                    found[entry.info.name] = entry
        return found


def read_tar(tar: tarfile.TarFile) -> Iterator[Entry]:
    """The entries of a tar file with their contents."""
    for info in tar:
        file = tar.extractfile(info) if info.isfile() else None
        yield Entry(info, file.read() if file is not None else b"")


def segment_entries(segment: bytes) -> tuple[int, list[Entry]]:
    """A zstd segment on its own: the size of its tar stream, and its entries."""
    reader = zstandard.ZstdDecompressor().stream_reader(segment, read_across_frames=True)
    data = reader.read()
    with tarfile.open(fileobj=io.BytesIO(data + bytes(1024)), mode="r:") as tar:
        return len(data), list(read_tar(tar))


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def hash_of_strings(*strings: str) -> str:
    return sha256("".join(strings).encode())


def requirements_hash(pylock: Path) -> str:
    """Over the packages of a lockfile and their wheels."""
    lines = []
    for package in tomli.loads(pylock.read_text())["packages"]:
        line = f"{package['name']}=={package['version']}"
        marker = re.sub(
            r"(\((.*)\) and )?sys_platform == 'from_lower_layer'$",
            lambda match: match[2] or "",
            package.get("marker", ""),
        )
        line += f" ; {marker}" if marker else ""
        lines.append(f"{line} from {package.get('index', 'unspecified index')}")
        for wheel in package.get("wheels", []):
            name = wheel.get("name") or wheel["url"].rsplit("/", 1)[1]
            lines += [f"{name}:{kind}:{value}" for kind, value in wheel["hashes"].items()]
    return f"sha256:{hash_of_strings(*sorted(lines))}"


def module_hash(path: Path) -> str:
    """Of a launch module, a file or a directory."""
    if path.is_file():
        return f"sha256:{hash_of_strings(path.name, f'sha256:{sha256(path.read_bytes())}')}"
    parts = []
    for folder, names, files in os.walk(path):
        names[:] = sorted(set(names) - {"__pycache__"})
        parts.append(Path(folder).name)
        for name in sorted(files):
            parts += [name, f"sha256:{sha256(Path(folder, name).read_bytes())}"]
    return f"sha256/{hash_of_strings(*parts)}"


def record_rows(record: bytes) -> dict[str, tuple[str, str]]:
    """RECORD: path -> (hash, size), each path once."""
    rows = list(csv.reader(io.StringIO(record.decode())))
    found = {path: (digest, size) for path, digest, size in rows}
    assert len(found) == len(rows)
    return found


def record_hash(content: bytes) -> str:
    digest = hashlib.sha256(content).digest()
    return f"sha256={urlsafe_b64encode(digest).decode().rstrip('=')}"


def deploy(layers: Sequence[PublishedLayer], destination: Path, scratch: Path) -> dict[str, Any]:
    """Run ``deploy-layers`` as a program of its own; the result's JSON."""
    request = {
        "archives": [
            {
                "archive": str(layer.archive),
                "install_target": layer.install_target,
                "sha256": layer.metadata["archive_hashes"]["sha256"],
                "size": layer.metadata["archive_size"],
            }
            for layer in layers
        ],
        "destination": str(destination),
    }
    file = scratch / "r.json"
    file.write_text(json.dumps(request))
    done = subprocess.run(
        [sys.executable, "-m", "venvstacks_rules.actions", "deploy-layers", "--request", file.name],
        cwd=scratch,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "src" / "python")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def run_deployed(deployed: Path, application: str, *arguments: str) -> str:
    """Start an application as a launcher would: what it needs stands in its configuration."""
    layer = deployed / application
    config = json.loads((layer / "share/venv/metadata/venvstacks_layer.json").read_text())
    done = subprocess.run(
        [str(layer / config["python"]), "-m", config["launch_module"], *arguments],
        cwd="/",
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout

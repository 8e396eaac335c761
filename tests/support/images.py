"""Images in OCI layout, made by hand with ``tarfile`` and ``json``."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

OCI = "application/vnd.oci.image"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
"""Of images, by what a machine says of itself."""


class Layout:
    """A folder in OCI layout."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.blobs = folder / "blobs/sha256"
        self.blobs.mkdir(parents=True)
        (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')

    def add(self, content: bytes, media_type: str) -> dict[str, Any]:
        """Add a blob; returns its descriptor."""
        sha256 = hashlib.sha256(content).hexdigest()
        (self.blobs / sha256).write_bytes(content)
        return {"mediaType": media_type, "digest": f"sha256:{sha256}", "size": len(content)}

    def add_json(self, data: object, media_type: str) -> dict[str, Any]:
        """Add a document."""
        return self.add(json.dumps(data).encode(), media_type)

    def add_image(
        self,
        files: Mapping[str, bytes],
        architecture: str = "amd64",
        config: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Add an image with one layer of `files`; returns the descriptor of its manifest."""
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as tar:
            for name, content in files.items():
                info = tarfile.TarInfo(name)
                info.size, info.mode = len(content), 0o755
                tar.addfile(info, io.BytesIO(content))
        diff_id = f"sha256:{hashlib.sha256(stream.getvalue()).hexdigest()}"
        layer = self.add(gzip.compress(stream.getvalue(), 1, mtime=0), f"{OCI}.layer.v1.tar+gzip")
        described = self.add_json(
            {
                "os": "linux",
                "architecture": architecture,
                "config": config or {},
                "rootfs": {"type": "layers", "diff_ids": [diff_id]},
                "history": [{"created_by": "by hand"}],
            },
            f"{OCI}.config.v1+json",
        )
        return self.add_json(
            {
                "schemaVersion": 2,
                "mediaType": f"{OCI}.manifest.v1+json",
                "config": described,
                "layers": [layer],
            },
            f"{OCI}.manifest.v1+json",
        )

    def add_index(self, **manifests: Mapping[str, Any]) -> dict[str, Any]:
        """Add an index of manifests by their architecture; returns its descriptor."""
        listed = [
            {**found, "platform": {"os": "linux", "architecture": name}}
            for name, found in manifests.items()
        ]
        data = {"schemaVersion": 2, "mediaType": f"{OCI}.index.v1+json", "manifests": listed}
        return self.add_json(data, f"{OCI}.index.v1+json")

    def name(self, descriptor: Mapping[str, Any]) -> None:
        """Write `index.json`, with one image."""
        data = {"schemaVersion": 2, "manifests": [descriptor]}
        (self.folder / "index.json").write_text(json.dumps(data))

    def read(self, digest: str) -> Any:
        """A document, by ``sha256:<hex>``."""
        return json.loads((self.blobs / digest.partition(":")[2]).read_bytes())


def machine_files() -> dict[str, bytes]:
    """This machine's loader and C library, and what an interpreter may need beside it, by path.

    Enough for a base, and all of one that is small.
    """
    said = subprocess.run(["ldd", sys.executable], stdout=subprocess.PIPE, text=True, check=True)
    paths = {Path(path) for path in re.findall(r"(/\S+) \(0x", said.stdout)}
    (libc,) = (path for path in paths if path.name == "libc.so.6")
    names = ("libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libutil.so.1")
    paths |= {path for path in map(libc.with_name, (*names, "libz.so.1")) if path.exists()}
    return {str(path).lstrip("/"): path.read_bytes() for path in sorted(paths)}


def start_image(rootfs: Path, config: Mapping[str, Any], *arguments: str) -> str:
    """What an image writes that was unpacked into `rootfs`, started as its `config` says.

    It sees nothing of this machine, and cannot write.
    """
    settings = [
        part
        for variable in config.get("Env") or ()
        for part in ("--setenv", *variable.partition("=")[::2])
    ]
    program = [*config["Entrypoint"], *(arguments or config.get("Cmd") or ())]
    (rootfs / "proc").mkdir(exist_ok=True)
    bwrap = ["bwrap", "--unshare-all", "--ro-bind", str(rootfs), "/", "--proc", "/proc"]
    place = ["--chdir", config.get("WorkingDir") or "/", "--clearenv", *settings]
    return subprocess.run(
        [*bwrap, *place, "--", *program], stdout=subprocess.PIPE, text=True, check=True
    ).stdout

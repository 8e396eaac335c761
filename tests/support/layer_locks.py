"""Locks layers with the real ``uv``, against a package index on the loopback interface.

The index wants credentials and gives no sizes.
"""

from __future__ import annotations

import functools
import html
import http.server
import io
import tarfile
import threading
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from venvstacks_rules.actions.commands import lock_layer
from venvstacks_rules.actions.files.toml import read_toml
from venvstacks_rules.model.errors import LockError
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.locks.pylock import Lockfile
from venvstacks_rules.model.requests.lock import LockedLayer, LockLayerRequest, LowerLock

PLATFORMS = ("linux_x86_64", "macosx_arm64", "win_amd64")
EVERYWHERE = "py3-none-any"


class Index:
    """Wheels in folders of a static file server: the simplest index that there is."""

    def __init__(self, root: Path, url: str) -> None:
        self.root = root
        self.url = url
        self._python: dict[Path, str] = {}

    def add(
        self,
        name: str,
        version: str,
        *tags: str,
        requires: tuple[str, ...] = (),
        python: str | None = None,
    ) -> None:
        """Put wheels there, one for each tag; `python` is their Requires-Python."""
        folder = self.root / name
        before = set(folder.glob("*.whl"))
        write_wheels(folder, name, version, *tags, requires=requires, python=python)
        if python is not None:
            self._python.update(dict.fromkeys(set(folder.glob("*.whl")) - before, python))
        self._write_page(folder)

    def add_source(self, name: str, version: str) -> None:
        """Put a source archive of a distribution there."""
        folder = self.root / name
        folder.mkdir(exist_ok=True)
        with tarfile.open(folder / f"{name}-{version}.tar.gz", "w:gz") as archive:
            content = f"Metadata-Version: 2.2\nName: {name}\nVersion: {version}\n".encode()
            info = tarfile.TarInfo(f"{name}-{version}/PKG-INFO")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        self._write_page(folder)

    def _write_page(self, folder: Path) -> None:
        files = sorted((*folder.glob("*.whl"), *folder.glob("*.tar.gz")))
        links = "".join(self._link(path) for path in files)
        (folder / "index.html").write_text(f"<!DOCTYPE html><html><body>{links}</body></html>")

    def _link(self, path: Path) -> str:
        python = self._python.get(path)
        wanted = f' data-requires-python="{html.escape(python)}"' if python is not None else ""
        return f'<a href="{path.name}"{wanted}>{path.name}</a>'


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass

    def send_head(self) -> io.BytesIO | BinaryIO | None:
        # Interpreters come from a public server, wheels from one that wants credentials.
        authorized = self.headers.get("Authorization") == "Basic bWU6c2VjcmV0"
        if authorized or ".tar.gz" in self.path:
            return super().send_head()
        self.send_error(401)
        return None

    def end_headers(self) -> None:
        # Otherwise `uv` would not see what a test adds later.
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()


def write_wheels(
    folder: Path,
    name: str,
    version: str,
    *tags: str,
    requires: tuple[str, ...] = (),
    python: str | None = None,
) -> None:
    """Write wheels with nothing but metadata, one for each tag."""
    folder.mkdir(exist_ok=True, parents=True)
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
    metadata += f"Requires-Python: {python}\n" if python is not None else ""
    for tag in tags or (EVERYWHERE,):
        info = f"{name}-{version}.dist-info"
        with zipfile.ZipFile(folder / f"{name}-{version}-{tag}.whl", "w") as wheel:
            wheel.writestr(f"{info}/METADATA", metadata)
            wheel.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nTag: {tag}\n")
            wheel.writestr(f"{info}/RECORD", "")


@contextmanager
def served_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """An index below `tmp_path`, which becomes the working directory, and settings to use it."""
    root = tmp_path / "index"
    root.mkdir()
    handler = functools.partial(QuietHandler, directory=str(root))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UV_CACHE_DIR", "cache")
    url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("UV_INDEX_OWN_USERNAME", "me")
    monkeypatch.setenv("UV_INDEX_OWN_PASSWORD", "secret")
    (tmp_path / "uv.toml").write_text(
        f'[[tool.uv.index]]\nname = "own"\nurl = "{url}"\ndefault = true\n'
    )
    yield Index(root, url)
    server.shutdown()
    thread.join()
    server.server_close()


def lock(
    name: str,
    *requirements: str,
    out: str = "",
    lower: Sequence[Path] = (),
    previous: Path | None = None,
    **fields: Any,
) -> Path:
    """Lock a layer; the path of its ``pylock`` file."""
    request = LockLayerRequest(
        **{
            "target": f"//:{name}",
            "layer_name": name,
            "python_implementation": "cpython@3.11.4",
            "python_provider": "local",
            "is_runtime": not lower,
            "requirements": requirements,
            "platforms": PLATFORMS,
            "linux_target": "glibc@2.28",
            "macosx_target": "13.0",
            "lower_locks": tuple(LowerLock(p.parent.name, str(p)) for p in lower),
            "previous_lock": str(previous) if previous else None,
            "previous_metadata": str(previous.with_suffix(".meta.json")) if previous else None,
            "uv_config": "uv.toml",
            "output_dir": out or name,
            **fields,
        }
    )
    result = lock_layer.run(to_json(request))
    assert isinstance(result, LockedLayer)
    return Path(request.output_dir, result.files[0])


def pins(path: Path) -> list[tuple[str, str, str | None, bool]]:
    """Name, version, marker, and whether a lower layer provides it, of each package."""
    lock = Lockfile.from_dict(read_toml(path), str(path))
    return [(p.name, p.version, p.marker, p.from_lower_layer) for p in lock.packages]


def contents(path: Path) -> dict[str, bytes]:
    """All files of a lock."""
    return {file.name: file.read_bytes() for file in path.parent.iterdir()}


def refused(*args: str, **kwargs: Any) -> str:
    """The message of a lock that fails."""
    with pytest.raises(LockError) as caught:
        lock(*args, **kwargs)
    return str(caught.value)

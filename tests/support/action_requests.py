"""A request of each action that can be met, and requests like it that cannot.

All paths are relative to the working directory.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.support.exports import Stack
from tests.support.interpreter_archives import MINIMAL, tar
from tests.support.layer_archives import RT, layer, small_runtime, write_archive
from tests.support.layer_locks import write_wheels
from tests.support.source_archives import source_archive
from tests.support.wheels import FILE_NAME, wheel_bytes
from venvstacks_rules.actions.commands import interpreter_segments
from venvstacks_rules.model.contents.compression import Compression
from venvstacks_rules.model.json_codec import to_data, to_json
from venvstacks_rules.model.requests.export import ExportLayersRequest
from venvstacks_rules.model.requests.segments import InterpreterSegmentsRequest

Request = dict[str, Any]


def _wheel() -> Request:
    data = wheel_bytes({"demo.py": b"x = 1\n"})
    Path(FILE_NAME).write_bytes(data)
    return {
        "path": FILE_NAME,
        "file_name": FILE_NAME,
        "sha256": hashlib.sha256(data).hexdigest(),
        "size": len(data),
    }


def _compression() -> Request:
    return {"archive_format": "tar.zst", "level": 3}


def _interpreter() -> Request:
    Path("cpython.tar").write_bytes(tar(MINIMAL))
    return {"archive": "cpython.tar", "sha256": None, "size": None, "python_version": "3.11.13"}


def _install_wheel() -> Request:
    return {**_wheel(), "output": "out"}


def _compile_sources() -> Request:
    Path("sources/deep").mkdir(parents=True)
    Path("sources/deep/a.py").write_text("x = 1\n")
    return {"sources": "sources", "output": "out"}


def _fetch_wheel() -> Request:
    wheel = _wheel()
    del wheel["path"]
    return {
        **wheel,
        "distribution": "demo",
        "indexes": [],
        "find_links": ["."],
        "output": "out/fetched.whl",
        "network": None,
    }


def _find_interpreter() -> Request:
    return {"target": "//:rt", "python_version": "2.7", "linux_target": "glibc@2.28"}


def _pin_interpreters() -> Request:
    return {
        "target": "//:rt",
        "python_version": "3.11.13",
        "platforms": [],
        "python_mirror": None,
        "linux_target": "glibc@2.28",
        "network": None,
    }


def _interpreter_segments() -> Request:
    return {
        **_interpreter(),
        "os_name": "posix",
        "case_sensitive": True,
        "install_target": "cpython",
        "compression": _compression(),
        "output": "out/python.seg",
    }


def _file_segment() -> Request:
    Path("model.bin").write_bytes(b"weights" * 1000)
    return {
        "file": {"path": "lib/model.bin", "source": "model.bin"},
        "install_target": "app-demo",
        "compression": _compression(),
        "output": "out/model.seg",
    }


def _analyze_wheels() -> Request:
    return {"wheels": [_wheel()], "python_version": "3.11", "os_name": "posix"}


def _normalize_wheel() -> Request:
    return {"wheel": _wheel()["path"], "output": "out/normal.whl"}


def _build_wheel() -> Request:
    ((name, data),) = source_archive("demo").items()
    Path(name).write_bytes(data)
    return {
        "package": "demo 1.0",
        "archive": name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "interpreter": _interpreter()["archive"],
        "build_wheels": [],
        "output_dir": "out",
        "twice": False,
    }


def _wheel_segments() -> Request:
    return {
        "wheels": [{**_wheel(), "output": "out/demo.seg"}],
        "python_version": "3.11",
        "os_name": "posix",
        "install_target": "framework-demo",
        "compression": _compression(),
    }


def _assemble_archive() -> Request:
    given = _interpreter()
    result = interpreter_segments.run(
        to_json(
            InterpreterSegmentsRequest(
                **given,
                os_name="posix",
                case_sensitive=True,
                install_target="cpython",
                compression=Compression("tar.zst", 3),
                output="python.seg",
            )
        )
    )
    Path("python.json").write_text(to_json(result))
    Path("module.py").write_text("x = 1\n")
    return {
        "target": "//:rt",
        "install_target": "cpython",
        "os_name": "posix",
        "case_sensitive": True,
        "results": ["python.json"],
        "files": [
            {"path": "a.txt", "text": "a", "source": None, "executable": False},
            {"path": "m.py", "text": None, "source": "module.py", "executable": False},
        ],
        "links": [{"path": "l", "target": "a.txt"}],
        "compression": _compression(),
        "metadata": {"layer_name": "rt"},
        "archive": "out/a.tar.zst",
        "metadata_file": "out/m.json",
        "segments_file": "out/s.json",
        "listing_file": "out/l.json",
        "segments_are_checked": False,
    }


def _lock_layer() -> Request:
    write_wheels(Path("wheels"), "demo", "1.0")
    Path("uv.toml").write_text("no-index = true\n")
    return {
        "target": "//:rt",
        "layer_name": "rt",
        "python_implementation": "cpython@3.11.4",
        "python_provider": "local",
        "is_runtime": True,
        "requirements": ["demo"],
        "platforms": ["linux_x86_64"],
        "linux_target": "glibc@2.28",
        "macosx_target": "13.0",
        "lower_locks": [],
        "previous_lock": None,
        "previous_metadata": None,
        "uv_config": "uv.toml",
        "package_indexes": [],
        "priority_indexes": [],
        "local_wheels": [{"path": "wheels", "recorded": "../wheels"}],
        "declared_local_wheels": ["wheels"],
        "python_mirror": None,
        "output_dir": "out",
        "network": None,
    }


def _fetch_file() -> Request:
    # Nobody listens there.
    return {
        "url": "http://127.0.0.1:1/x",
        "sha256": "0" * 64,
        "size": 1,
        "output": "out/x",
        "indexes": [],
        "network": None,
    }


def _fetch_commit() -> Request:
    return {
        "url": "http://127.0.0.1:1/x",
        "commit": "0" * 40,
        "sha256": "0" * 64,
        "output": "out/x",
        "network": None,
    }


def _archives() -> list[Any]:
    folder = Path("archives")
    runtime = write_archive(folder, RT, small_runtime())
    app = write_archive(folder, "app-a", layer("app-a", {"a.py": "x = 1\n"}, (RT,), "a"))
    return [to_data(archive) for archive in (runtime, app)]


def _deploy_layers() -> Request:
    return {"archives": _archives(), "destination": "out", "verify": False}


def _export_layers() -> Request:
    stack = Stack(Path("made"))
    request = ExportLayersRequest(stack.layers(), (), "out", "cache")
    data: Request = json.loads(to_json(request))
    return data


def _launch() -> Request:
    return {"archives": _archives()[:1], "cache": "cache", "verify": False}


def _check_imports() -> Request:
    return {
        "target": "//:a",
        "archives": _archives(),
        "cache": "cache",
        "modules": ["a"],
        "scan": [{"path": "a.py", "shown": "src/a.py"}],
        "launch": "a:main",
        "verify": False,
    }


REQUESTS: dict[str, Callable[[], Request]] = {
    "install-wheel": _install_wheel,
    "compile-sources": _compile_sources,
    "fetch-wheel": _fetch_wheel,
    "find-interpreter": _find_interpreter,
    "pin-interpreters": _pin_interpreters,
    "interpreter-segments": _interpreter_segments,
    "file-segment": _file_segment,
    "analyze-wheels": _analyze_wheels,
    "normalize-wheel": _normalize_wheel,
    "build-wheel": _build_wheel,
    "wheel-segments": _wheel_segments,
    "assemble-archive": _assemble_archive,
    "lock-layer": _lock_layer,
    "fetch-file": _fetch_file,
    "fetch-commit": _fetch_commit,
    "deploy-layers": _deploy_layers,
    "export-layers": _export_layers,
    "launch": _launch,
    "check-imports": _check_imports,
}
"""What makes, in the working directory, a request of each verb and the files that it names.

Those that look for interpreters or use the network are refused as they are, and so are `launch`,
which names no application, `build-wheel`, as its interpreter is no program, and `check-imports`, as
its interpreter is none of a layer: what they do otherwise is slow, or ends the process of the test.
"""

_DEEP: Any = None
for _ in range(300):
    _DEEP = [_DEEP]

HOSTILE: dict[type, tuple[Any, ...]] = {
    str: (
        "",
        ".",
        "gone/file",
        "gone\0",
        "gone\udc80",
        "../gone",
        "gone\x1b[31m",
        "request.json/below",
        "x" * 5000,
        "x/" * 1500 + "x",
    ),
    int: (-1, 0, 10**30),
    type(None): (),
    bool: (),
}
"""By type, values that are in place of a right one."""


def hostile(request: Request) -> Iterator[tuple[str, Request]]:
    """Requests with one other value each, and what is other."""
    for path, value in _leaves(request, ()):
        for other in HOSTILE[type(value)]:
            yield f"{_shown(path)}={other!r:.30}", _changed(request, path, other)
    for path, value in _tables(request, ()):
        yield f"{_shown(path)}={{deep}}", _changed(request, path, {"deep": _DEEP})
        yield f"{_shown(path)}=[]", _changed(request, path, type(value)())


def _shown(path: tuple[Any, ...]) -> str:
    return ".".join(map(str, path))


def _leaves(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        if isinstance(item, (dict, list)):
            yield from _leaves(item, (*path, key))
        else:
            yield (*path, key), item


def _tables(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        if isinstance(item, (dict, list)):
            yield (*path, key), item
            yield from _tables(item, (*path, key))


def _changed(request: Request, path: tuple[Any, ...], value: Any) -> Request:
    changed = copy.deepcopy(request)
    inner: Any = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return changed

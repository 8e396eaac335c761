"""A repository with a small application, whose Python is a script that starts that of the tests.

Installing it takes no time. The layers have all that real ones have: lists, segments, a
configuration, links to each other, post-installation and byte code.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from venvstacks_rules.actions import postinstall
from venvstacks_rules.actions.archives.formats import new_segment
from venvstacks_rules.client.cli import main
from venvstacks_rules.client.commands.starting import prepared
from venvstacks_rules.client.commands.updating import InstallRequest, machine_platform
from venvstacks_rules.model.contents.compression import Compression
from venvstacks_rules.model.contents.config import LayerConfig
from venvstacks_rules.model.contents.files import ArchivedFile
from venvstacks_rules.model.contents.segments import Segment
from venvstacks_rules.model.repository.formats import repository_json
from venvstacks_rules.model.repository.indexes import (
    LayerIndex,
    PublishedSegment,
    listing_bytes,
)
from venvstacks_rules.model.repository.keys import ChannelKey, LayerKey, blob_key
from venvstacks_rules.model.repository.manifests import PublishedStack, StackLayer
from venvstacks_rules.model.repository.records import ChannelRecord
from venvstacks_rules.model.repository.references import Reference

VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
FULL_VERSION = ".".join(str(number) for number in sys.version_info[:3])
SITE = f"lib/python{VERSION}/site-packages"
CONFIG = "share/venv/metadata/venvstacks_layer.json"
RUNTIME, FRAMEWORK, APP = "cpython", "framework-words", "app-hello"
POSTINSTALL = Path(postinstall.__file__).read_text(encoding="utf-8")
LEVELS = {"tar.zst": 3, "tar.xz": 0, "tar.gz": 1, "zip": 1}

# Layers are found from where the program was started, by its link.
PYTHON = f"""\
#!/bin/sh
layer=${{0%/bin/*}}
PYTHONPATH="$layer/{SITE}:$layer/../{FRAMEWORK}/{SITE}" exec "{sys.executable}" "$@"
"""
MAIN = """\
import sys
import words
if __name__ == "__main__":
    print({version!r}, words.WORD, *sys.argv[1:])
    if "wait" in sys.argv:
        sys.stdout.flush()
        sys.stdin.read()
    if "code" in sys.argv:
        sys.exit(5)
"""


@dataclass(frozen=True)
class Content:
    """What is in a segment: texts of files by path, and targets of links."""

    source: str
    files: Mapping[str, str]
    links: Mapping[str, str] = field(default_factory=dict)
    executable: frozenset[str] = frozenset()


class ClientRepository:
    """The folder of a repository."""

    def __init__(self, folder: Path, archive_format: str = "tar.zst") -> None:
        self.folder = folder
        self.platform = machine_platform()
        self._format = archive_format
        self.put("repository.json", repository_json().encode())

    @property
    def url(self) -> str:
        """Of the folder."""
        return self.folder.as_uri()

    def request(self, app: str = APP, **options: Any) -> InstallRequest:
        """A request to install an application without signatures."""
        return InstallRequest(
            options.pop("repository", self.url),
            app,
            **{"name": "hello", "allow_unsigned": True, **options},
        )

    def put(self, key: str, data: bytes) -> None:
        """Write a file of the repository."""
        path = self.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def publish(
        self,
        version: str,
        *,
        word: str = "hello",
        files: Mapping[str, str] | None = None,
        apps: Sequence[str] = (APP,),
        name: str = "hello",
        more: Sequence[Content] = (),
    ) -> PublishedStack:
        """A version of the stack, to which the channel moves.

        `word` is said by the framework; `files` are further ones of the applications; `more` are
        further segments of the framework.
        """
        runtime = self.layer(RUNTIME, "runtime", (), [runtime_content()])
        framework = self.layer(
            FRAMEWORK,
            "framework",
            (RUNTIME,),
            [
                Content("big-1.0.whl", {f"{SITE}/big.py": "x = 1\n" * 2000}),
                *more,
                Content(
                    "layer",
                    {
                        f"{SITE}/words.py": f"WORD = {word!r}\n",
                        **own_files((RUNTIME,)),
                    },
                    own_links(),
                ),
            ],
        )
        indexes = [runtime, framework]
        for app in apps:
            main = {f"{SITE}/hello.py": MAIN.format(version=version), **(files or {})}
            own = own_files((FRAMEWORK, RUNTIME), "hello")
            contents = [
                Content("data-1.0.whl", {f"{SITE}/data.txt": "data\n" * 100}),
                Content("layer", {**main, **own}, own_links()),
            ]
            indexes.append(self.layer(app, "application", (FRAMEWORK, RUNTIME), contents))
        return self.release(version, indexes, name)

    def release(
        self, version: str, indexes: Sequence[LayerIndex], name: str = "hello"
    ) -> PublishedStack:
        """A stack of these layers, to which the channel moves."""
        stack = PublishedStack(
            name, version, self.platform, tuple(StackLayer.of(index) for index in indexes)
        )
        content = stack.to_json().encode()
        self.put(str(stack.key), content)
        self.move(version, Reference.of(content), name)
        return stack

    def move(self, version: str, manifest: Reference, name: str = "hello") -> None:
        """Have the channel point at a version."""
        key = ChannelKey(name, "stable", self.platform)
        path = self.folder / str(key)
        if path.exists():
            record = ChannelRecord.from_json(path.read_bytes(), key).moved(version, manifest)
        else:
            record = ChannelRecord.first(key, version, manifest)
        self.put(str(key), record.to_json().encode())

    def layer(
        self,
        name: str,
        kind: str,
        lower: Sequence[str],
        contents: Sequence[Content],
        *,
        listed: Mapping[str, Sequence[ArchivedFile]] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> LayerIndex:
        """Publish a layer on `lower`, in import order.

        `listed` has lists that lie, and `more` what the metadata say beside names.
        """
        metadata = {**(more or {}), **layer_metadata(name, lower, self.platform)}
        segments = tuple(
            self._segment(name, content, (listed or {}).get(content.source)) for content in contents
        )
        index = LayerIndex(
            kind, metadata, f"{name}.{self._format}", self._format, LEVELS[self._format], segments
        )
        data = index.to_json().encode()
        self.put(str(LayerKey(name, self.platform, hashlib.sha256(data).hexdigest())), data)
        return index

    def blob(self, data: bytes) -> Reference:
        """Write a blob."""
        reference = Reference.of(data)
        self.put(blob_key(reference.sha256), data)
        return reference

    def _segment(
        self, name: str, content: Content, listed: Sequence[ArchivedFile] | None
    ) -> PublishedSegment:
        path = self.folder / "segment"
        compression = Compression(self._format, LEVELS[self._format])
        made = written_segment(path, name, content, compression)
        files = made.files if listed is None else listed
        blob = self.blob(path.read_bytes())
        path.unlink()
        return PublishedSegment(
            content.source,
            blob,
            self.blob(listing_bytes(files)),
            sum(file.size for file in files),
            made.tar_size,
        )


def layer_metadata(name: str, lower: Sequence[str], platform: str) -> dict[str, Any]:
    """The metadata of a layer on `lower`, in import order."""
    metadata: dict[str, Any] = {
        "layer_name": name,
        "install_target": name,
        "target_platform": platform,
        "runtime_layer": lower[-1] if lower else name,
        "python_implementation": f"cpython@{FULL_VERSION}",
    }
    return {**metadata, "required_layers": list(lower[:-1])} if lower else metadata


def written_segment(
    path: Path, install_target: str, content: Content, compression: Compression
) -> Segment:
    """Write a segment of a layer to `path`."""
    with new_segment(
        path, source=content.source, install_target=install_target, compression=compression
    ) as writer:
        for file, text in content.files.items():
            data = text.encode()
            writer.add_file(file, [data], len(data), executable=file in content.executable)
        for link, target in content.links.items():
            writer.add_link(link, target)
    return writer.segment()


def runtime_content(python: str = PYTHON) -> Content:
    """The files of the runtime."""
    name = f"bin/python{VERSION}"
    config = LayerConfig(name, FULL_VERSION, name, SITE).to_json()
    files = {name: python, CONFIG: config, "postinstall.py": POSTINSTALL}
    return Content("interpreter", files, executable=frozenset({name}))


def own_files(lower: Sequence[str], launch: str | None = None) -> dict[str, str]:
    """The layer's own files."""
    config = LayerConfig(
        "bin/python",
        FULL_VERSION,
        f"../{lower[-1]}/bin/python{VERSION}",
        SITE,
        tuple(f"../{name}/{SITE}" for name in lower),
        launch_module=launch,
    )
    return {CONFIG: config.to_json(), "postinstall.py": POSTINSTALL}


def own_links() -> dict[str, str]:
    """The layer's own links."""
    return {"bin/python": f"../../{RUNTIME}/bin/python{VERSION}", "bin/python3": "python"}


def deploy(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the client as users do."""
    return subprocess.run(
        [sys.executable, "-m", "venvstacks_rules.client", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


def called(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The same in this process, which takes less time; only what `run` starts is another one."""
    words = [str(argument) for argument in arguments]
    out, err = io.StringIO(), io.StringIO()
    if words[0] == "run":
        started = prepared(Path(words[2]), *words[3:4])
        with started.in_use:
            return subprocess.run(
                [*started.command, *words[5:]],
                capture_output=True,
                text=True,
                check=False,
                env=dict(started.environment),
            )
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(words)
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())


def events(text: str) -> list[dict[str, Any]]:
    """What `--json` printed."""
    return [json.loads(line) for line in text.splitlines()]

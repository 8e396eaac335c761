"""The stack of `client_repository`, as a folder of archives that the actions make."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.client_repository import (
    APP,
    FRAMEWORK,
    LEVELS,
    MAIN,
    RUNTIME,
    SITE,
    Content,
    layer_metadata,
    own_files,
    own_links,
    runtime_content,
    written_segment,
)
from venvstacks_rules.actions.commands import assemble_archive
from venvstacks_rules.client.commands.updating import InstallRequest, machine_platform
from venvstacks_rules.model.contents.compression import Compression
from venvstacks_rules.model.contents.files import OwnFile, OwnLink
from venvstacks_rules.model.json_codec import published_json, to_json
from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.outputs.manifest import stack_manifest
from venvstacks_rules.model.outputs.names import archive_names, manifest_path
from venvstacks_rules.model.requests.assemble import AssembleArchiveRequest
from venvstacks_rules.model.requests.segments import WheelSegments


@dataclass
class PackagedStack:
    """A folder that `package` could have written for a `venvstacks_manifest`."""

    folder: Path
    archive_format: str = "tar.zst"
    tagged: bool = False
    platform: str = field(default_factory=machine_platform)

    @property
    def url(self) -> str:
        """Of the folder."""
        return self.folder.as_uri()

    @property
    def manifest(self) -> Path:
        """The manifest."""
        return self.folder / manifest_path(platform=self.platform, tagged=self.tagged)

    @property
    def pin(self) -> str:
        """Of the manifest."""
        return f"sha256:{hashlib.sha256(self.manifest.read_bytes()).hexdigest()}"

    def request(self, **options: Any) -> InstallRequest:
        """A request to install the application."""
        return InstallRequest(options.pop("repository", self.url), APP, **options)

    def beside(self, layer: str, ending: str = ".segments.json") -> Path:
        """A file of a layer; its archive with the ending of that."""
        stem = f"{layer}-{self.platform}-1" if self.tagged else layer
        return self.folder / f"{stem}{ending}"

    def package(
        self,
        version: str,
        *,
        word: str = "hello",
        more: Sequence[Content] = (),
        apps: Sequence[str] = (APP,),
    ) -> None:
        """Write a version, in the place of the one before; `more` is of the framework."""
        layers = [
            self.layer(RUNTIME, (), [_without_own(runtime_content())], runtime_own()),
            self.layer(
                FRAMEWORK,
                (RUNTIME,),
                [Content("big-1.0.whl", {f"{SITE}/big.py": "x = 1\n" * 2000}), *more],
                {f"{SITE}/words.py": f"WORD = {word!r}\n", **own_files((RUNTIME,))},
            ),
        ]
        for app in apps:
            main = {f"{SITE}/hello.py": MAIN.format(version=version)}
            layers.append(
                self.layer(
                    app,
                    (FRAMEWORK, RUNTIME),
                    [Content("data-1.0.whl", {f"{SITE}/data.txt": "data\n" * 100})],
                    {**main, **own_files((FRAMEWORK, RUNTIME), "hello")},
                )
            )
        self.write_manifest(layers)

    def write_manifest(self, layers: Sequence[Mapping[str, Any]]) -> None:
        """Write the manifest of layers with these metadata."""
        kinds = {"framework": LayerKind.FRAMEWORK, "app": LayerKind.APPLICATION}
        described, hashes = [], {}
        for layer in layers:
            kind = layer["layer_name"].partition("-")[0]
            described.append((kinds.get(kind, LayerKind.RUNTIME), layer))
            path = self.beside(layer["install_target"])
            hashes[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
        self.manifest.parent.mkdir(parents=True, exist_ok=True)
        self.manifest.write_text(published_json(stack_manifest(described, hashes)))

    def layer(
        self,
        name: str,
        lower: Sequence[str],
        contents: Sequence[Content],
        own: Mapping[str, str],
    ) -> Mapping[str, Any]:
        """Make an archive and what lies beside it; the metadata."""
        metadata = layer_metadata(name, lower, self.platform)
        compression = Compression(self.archive_format, LEVELS[self.archive_format])
        names = archive_names(
            name, extension=f".{self.archive_format}", platform=self.platform, tagged=self.tagged
        )
        for old in (names.archive, names.metadata, names.segments):
            (self.folder / old).unlink(missing_ok=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        work = self.folder.parent / f"{self.folder.name}-work"
        work.mkdir(exist_ok=True)
        segments = tuple(_segment(work, name, content, compression) for content in contents)
        result = work / "result.json"
        result.write_text(to_json(WheelSegments(segments)))
        request = AssembleArchiveRequest(
            f"//:{name}",
            name,
            "posix",
            case_sensitive=True,
            results=(str(result),),
            files=tuple(OwnFile(path, text=text) for path, text in own.items()),
            links=tuple(OwnLink(*link) for link in (own_links() if lower else {}).items()),
            compression=compression,
            metadata=metadata,
            archive=str(self.folder / names.archive),
            metadata_file=str(self.folder / names.metadata),
            segments_file=str(self.folder / names.segments),
        )
        assemble_archive.run(to_json(request))
        described: dict[str, Any] = json.loads((self.folder / names.metadata).read_text())
        return described


def runtime_own() -> dict[str, str]:
    """The runtime's own files."""
    files = runtime_content().files
    return {path: text for path, text in files.items() if not path.startswith("bin/")}


def _without_own(content: Content) -> Content:
    files = {path: text for path, text in content.files.items() if path.startswith("bin/")}
    return Content(content.source, files, content.links, content.executable)


def _segment(folder: Path, name: str, content: Content, compression: Compression) -> Any:
    """Write a segment below `folder`, by a path relative to it."""
    path = folder / f"{name}-{content.source}.seg"
    path.unlink(missing_ok=True)
    return written_segment(path, name, content, compression)

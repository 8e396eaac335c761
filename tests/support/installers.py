"""Installers of the small application, and shells that have nothing but what these need."""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.client_repository import (
    APP,
    RUNTIME,
    SITE,
    VERSION,
    ClientRepository,
    Content,
    own_files,
    own_links,
)
from venvstacks_rules.actions.commands import carry_wheels, make_bundle, portable_archive
from venvstacks_rules.local.files.streams import sha256_of
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.repository.bundles import Bundle, Following
from venvstacks_rules.model.repository.carried import carried_key, wheel_key
from venvstacks_rules.model.repository.indexes import LayerIndex
from venvstacks_rules.model.repository.keys import LayerKey, blob_key
from venvstacks_rules.model.repository.manifests import PublishedStack
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.model.requests.bundle import (
    CarryWheelsRequest,
    MakeBundleRequest,
    PortableArchiveRequest,
    SegmentedWheel,
    SegmentOfWheel,
)
from venvstacks_rules.repository.reading.segments import segment_members

CLIENT = "app-deploy"
PROGRAMS = ("dd", "gzip", "mkdir", "mv", "rm", "rmdir", "tar", "uname", "wc")
"""What an installer may need beside a shell."""
PARTS = ("client", "local", "model", "repository")
_OURS = Path(make_bundle.__file__).parents[2]


@dataclass(frozen=True)
class Shell:
    """A shell whose PATH has some programs, and an empty home."""

    command: tuple[str, ...]
    programs: Path
    home: Path

    def run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run a script."""
        return subprocess.run(
            [*self.command, *map(str, arguments)],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def environment(self) -> Mapping[str, str]:
        """Nothing else."""
        return {"PATH": str(self.programs), "HOME": str(self.home)}


def shell(name: str, folder: Path, programs: tuple[str, ...] = PROGRAMS) -> Shell:
    """`dash` with the machine's programs, or `busybox` with its own."""
    place = folder / "programs"
    place.mkdir(parents=True)
    home = folder / "home"
    home.mkdir()
    for program in (*programs, "sh"):
        found = name if program == "sh" or name == "busybox" else program
        path = shutil.which(found)
        if path is None:
            pytest.skip(f"needs {found}")
        (place / program).symlink_to(path)
    return Shell((str(place / "sh"),), place, home)


def publish_with_client(repository: ClientRepository, version: str, **options: Any) -> None:
    """A version of the small stack, and the client as a further layer of it."""
    stack = repository.publish(version, **options)
    files = {
        f"{SITE}/{path.relative_to(_OURS.parent).as_posix()}": path.read_text(encoding="utf-8")
        for part in PARTS
        for path in sorted((_OURS / part).rglob("*.py"))
    }
    files[f"{SITE}/venvstacks_rules/__init__.py"] = ""
    client = repository.layer(
        CLIENT,
        "application",
        (RUNTIME,),
        [Content("layer", {**files, **own_files((RUNTIME,))}, own_links())],
    )
    indexes = [index_of(repository, stack, layer.layer_name) for layer in stack.layers]
    repository.release(version, [*indexes, client])


def index_of(repository: ClientRepository, stack: PublishedStack, name: str) -> LayerIndex:
    """The index of a layer of a stack."""
    layer = next(layer for layer in stack.layers if layer.layer_name == name)
    key = LayerKey(name, stack.platform, layer.index.sha256)
    return LayerIndex.from_json((repository.folder / str(key)).read_bytes())


def bundle_request(
    repository: ClientRepository,
    version: str,
    folder: Path,
    *,
    following: Following | None = None,
    root: Path | None = None,
    platform: str | None = None,
) -> MakeBundleRequest:
    """The request that makes an installer of a version, with the archives of its client."""
    platform = platform or repository.platform
    path = repository.folder / f"stacks/hello/{version}/{repository.platform}.json"
    stack = PublishedStack.from_json(path.read_bytes())
    unpacked = stack.needed_by(CLIENT)
    archives = []
    for layer in unpacked:
        key = LayerKey(layer.layer_name, stack.platform, layer.index.sha256)
        index = index_of(repository, stack, layer.layer_name)
        output = folder / f"{layer.install_target}-{version}.tar.gz"
        request = PortableArchiveRequest(
            str(repository.folder / str(key)),
            tuple(str(repository.folder / blob_key(s.blob.sha256)) for s in index.segments),
            str(output),
        )
        if not output.exists():
            portable_archive.run(to_json(request))
        archives.append(str(output))
    bundle = Bundle(
        "hello",
        version,
        platform,
        Reference.of(path.read_bytes()),
        (APP,),
        tuple(layer.index.sha256 for layer in unpacked),
        following,
    )
    files = {str(stack.key): str(path)}
    for layer, key in zip(stack.layers, stack.layer_keys):
        index = index_of(repository, stack, layer.layer_name)
        files[str(key)] = str(repository.folder / str(key))
        for segment in index.segments:
            blobs = [segment.files] if layer in unpacked else [segment.files, segment.blob]
            for blob in blobs:
                files[blob_key(blob.sha256)] = str(repository.folder / blob_key(blob.sha256))
    return MakeBundleRequest(
        title="hello",
        description=bundle.to_json(),
        python=f"{RUNTIME}/bin/python{VERSION}",
        site_folders=(f"{CLIENT}/{SITE}",),
        archives=tuple(archives),
        files=files,
        output=str(folder / f"hello-{version}.sh"),
        root=None if root is None else str(root),
    )


def make_installer(
    repository: ClientRepository, version: str, folder: Path, following: Following | None = None
) -> Path:
    """The installer of a version."""
    request = bundle_request(repository, version, folder, following=following)
    make_bundle.run(to_json(request))
    return Path(request.output)


def remade(request: MakeBundleRequest, output: Path) -> bytes:
    """What another run makes of a request."""
    make_bundle.run(to_json(replace(request, output=str(output))))
    return output.read_bytes()


def left_in(folder: Path) -> list[str]:
    """What lies in the folder of an installation, sorted; nothing if there is none."""
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def with_wheels(
    repository: ClientRepository, request: MakeBundleRequest, folder: Path, *, lacking: str
) -> MakeBundleRequest:
    """The request with wheels in place of segments; these wheels have not the file `lacking`."""
    folder.mkdir()
    files = dict(request.files)
    wheels: dict[str, str] = {}
    for key in [key for key in files if key.startswith("layers/")]:
        index = LayerIndex.from_json(Path(files[key]).read_bytes())
        made = []
        sources = {segment.source: None for segment in index.segments}
        for source in (source for source in sources if source.endswith(".whl")):
            wheel = folder / source
            of_wheel = []
            with zipfile.ZipFile(wheel, "w") as archive:
                archive.writestr("first/of/all.txt", "what no segment has")
                for segment in (each for each in index.segments if each.source == source):
                    path = repository.folder / blob_key(segment.blob.sha256)
                    with path.open("rb") as stream:
                        for member in segment_members(
                            stream, segment, index.archive_format, index.install_target
                        ):
                            if not member.path.endswith(lacking):
                                archive.writestr(member.path, b"".join(member.content))
                    listing = repository.folder / blob_key(segment.files.sha256)
                    of_wheel.append(SegmentOfWheel(segment.blob.sha256, str(path), str(listing)))
                    del files[blob_key(segment.blob.sha256)]
            sha256, size = sha256_of(wheel)
            made.append(SegmentedWheel(str(wheel), wheel.name, sha256, size, tuple(of_wheel)))
            wheels[wheel_key(wheel.name, sha256, wheels)] = sha256
            files[wheel_key(wheel.name, sha256, ())] = str(wheel)
        output = folder / index.layer_name
        carried = carry_wheels.run(
            to_json(CarryWheelsRequest(files[key], tuple(made), str(output)))
        )
        for each in carried.segments:
            files[carried_key(each.segment)] = str(output / each.document)
            files[blob_key(each.rest)] = str(output / each.rest)
    bundle = replace(Bundle.from_json(request.description.encode()), wheels=wheels)
    return replace(request, description=bundle.to_json(), files=files)

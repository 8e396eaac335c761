"""The first-party code of a layer: files of targets, by their place below site-packages."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Optional

from pants.backend.python.target_types import PythonSourceField
from pants.core.target_types import FileSourceField, ResourceSourceField
from pants.engine.addresses import Address
from pants.engine.fs import (
    CreateDigest,
    Digest,
    FileContent,
    FileEntry,
    MergeDigests,
    PathGlobs,
)
from pants.engine.target import HydrateSourcesRequest, SourcesField, Target, WrappedTargetRequest
from pants.source.source_root import SourceRootsRequest

from venvstacks_rules.model.code.modules import CodeModules
from venvstacks_rules.model.errors import DefinitionError
from venvstacks_rules.model.paths import literal_glob
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.code_targets import CodeTargetsRequest, code_targets
from venvstacks_rules.pants_backend.processes.sources import client_sources
from venvstacks_rules.pants_backend.targets.source_fields import is_client

_CLIENT_FOLDER = "__venvstacks_client__"
"""Where the sources of the client lie beside those of the repository, which may be the same."""
_CODE_TYPES = (PythonSourceField, ResourceSourceField, FileSourceField)


@dataclass(frozen=True)
class LayerCodeRequest:
    """The first-party code of a layer, with what layers below have, too."""

    address: Address


@dataclass(frozen=True)
class CodeFile:
    """A file of first-party code."""

    path: str
    """Relative to site-packages."""
    source: str
    """Relative to the root of the repository, where a generated file would lie as well."""
    sha256: str
    executable: bool
    root: Optional[str] = None
    """Its source root, if the file lies in the repository below one."""
    is_python: bool = True
    """Whether it is code: not one of `resources` or `files`, whatever its name."""


@dataclass(frozen=True)
class LayerCode:
    """The first-party code of a layer."""

    digest: Digest
    """With all sources."""
    files: tuple[CodeFile, ...]
    """Sorted by path."""

    @cached_property
    def modules(self) -> CodeModules:
        """The modules that the files make."""
        return CodeModules.of(file.path for file in self.files)


@dataclass(frozen=True)
class CodeOfTargetsRequest:
    """The files of targets, by their place below site-packages."""

    address: Address
    """Of the layer or the test that has the code, for messages."""
    targets: tuple[Target, ...]


def code_sources(target: Target) -> HydrateSourcesRequest:
    """The files of a target that can be code of a layer, generated ones as well."""
    return HydrateSourcesRequest(
        target.get(SourcesField), for_sources_types=_CODE_TYPES, enable_codegen=True
    )


@rule
async def layer_code(request: LayerCodeRequest) -> LayerCode:
    targets = await code_targets(CodeTargetsRequest(request.address), **implicitly())
    code: LayerCode = await code_of_targets(
        CodeOfTargetsRequest(request.address, targets.sources), **implicitly()
    )
    wrapped = await engine.resolve_target(
        WrappedTargetRequest(request.address, description_of_origin="the layers of a stack")
    )
    if not is_client(wrapped.target):
        return code
    client = await engine.create_digest(
        CreateDigest(
            FileContent(f"{_CLIENT_FOLDER}/{module.path}", module.text.encode())
            for module in client_sources()
        )
    )
    entries = [
        entry for entry in await engine.get_digest_entries(client) if isinstance(entry, FileEntry)
    ]
    shipped = [
        CodeFile(
            entry.path[len(_CLIENT_FOLDER) + 1 :],
            entry.path,
            entry.file_digest.fingerprint,
            entry.is_executable,
            # What it imports is known, and some of it only where a repository needs it.
            is_python=False,
        )
        for entry in entries
    ]
    return LayerCode(
        await engine.merge_digests(MergeDigests([code.digest, client])),
        tuple(_without_repeated([*code.files, *shipped], request.address)),
    )


@rule
async def code_of_targets(request: CodeOfTargetsRequest) -> LayerCode:
    hydrated = await concurrently(
        engine.hydrate_sources(code_sources(target)) for target in request.targets
    )
    rooted: dict[str, None] = {}
    loose: dict[str, None] = {}
    generated: set[str] = set()
    python: set[str] = set()
    for target, sources in zip(request.targets, hydrated):
        known = sources.sources_type
        if known is not None and issubclass(known, PythonSourceField):
            python.update(sources.snapshot.files)
        if known is not None and not isinstance(target.get(SourcesField), known):
            generated.update(sources.snapshot.files)
        # As in Pants' own packages, `files` keep their paths from the root of the repository.
        places = rooted if known is not None and known.uses_source_roots else loose
        places.update(dict.fromkeys(sources.snapshot.files))
    found = await engine.get_source_roots(SourceRootsRequest.for_files(rooted))
    roots = {str(file): root.path for file, root in found.path_to_root.items()}
    packages = await engine.path_globs_to_digest(
        PathGlobs(map(literal_glob, _package_files(roots)))
    )
    digest = await engine.merge_digests(
        MergeDigests([*(sources.snapshot.digest for sources in hydrated), packages])
    )
    files = {
        entry.path: entry
        for entry in await engine.get_digest_entries(digest)
        if isinstance(entry, FileEntry)
    }
    # An `__init__.py` has the source root of the modules beside it.
    folders = _rooted_folders(roots)
    owned = {**rooted, **loose}
    placed = []
    for source, entry in files.items():
        root = None if source in loose else folders[posixpath.dirname(source)]
        placed.append(
            CodeFile(
                source[len(_prefix(root)) :],
                source,
                entry.file_digest.fingerprint,
                entry.is_executable,
                None if source in generated else root,
                # The others are the `__init__.py` of packages.
                source in python or source not in owned,
            )
        )
    return LayerCode(digest, tuple(_without_repeated(placed, request.address)))


def _rooted_folders(roots: Mapping[str, str]) -> dict[str, str]:
    """The folders of files, and those above up to their source root; with the source root.

    `roots` has that of each file. The root of the repository is the folder ``""``.
    """
    found: dict[str, str] = {}
    for file, root in roots.items():
        folder = posixpath.dirname(file)
        # A layer has thousands of files in a few folders.
        while folder not in found:
            found[folder] = root
            if f"{folder}/" == _prefix(root):
                break
            folder = posixpath.dirname(folder)
    return found


def _prefix(root: str | None) -> str:
    """What the paths of all files below a source root begin with."""
    return f"{root}/" if root and root != "." else ""


def _package_files(roots: Mapping[str, str]) -> list[str]:
    """The ``__init__.py`` of all packages that the Python files of `roots` are in.

    An empty one is no dependency in the eyes of Pants, but it makes its folder a package.
    """
    python = {file: root for file, root in roots.items() if file.endswith(".py")}
    folders = _rooted_folders(python).items()
    return sorted(
        f"{folder}/__init__.py"
        for folder, root in folders
        if folder and f"{folder}/" != _prefix(root)
    )


def _without_repeated(files: Iterable[CodeFile], layer: Address) -> list[CodeFile]:
    """The files sorted by path, one for each; raises DefinitionError where two differ."""
    chosen: dict[str, CodeFile] = {}
    problems = []
    for file in sorted(files, key=lambda file: (file.path, file.source)):
        other = chosen.setdefault(file.path, file)
        if other.sha256 != file.sha256:
            problems.append(
                f"{layer}: `{other.source}` and `{file.source}` would both be `{file.path}` in the "
                "layer. Leave one of them out: name its target in `dependencies` with a `!!`."
            )
    if problems:
        raise DefinitionError("Files of first-party code clash:", problems)
    return list(chosen.values())


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()

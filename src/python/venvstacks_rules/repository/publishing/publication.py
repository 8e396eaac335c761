"""What there is to publish, read from files and checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from venvstacks_rules.model.errors import RepositoryError, first_problems
from venvstacks_rules.model.publishing.publication import PublicationFiles, StackFiles
from venvstacks_rules.model.repository.indexes import LayerIndex
from venvstacks_rules.model.repository.keys import LayerKey, key_problem, name_problem
from venvstacks_rules.model.repository.manifests import PublishedStack
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.repository.publishing.archives import StackArchives, cannot_read
from venvstacks_rules.repository.stores.store import Content


@dataclass(frozen=True)
class PublishedLayer:
    """A layer version."""

    index: LayerIndex
    content: bytes
    """The file of the index."""
    key: LayerKey

    @classmethod
    def of(cls, content: bytes, name: str = "index") -> PublishedLayer:
        """The layer version with an index, `name` in messages."""
        index = LayerIndex.from_json(content, name)
        key = LayerKey(index.layer_name, index.platform, Reference.of(content).sha256)
        return cls(index, content, key)

    @property
    def size(self) -> int:
        """Of all that it consists of, in bytes."""
        return len(self.content) + sum(blob.size for blob in self.index.blobs)


@dataclass(frozen=True)
class StackToPublish:
    """A version of a stack for a platform, and where it shall appear."""

    stack: PublishedStack
    content: bytes
    """The file of the manifest."""
    channels: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, content: bytes, channels: tuple[str, ...] = (), name: str = "manifest"
    ) -> StackToPublish:
        """The stack with a manifest, `name` in messages."""
        return cls(PublishedStack.from_json(content, name), content, channels)

    @property
    def reference(self) -> Reference:
        """To the manifest."""
        return Reference.of(self.content)


@dataclass(frozen=True)
class Publication:
    """Layers, and stacks that consist of them.

    RepositoryError if a stack has other layers, or if names are wrong.
    """

    layers: tuple[PublishedLayer, ...]
    stacks: tuple[StackToPublish, ...] = ()
    files: Mapping[str, Path] = field(default_factory=dict)
    """Where blobs lie, by their hashes; an upload needs those that the repository lacks."""
    archives: tuple[StackArchives, ...] = ()

    def __post_init__(self) -> None:
        problems = list(self._problems())
        if problems:
            raise RepositoryError("This cannot be published.", first_problems(problems))

    @classmethod
    def read(cls, files: PublicationFiles, folder: Path = Path()) -> Publication:
        """What the files have, whose paths are relative to `folder`."""
        layers = {
            layer.key: layer
            for path in files.indexes
            for layer in [PublishedLayer.of(_read(folder / path), path)]
        }
        return cls(
            layers=tuple(layers.values()),
            stacks=tuple(_read_stack(stack, folder) for stack in files.stacks),
            files={sha256: folder / path for sha256, path in files.blobs.items()},
            archives=tuple(StackArchives.of(archives, folder) for archives in files.archives),
        )

    def layers_of(self, stack: StackToPublish) -> tuple[PublishedLayer, ...]:
        """The layers of a stack."""
        keys = set(stack.stack.layer_keys)
        return tuple(layer for layer in self.layers if layer.key in keys)

    def content(self, blob: Reference) -> Content | None:
        """A blob, or None if its file is not given."""
        path = self.files.get(blob.sha256)
        return None if path is None else Content(blob, path=path)

    def _problems(self) -> Iterator[str]:
        known = {layer.key for layer in self.layers}
        seen = set()
        for key in known:
            problem = key_problem(str(key)) or name_problem(key.layer_name)
            if problem is not None:
                yield f"the layer `{key.layer_name}`: {problem}"
        for published in self.stacks:
            stack = published.stack
            if stack.key in seen:
                yield f"`{stack.name}` {stack.version} for {stack.platform} is there twice"
            seen.add(stack.key)
            yield from (
                f"the channel `{name}` of `{stack.name}`: {problem}"
                for name in published.channels
                for problem in [name_problem(name)]
                if problem is not None
            )
            yield from (
                f"`{stack.name}` {stack.version} for {stack.platform}: the index of its layer"
                f" `{key.layer_name}` is not given, sha256:{key.sha256}"
                for key in stack.layer_keys
                if key not in known
            )


def _read_stack(files: StackFiles, folder: Path) -> StackToPublish:
    return StackToPublish.of(_read(folder / files.manifest), files.channels, files.manifest)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as e:
        raise cannot_read(path, e) from None

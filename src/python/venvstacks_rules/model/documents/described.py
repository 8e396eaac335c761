"""What a layer consists of, as its documents say it."""

from __future__ import annotations

from dataclasses import dataclass

from venvstacks_rules.model.contents.compression import Compression
from venvstacks_rules.model.contents.wheel_metadata import WheelMetadata
from venvstacks_rules.model.documents.purls import package_url, public_url, repository_url
from venvstacks_rules.model.layers.layer import Layer
from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.locks.pylock import LockedPackage, LockedWheel
from venvstacks_rules.model.network.commits import Commit
from venvstacks_rules.model.outputs.metadata import LayerMetadata
from venvstacks_rules.model.platforms.python_versions import release


@dataclass(frozen=True)
class InputFile:
    """A file that the layer is made from."""

    name: str
    sha256: str
    """In hexadecimal."""
    url: str | None = None
    """Where it comes from; None for a file of the repository, and for one that was made."""
    commit: str | None = None
    """If it is an archive of the files of a commit: its name in git."""


@dataclass(frozen=True)
class DescribedPackage:
    """A package of the layer."""

    package: LockedPackage
    wheel: LockedWheel
    """With its hash and size, also where the lockfile has none."""
    metadata: WheelMetadata
    direct: bool
    """Whether the layer itself requires it."""

    @property
    def url(self) -> str | None:
        """The URL of the wheel, without what may be a secret."""
        return None if self.wheel.url is None else public_url(self.wheel.url)

    @property
    def index(self) -> str | None:
        """The URL of its index, without what may be a secret."""
        return None if self.package.index is None else public_url(self.package.index)

    @property
    def purl(self) -> str:
        """Its package URL: of the index, of the one file that was required by URL, or its own."""
        package = self.package
        if package.from_distribution:
            # Of the repository: no index has it, even if one has another of that name.
            return package_url("generic", package.name, package.version)
        return package_url(
            "pypi",
            package.name,
            package.version,
            {
                "repository_url": repository_url(package.index),
                "download_url": self.url if package.index is None else None,
                "vcs_url": None if self.commit is None else self.commit.reference,
            },
        )

    @property
    def commit(self) -> Commit | None:
        """The commit that its wheel was built from, if it was."""
        return None if self.package.source is None else self.package.source.commit

    @property
    def sources(self) -> tuple[InputFile, ...]:
        """What its wheel was built from: the source archive first."""
        source = self.package.source
        if source is None:
            return ()
        return tuple(
            InputFile(
                f.file_name,
                f.sha256,
                public_url(f.url),
                source.commit.commit if source.commit is not None and f is source.archive else None,
            )
            for f in (source.archive, *source.build_wheels)
        )


@dataclass(frozen=True)
class DescribedInterpreter:
    """The interpreter of a runtime."""

    python_version: str
    """X.Y.Z, maybe with a ``t`` at the end."""
    provider: str
    """``pbs``, ``archive`` or ``local``."""
    archive: InputFile

    @property
    def purl(self) -> str:
        """Its package URL."""
        qualifiers = {
            "checksum": f"sha256:{self.archive.sha256}",
            "download_url": self.archive.url,
        }
        return package_url("generic", "cpython", release(self.python_version), qualifiers)

    @property
    def cpe(self) -> str:
        """The name that databases of vulnerabilities have for it."""
        return f"cpe:2.3:a:python:python:{release(self.python_version)}:*:*:*:*:*:*:*"


@dataclass(frozen=True)
class LayerBelow:
    """A layer below, as much of it as the lockfiles of upper layers have."""

    layer_name: str
    install_target: str
    kind: LayerKind
    version: str


@dataclass(frozen=True)
class Builder:
    """Who builds, and with what."""

    id: str
    """A URI."""
    versions: tuple[tuple[str, str], ...]
    """Of this plugin and of the libraries that write archives, by name."""


@dataclass(frozen=True)
class DescribedLayer:
    """A layer on a platform."""

    layer: Layer
    metadata: LayerMetadata
    python_version: str
    """X.Y.Z of the runtime."""
    compression: Compression
    below: tuple[LayerBelow, ...]
    """In import order, the runtime last."""
    provided: tuple[tuple[str, str], ...]
    """The packages of the layers below that the lock has: name and install target, sorted."""
    packages: tuple[DescribedPackage, ...]
    """By name."""
    interpreter: DescribedInterpreter | None
    """Of a runtime."""
    lockfile: InputFile
    code: tuple[InputFile, ...]
    """The files of the repository that are modules of the layer, by path."""
    builder: Builder

    @property
    def kind(self) -> LayerKind:
        """The kind of the layer."""
        return self.layer.kind

    @property
    def version(self) -> str:
        """What the layers above call the version of the layer."""
        metadata = self.metadata
        return version_of(self.layer, metadata.lock_version, metadata.requirements_hash)


def version_of(layer: Layer, lock_version: int, requirements_hash: str) -> str:
    """The version of a layer: what it has follows from its lock, which most have no number for."""
    return str(lock_version) if layer.versioned else requirements_hash

"""The request and result of ``lock-layer``."""

from __future__ import annotations

from typing import Optional

from venvstacks_rules.model.layers.lock_choices import NO_CHOICES, LockChoices
from venvstacks_rules.model.locks.distributions import Distribution
from venvstacks_rules.model.paths import GivenPath
from venvstacks_rules.model.platforms.libc import LinuxTargetText
from venvstacks_rules.model.platforms.target_platforms import MacosxTarget
from venvstacks_rules.model.values import dataclass


@dataclass(frozen=True)
class LowerLock:
    """The lockfile of a lower layer."""

    layer_name: str
    path: GivenPath


@dataclass(frozen=True)
class LocalWheels:
    """A folder with wheels that are not in an index."""

    path: GivenPath
    recorded: str
    """The folder relative to the lockfile's, with forward slashes."""


@dataclass(frozen=True)
class BuiltDistribution:
    """A distribution that is built from the repository, and its wheel."""

    distribution: Distribution
    wheel: GivenPath
    sha256: str
    is_own: bool
    """Whether the layer itself names it; else it is there for those that require it."""
    is_lower: bool
    """Whether only layers below have it: then it is no input of the layer's lock."""


@dataclass(frozen=True)
class ChosenFiles:
    """Which files of a distribution a layer has: only these can clash."""

    name: str
    """Normalised."""
    exclude: tuple[str, ...] = ()
    """Globs of files that stay out of the layer, sorted."""
    scripts: tuple[str, ...] = ()
    """Globs of the names of scripts that the layer has, sorted."""


@dataclass(frozen=True)
class LockLayerRequest:
    """Lock the packages of one layer (verb ``lock-layer``)."""

    target: str
    """The address of the layer, for messages."""
    layer_name: str
    python_implementation: str
    """Of the runtime: ``cpython@X.Y.Z``; ``cpython@X.Y`` leaves the patch release open."""
    python_provider: str
    """``pbs``, ``archive`` or ``local``."""
    is_runtime: bool
    requirements: tuple[str, ...]
    platforms: tuple[str, ...]
    linux_target: LinuxTargetText
    macosx_target: MacosxTarget
    lower_locks: tuple[LowerLock, ...] = ()
    """In import order, the runtime's last."""
    previous_lock: Optional[GivenPath] = None
    """The committed lockfile, whose pins stay if possible."""
    previous_metadata: Optional[GivenPath] = None
    """The ``.meta.json`` beside it."""
    upgrade: bool = False
    """Whether the pins of all packages may change."""
    upgrade_packages: tuple[str, ...] = ()
    """The normalised names of packages whose pins may change."""
    uv_config: Optional[GivenPath] = None
    """A TOML file with a table ``[tool.uv]``, or with its content if the name is ``uv.toml``."""
    package_indexes: tuple[tuple[str, str], ...] = ()
    """Distributions and the names of their indexes."""
    priority_indexes: tuple[str, ...] = ()
    """The names of the indexes to ask first."""
    choices: LockChoices = NO_CHOICES
    requirement_origins: tuple[tuple[str, str], ...] = ()
    """Of requirements that targets declare: the requirement, and the target, for messages."""
    resolve_pins: tuple[str, ...] = ()
    """The versions that `choices.python_resolve` decides, as PEP 508 requirements."""
    resolve_lockfile: Optional[str] = None
    """The path of its lockfile in the repository, for messages."""
    resolve_repositories: tuple[tuple[str, str], ...] = ()
    """Packages that it has from repositories, and the URLs of these, for messages."""
    local_wheels: tuple[LocalWheels, ...] = ()
    """Folders of this layer and of those below."""
    declared_local_wheels: tuple[str, ...] = ()
    """The layer's own folders, as declared; recorded in the lock."""
    python_mirror: Optional[str] = None
    """A mirror to ask for the sizes of interpreter archives; None for the recorded URLs."""
    versioned: bool = False
    module_hashes: tuple[str, ...] = ()
    """Hashes of an application's launch module, then of its support modules."""
    build_from_source: tuple[str, ...] = ()
    """The normalised names of packages to build from source archives, sorted."""
    declared_sources: tuple[str, ...] = ()
    """Those that the layer itself names."""
    distributions: tuple[BuiltDistribution, ...] = ()
    """Of this layer and of those below."""
    chosen_files: tuple[ChosenFiles, ...] = ()
    """Of the distributions of which the layer has not the files that others have."""
    output_dir: GivenPath = "lock"
    """The folder for the lock's files, which have the names of the formats."""
    network: Optional[GivenPath] = None
    """A folder with :class:`.network.NetworkSettings`; None for the environment as it is."""


@dataclass(frozen=True)
class LockedLayer:
    """The result of ``lock-layer``."""

    files: tuple[str, ...]
    """The new files, relative to the output folder; the ``pylock`` file first."""
    changed: bool
    """Whether the content differs from the previous lock."""

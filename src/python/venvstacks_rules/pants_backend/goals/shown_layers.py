"""The layers that ``venvstacks-show`` shows: those named and all below them, in any state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Optional

from pants.engine.addresses import Address
from pants.engine.target import DescriptionField, Target
from pants.util.docutil import bin_name

from venvstacks_rules.model.layers.layer import Layer
from venvstacks_rules.model.locks.freshness import LockState
from venvstacks_rules.model.locks.pylock import Lockfile
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS
from venvstacks_rules.model.summary.built import BuiltLayer, ExpectedBuild
from venvstacks_rules.model.summary.layer import (
    LayerContext,
    LayerSummary,
    LockSummary,
    summarize_layer,
)
from venvstacks_rules.model.summary.stack import BrokenStackFile
from venvstacks_rules.pants_backend.build.output_folders import output_folder_request
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.layer_targets import NamedTargetsRequest, named_targets
from venvstacks_rules.pants_backend.graph.layers import (
    DefinitionProblem,
    LayerGraphRequest,
    layer_graph,
)
from venvstacks_rules.pants_backend.graph.platforms import NativePlatform
from venvstacks_rules.pants_backend.graph.stacks import not_a_layer
from venvstacks_rules.pants_backend.locks.freshness import (
    CheckedLock,
    CheckedLocksRequest,
    checked_locks,
)
from venvstacks_rules.pants_backend.targets.layers import LayerOutputPathField
from venvstacks_rules.pants_backend.targets.manifests import (
    ManifestLayersField,
    ManifestOutputPathField,
)
from venvstacks_rules.pants_backend.targets.source_fields import is_layer

_REPAIRED_BY_LOCKING = (LockState.MISSING, LockState.STALE, LockState.UNREADABLE)


@dataclass(frozen=True)
class ShownLayersRequest:
    """The layers to show, by the targets that were named."""

    targets: tuple[Target, ...]
    """Layers and manifests; others are ignored."""
    platform: Optional[str]
    """The target platform; None for this machine's."""


@dataclass(frozen=True)
class ShownLayer:
    """A sound layer, with its lock and the folders of its builds."""

    layer: Layer
    lock: CheckedLock
    lower: tuple[tuple[Layer, Optional[Lockfile]], ...]
    """In import order."""
    place: str
    """The folder of the definition, or the address of the target that generated it."""
    description: Optional[str]
    folders: tuple[str, ...]
    """The folders below the dist folder into which ``package`` may have put the layer."""

    def expected_build(self, platform: str) -> ExpectedBuild | None:
        """What the files of a build must say; None if the layer has no lock."""
        lockfile = self.lock.files.lockfile
        if lockfile is None:
            return None
        return ExpectedBuild(self.lock.install_target, platform, lockfile.requirements_hash)

    def summary(
        self, platform: str, built: BuiltLayer | None, notes: tuple[str, ...]
    ) -> LayerSummary:
        """The summary of the layer, with the build that was found, if any."""
        files = self.lock.files
        command = f"{bin_name()} generate-lockfiles --resolve={self.layer.address}"
        lock = LockSummary(
            state=self.lock.state,
            path=self.lock.path,
            version=files.lock_version,
            reasons=self.lock.reasons,
            remedy=command if self.lock.state in _REPAIRED_BY_LOCKING else None,
            requirements_hash=files.lockfile.requirements_hash if files.lockfile else None,
        )
        context = LayerContext(
            lock=lock,
            lockfile=files.lockfile,
            lower=self.lower,
            place=self.place,
            description=self.description,
            built=built,
            notes=notes,
        )
        return summarize_layer(self.layer, context, PLATFORMS[platform])


@dataclass(frozen=True)
class ShownLayers:
    """The layers to show, without their builds in the dist folder."""

    platform: str
    layers: tuple[ShownLayer, ...]
    """By address."""
    problems: tuple[str, ...]
    """Of the definitions of layers, and of stack files."""
    broken_files: tuple[BrokenStackFile, ...]


@rule(desc="Read layers and their locks")
async def shown_layers(request: ShownLayersRequest, native: NativePlatform) -> ShownLayers:
    platform = request.platform or native.name
    manifests = [target for target in request.targets if target.has_field(ManifestLayersField)]
    listed = await concurrently(
        named_targets(
            NamedTargetsRequest(
                ManifestLayersField.alias, manifest[ManifestLayersField].value, manifest.address
            ),
            **implicitly(),
        )
        for manifest in manifests
    )
    named = {target.address for target in request.targets if is_layer(target)}
    named.update(address for found in listed for address in found.addresses)
    # A manifest without layers may come from a stack file that cannot be read.
    empty = [m.address for m in manifests if not m[ManifestLayersField].value]
    folders = sorted({address.spec_path for address in (*named, *empty)})
    graphs = await concurrently(
        layer_graph(LayerGraphRequest(folder), **implicitly()) for folder in folders
    )
    targets = {spec: target for graph in graphs for spec, target in graph.targets.items()}
    sound = {spec for graph in graphs for spec in graph.layers}
    problems = {problem.message for graph in graphs for problem in graph.problems}
    problems |= {
        not_a_layer(manifest.address, address)
        for manifest, found in zip(manifests, listed)
        for address in found.addresses
        if address.spec not in targets
    }
    chains = await concurrently(
        checked_locks(CheckedLocksRequest(address, among_broken=True), **implicitly())
        for address in sorted(named)
        if address.spec in sound
    )
    locks = {spec: lock for chain in chains for spec, lock in chain.locks.items()}
    published = [
        output_folder_request(
            m.address, m[ManifestOutputPathField].value, platform, of_stack=True
        ).path
        for m in manifests
    ]
    return ShownLayers(
        platform,
        tuple(
            _shown(locks[spec], locks, targets[spec], published, platform) for spec in sorted(locks)
        ),
        tuple(sorted(problems)),
        _broken_files(problem for graph in graphs for problem in graph.problems),
    )


def _shown(
    lock: CheckedLock,
    locks: Mapping[str, CheckedLock],
    target: Target,
    published: Iterable[str],
    platform: str,
) -> ShownLayer:
    own = output_folder_request(target.address, target[LayerOutputPathField].value, platform).path
    below = [locks[spec] for spec in lock.layer.lower]
    return ShownLayer(
        layer=lock.layer,
        lock=lock,
        lower=tuple((other.layer, other.files.lockfile) for other in below),
        place=_place(target.address),
        description=target[DescriptionField].value,
        folders=tuple(dict.fromkeys((own, *published))),
    )


def _broken_files(problems: Iterable[DefinitionProblem]) -> tuple[BrokenStackFile, ...]:
    messages: dict[tuple[str, str], dict[str, None]] = {}
    for problem in problems:
        if problem.stack is not None:
            messages.setdefault((problem.stack.spec, problem.place), {})[problem.message] = None
    return tuple(
        BrokenStackFile(path, stack, tuple(messages[stack, path]))
        for stack, path in sorted(messages)
    )


def _place(address: Address) -> str:
    if address.is_generated_target:
        return address.maybe_convert_to_target_generator().spec
    return address.spec_path or "//"


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()

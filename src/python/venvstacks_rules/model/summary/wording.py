"""Words and numbers that the text and the page share."""

from __future__ import annotations

from collections.abc import Sequence

from venvstacks_rules.model.locks.freshness import LockState
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS
from venvstacks_rules.model.summary.layer import LayerSummary, OwnPackage, SharedPackage
from venvstacks_rules.model.summary.stack import StackSummary
from venvstacks_rules.model.wording import counted, size_text

LOCK_WORDS = {
    LockState.VALID: "locked",
    LockState.STALE: "lock is stale",
    LockState.MISSING: "no lock",
    LockState.UNREADABLE: "lock is unreadable",
    LockState.UNJUDGED: "lock not judged",
    LockState.DISABLED: "disabled",
}
"""A few words for each state of a lock."""

DOCUMENT_WORDS = {"sbom": "SBOM", "provenance": "provenance"}
"""What each document about a layer is called."""

WEIGHED_BY = {"unpacked_size": "unpacked size", "wheel_size": "wheel size"}


def lock_problem(layer: LayerSummary) -> str | None:
    """The problem of a layer's lock, without a full stop; None without a problem."""
    lock = layer.lock
    if lock.state in (LockState.VALID, LockState.DISABLED):
        return None
    if lock.state is LockState.UNJUDGED:
        return "a layer below has no readable lock, so this lock cannot be checked"
    what = {
        LockState.MISSING: f"there is no {lock.path}",
        LockState.UNREADABLE: f"{lock.path} cannot be read",
    }.get(lock.state, f"{lock.path} is stale")
    return f"{what}: {'; '.join(lock.reasons)}" if lock.reasons else what


def platforms_text(layer: LayerSummary) -> str:
    """The platforms of a layer."""
    if len(layer.target_platforms) == len(PLATFORMS):
        return f"all {len(PLATFORMS)}"
    return ", ".join(layer.target_platforms) or "none"


def layer_sizes(layer: LayerSummary) -> str:
    """The sizes of a layer, in a few words."""
    if layer.is_built:
        unpacked, archive = size_text(layer.unpacked_size), size_text(layer.archive_size)
        return f"{unpacked} unpacked, {archive} archive"
    download = layer.download_size
    return "not built" if not download else f"not built, {size_text(download)} to download"


def stack_sizes(stack: StackSummary) -> str:
    """The sizes of a stack's layers together."""
    layers = counted(len(stack.layers), "layer")
    if stack.unpacked_size is not None:
        unpacked, archives = size_text(stack.unpacked_size), size_text(stack.archive_size)
        return f"{layers}, {unpacked} unpacked, {archives} in archives"
    if stack.download_size is not None:
        return f"{layers}, {size_text(stack.download_size)} to download"
    return layers


def with_version(package: OwnPackage | SharedPackage) -> str:
    """A package as people write it: name and version."""
    return f"{package.name} {package.version}"


def shared_by_layer(layer: LayerSummary) -> tuple[tuple[str, tuple[SharedPackage, ...]], ...]:
    """The packages from lower layers, by the layer that provides them, in import order."""
    order: Sequence[str | None] = [*(name for name, _ in layer.lower), None]
    groups = []
    for name in order:
        found = tuple(package for package in layer.shared if package.layer == name)
        if found:
            groups.append((name or "no layer below any more", found))
    return tuple(groups)

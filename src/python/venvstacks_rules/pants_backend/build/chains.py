"""Builds the archives of an application and of all layers below it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Optional

from pants.engine.addresses import Address
from pants.engine.fs import AddPrefix, Digest, MergeDigests

from venvstacks_rules.model.errors import DeploymentError
from venvstacks_rules.model.layers.build_platforms import platforms_text
from venvstacks_rules.model.requests.deploy import DeployedArchive
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.build.archives import LayerArchiveRequest, layer_archive
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.layers import LayerRequest, find_layer
from venvstacks_rules.pants_backend.graph.platforms import NativePlatform
from venvstacks_rules.pants_backend.locks.freshness import ChainLocksRequest, chain_locks

CACHE_NAME, CACHE_DIR = "venvstacks_layers", "__layers"
"""The named cache of deployed layers, and its path in the sandbox of a process."""

_ARCHIVES_DIR = "archives"


@dataclass(frozen=True)
class ChainRequest:
    """An application with all layers below it, for the machine that Pants runs on."""

    address: Address
    build_root: Optional[str] = None
    """The path of the repository if the layers take first-party code from there, for editors."""


@dataclass(frozen=True)
class Chain:
    """Archives to deploy."""

    digest: Digest
    archives: tuple[DeployedArchive, ...]
    """The runtime first, the application last."""


@rule
async def application_chain(request: ChainRequest, native: NativePlatform) -> Chain:
    found = await find_layer(LayerRequest(request.address), **implicitly())
    platform = native.name
    offered = [offered.name for offered in found.layer.platforms]
    if platform not in offered:
        elsewhere = "Start it on a machine of one of its platforms, or add" if offered else "Add"
        raise DeploymentError(
            "An application cannot be started on this machine:",
            [
                f"{found.layer.address}: {platforms_text(offered)}. {elsewhere} {platform} to its "
                "`platforms` and to those of the layers below it."
            ],
        )
    # To report the problems of all locks together.
    await chain_locks(ChainLocksRequest(request.address), **implicitly())
    addresses = [*reversed(found.layer.lower), found.layer.address]
    built = await concurrently(
        layer_archive(
            LayerArchiveRequest(found.targets[address].address, platform, request.build_root),
            **implicitly(),
        )
        for address in addresses
    )
    # Nothing reads the files beside them here.
    archives = await concurrently(
        engine.digest_subset_to_digest(archive.archive_alone) for archive in built
    )
    merged = await engine.merge_digests(MergeDigests(archives))
    digest = await engine.add_prefix(AddPrefix(merged, _ARCHIVES_DIR))
    return Chain(
        digest,
        tuple(
            DeployedArchive(
                archive=f"{_ARCHIVES_DIR}/{archive.archive}",
                install_target=archive.install_target,
                sha256=archive.sha256,
                size=archive.size,
                unpacked_size=archive.unpacked_size,
            )
            for archive in built
        ),
    )


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()

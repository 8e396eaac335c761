"""Versions of a package in layers beside each other, of which a layer above imports one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

from pants.engine.addresses import Address
from pants.engine.fs import Digest, DigestContents, MergeDigests, PathGlobs
from pants.util.docutil import bin_name

from venvstacks_rules.model.advice.findings import VERSIONS, Ignored
from venvstacks_rules.model.locks.competing import LowerLayer, competing_versions
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.layers import LayerRequest, find_layer
from venvstacks_rules.pants_backend.processes.actions_lock import parsed_lockfile
from venvstacks_rules.pants_backend.subsystems.lint import VenvstacksLintSubsystem


@dataclass(frozen=True)
class RivalVersionsRequest:
    """A layer that was locked."""

    address: Address
    written: tuple[Digest, ...]
    """The files of all locks of this run."""


@dataclass(frozen=True)
class RivalVersions:
    """What to say of the layers below."""

    text: str | None
    """None if they agree."""


@rule
async def rival_versions(
    request: RivalVersionsRequest, lint: VenvstacksLintSubsystem
) -> RivalVersions:
    found = await find_layer(LayerRequest(request.address), **implicitly())
    layer = found.layer
    # Most layers are on one framework: their locks need not be read.
    if lint.skip or not any(
        one.address not in other.lower and other.address not in one.lower
        for one, other in combinations(found.lower, 2)
    ):
        return RivalVersions(None)
    paths = {member.address: found.lockfile(member) for member in (layer, *found.lower)}
    new, committed = await concurrently(
        engine.merge_digests(MergeDigests(request.written)),
        engine.path_globs_to_digest(PathGlobs(sorted(paths.values()))),
    )
    contents: list[DigestContents] = [
        *await concurrently(engine.get_digest_contents(committed), engine.get_digest_contents(new))
    ]
    # New files are in place of those that are committed.
    files = {file.path: file.content for found_in in contents for file in found_in}
    locks = {
        spec: parsed_lockfile(files[path], path) for spec, path in paths.items() if path in files
    }
    if layer.address not in locks:
        return RivalVersions(None)
    rivals = competing_versions(
        (
            LowerLayer(each.address, each.lower, locks[each.address])
            for each in found.lower
            if each.address in locks
        ),
        locks[layer.address],
        layer.platforms,
        layer.python_version,
    )
    ignored = Ignored(tuple(lint.ignore))
    told = [text for name, text in rivals.items() if not ignored.has(VERSIONS, name)]
    if not told:
        return RivalVersions(None)
    return RivalVersions(
        f"{layer.address}: layers below have different versions: {', '.join(told)}. Programs "
        f"import the first one. `{bin_name()} lint {layer.address}` says what to change."
    )


def rules() -> Iterable[object]:
    """The rules of this module."""
    return [*collect_rules(), *VenvstacksLintSubsystem.rules()]

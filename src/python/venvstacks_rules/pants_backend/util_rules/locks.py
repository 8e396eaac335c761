"""Reading lockfiles, and refusing those that do not match their layers."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pants.engine.addresses import Address
from pants.engine.fs import Digest, PathGlobs
from pants.util.docutil import bin_name
from pants.util.frozendict import FrozenDict

from venvstacks_rules.model.errors import LockError
from venvstacks_rules.model.layers import Layer
from venvstacks_rules.model.lockfiles import (
    Lockfile,
    LockInputs,
    inconsistent_with_lower,
    stale_reasons,
    uv_config_hash,
)
from venvstacks_rules.model.names import LayerKind
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.subsystem import VenvstacksSubsystem
from venvstacks_rules.pants_backend.util_rules.layer_graph import (
    LayerInGraph,
    LayerRequest,
    find_layer,
)


@dataclass(frozen=True)
class UvConfig:
    """The file with ``[tool.uv]``, where an option names one."""

    digest: Digest
    path: str | None
    hash: str | None
    """Over the table; None where there is no file."""


@dataclass(frozen=True)
class LockFilesRequest:
    """The committed files of one layer's lock."""

    pylock: str
    """The path of the ``pylock`` file, relative to the build root."""


@dataclass(frozen=True)
class LockFiles:
    """What lies at the places of a layer's lock."""

    lockfile: Lockfile | None
    """None where there is no file."""
    lock_version: int
    locked_at: str
    """An ISO 8601 time; empty where there is no ``.meta.json``."""


@dataclass(frozen=True)
class ChainLocksRequest:
    """The locks of a layer and of all layers below it."""

    address: Address


@dataclass(frozen=True)
class ChainLocks:
    """Locks that match their layers, by address spec."""

    locks: FrozenDict[str, Lockfile]
    files: FrozenDict[str, LockFiles]

    def install_target(self, layer: Layer) -> str:
        """The folder that `layer`, one of the chain, is deployed to."""
        return layer.install_target(self.files[layer.address].lock_version)


@rule
async def uv_config(options: VenvstacksSubsystem) -> UvConfig:
    path = options.uv_config
    if path is None:
        return UvConfig(await engine.path_globs_to_digest(PathGlobs([])), None, None)
    digest = await engine.path_globs_to_digest(PathGlobs([path]))
    contents = await engine.get_digest_contents(digest)
    if not contents:
        raise LockError(
            "`[venvstacks].uv_config` cannot be used:",
            [f"there is no file {path!r}. Create it, or correct the option."],
        )
    try:
        table = engine.toml_loads(contents[0].content.decode()).get("tool", {}).get("uv", {})
    except ValueError as e:
        raise LockError(
            "`[venvstacks].uv_config` cannot be used:", [f"{path}: not a TOML file: {e}."]
        ) from None
    return UvConfig(digest, path, uv_config_hash(table))


@rule
async def lock_files(request: LockFilesRequest) -> LockFiles:
    metadata_path = f"{request.pylock[: -len('.toml')]}.meta.json"
    digest = await engine.path_globs_to_digest(PathGlobs([request.pylock, metadata_path]))
    files = {file.path: file.content for file in await engine.get_digest_contents(digest)}
    metadata = _json_object(files.get(metadata_path), metadata_path)
    lockfile = None
    if request.pylock in files:
        try:
            data = engine.toml_loads(files[request.pylock].decode())
        except ValueError as e:
            raise LockError(
                "A lockfile cannot be read:",
                [f"{request.pylock}: not a TOML file: {e}. Restore it, or delete it and lock."],
            ) from None
        lockfile = Lockfile.from_dict(data, request.pylock)
    return LockFiles(
        lockfile, int(metadata.get("lock_version", 1)), str(metadata.get("locked_at", ""))
    )


def _json_object(content: bytes | None, path: str) -> dict[str, Any]:
    if content is None:
        return {}
    problem = "not the metadata of a lock"
    data = None
    try:
        data = json.loads(content)
    except ValueError as e:
        problem = f"not a JSON file: {e}"
    if isinstance(data, dict) and isinstance(data.get("lock_version", 1), int):
        return data
    raise LockError(
        "A lockfile cannot be read:",
        [f"{path}: {problem}. Restore it, or delete it and lock the layer again."],
    )


def lock_inputs(
    layer: Layer, lower: Iterable[tuple[str, str]], provider: str, config_hash: str | None
) -> LockInputs:
    """What a lock of `layer` is made from.

    `lower` has the layer_name and requirements hash of each lower layer, in import order.
    """
    return LockInputs(
        python_implementation=layer.python_implementation,
        python_provider=provider if layer.kind is LayerKind.RUNTIME else None,
        requirements=layer.requirements,
        platforms=tuple(platform.name for platform in layer.platforms),
        linux_target=layer.linux_target,
        macosx_target=layer.macosx_target,
        lower_layers=tuple(lower),
        uv_config=config_hash,
    )


@rule
async def chain_locks(
    request: ChainLocksRequest, config: UvConfig, options: VenvstacksSubsystem
) -> ChainLocks:
    found = await find_layer(LayerRequest(request.address), **implicitly())
    chain = (*reversed(found.lower), found.layer)
    read = await concurrently(
        lock_files(LockFilesRequest(found.lockfile(layer)), **implicitly()) for layer in chain
    )
    files = {layer.address: file for layer, file in zip(chain, read)}
    locks = {address: file.lockfile for address, file in files.items() if file.lockfile}
    problems = []
    for layer in chain:
        problem = _lock_problem(found, layer, locks, options.python_provider.value, config.hash)
        if problem is not None:
            problems.append(problem)
    if problems:
        what = "A lockfile does" if len(problems) == 1 else f"{len(problems)} lockfiles do"
        raise LockError(f"{what} not match the layer definitions:", problems)
    return ChainLocks(FrozenDict(locks), FrozenDict(files))


def _lock_problem(
    found: LayerInGraph,
    layer: Layer,
    locks: dict[str, Lockfile],
    provider: str,
    config_hash: str | None,
) -> str | None:
    command = f"`{bin_name()} generate-lockfiles --resolve={layer.address}`"
    lock = locks.get(layer.address)
    if lock is None:
        return (
            f"{layer.address}: there is no lockfile {found.lockfile(layer)}. Run {command}, and "
            "commit what it writes."
        )
    by_address = {member.address: member for member in (found.layer, *found.lower)}
    lower = [by_address[address] for address in layer.lower]
    if any(member.address not in locks for member in lower):
        return None  # That lower layer has its own problem, and locking it renews this one too.
    if lock.inputs is None:
        reasons = inconsistent_with_lower(
            lock, tuple((member.layer_name, locks[member.address]) for member in lower)
        )
    else:
        reasons = ()
    hashes = [(member.layer_name, locks[member.address].requirements_hash) for member in lower]
    reasons = (*stale_reasons(lock, lock_inputs(layer, hashes, provider, config_hash)), *reasons)
    if not reasons:
        return None
    return "\n".join(
        [
            f"{layer.address}: the lockfile {found.lockfile(layer)} is stale. Run {command}.",
            *(f"- {reason}" for reason in reasons),
        ]
    )


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()

"""Builds the wheels of packages that a layer takes from source archives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.addresses import Address
from pants.engine.fs import Digest, MergeDigests

from venvstacks_rules.model.errors import WheelError
from venvstacks_rules.model.json_codec import from_json, to_json
from venvstacks_rules.model.locks.build_tools import fitting_tools
from venvstacks_rules.model.locks.pylock import LockedPackage, LockedWheel
from venvstacks_rules.model.network.credentials import indexes_for
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS
from venvstacks_rules.model.requests.built_wheels import BuildWheelRequest, BuiltWheel
from venvstacks_rules.model.wording import and_more
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.layers import LayerRequest, find_layer
from venvstacks_rules.pants_backend.graph.platforms import NativePlatform
from venvstacks_rules.pants_backend.inputs.commits import CommitFilesRequest, commit_files
from venvstacks_rules.pants_backend.inputs.downloads import PinnedFileRequest, pinned_file
from venvstacks_rules.pants_backend.inputs.interpreters import (
    InterpreterRequest,
    interpreter_archive,
)
from venvstacks_rules.pants_backend.locks.freshness import ChainLocksRequest, chain_locks
from venvstacks_rules.pants_backend.locks.uv_config import UvConfigRequest, find_uv_config
from venvstacks_rules.pants_backend.processes.actions import run_action
from venvstacks_rules.pants_backend.processes.bare import ActionProcessRequest
from venvstacks_rules.pants_backend.subsystems.venvstacks import VenvstacksSubsystem

_FEW = 3
_OUTPUT = "built"


@dataclass(frozen=True)
class SourceBuildRequest:
    """Build the wheel of a package that has a source archive."""

    package: LockedPackage
    address: Address
    """The layer whose lockfile has it."""


@dataclass(frozen=True)
class SourceFilesRequest:
    """What the build of a package needs, fetched."""

    package: LockedPackage
    address: Address
    """The layer whose lockfile has it."""
    platform: str
    """That builds."""


@dataclass(frozen=True)
class SourceFiles:
    """What the build of a package needs, at paths in `digest`."""

    digest: Digest
    interpreter: str
    archive: str
    wheels: tuple[str, ...]
    """Of what the build requires."""


@dataclass(frozen=True)
class SourceBuild:
    """A wheel that was built."""

    package: str
    """Its name."""
    wheel: LockedWheel
    remarks: tuple[str, ...]
    """For the user who packages the layer."""


@rule
async def source_files(request: SourceFilesRequest) -> SourceFiles:
    package = request.package
    found, locks = await concurrently(
        find_layer(LayerRequest(request.address), **implicitly()),
        chain_locks(ChainLocksRequest(request.address), **implicitly()),
    )
    layer = found.layer
    runtime = next(one for one in (layer, *found.lower) if one.address == layer.runtime)
    if request.platform not in [platform.name for platform in runtime.platforms]:
        raise WheelError(
            "A package cannot be built from source:",
            [
                f"{layer.address}: {_called(package)} is built for the platform that builds it, "
                f"{request.platform}, which is none of the `platforms` of {runtime.address}. "
                "Package the layer on a machine of one of these, or add the platform."
            ],
        )
    config = await find_uv_config(UvConfigRequest(found.uv_config(layer)), **implicitly())
    interpreter = await interpreter_archive(
        InterpreterRequest(
            runtime, found.targets[runtime.address], locks.locks[runtime.address], request.platform
        ),
        **implicitly(),
    )
    source = package.source
    assert source is not None
    tools = fitting_tools(
        source.build_wheels,
        PLATFORMS[request.platform],
        python_version=layer.python_version,
        linux_target=layer.linux_target,
        macosx_target=layer.macosx_target,
    )
    pinned = [*(() if source.commit is not None else (source.archive,)), *tools]
    commits = await concurrently(
        commit_files(
            CommitFilesRequest(layer.address, commit, source.archive.sha256), **implicitly()
        )
        for commit in (source.commit,)
        if commit is not None
    )
    files = await concurrently(
        pinned_file(
            PinnedFileRequest(
                target=layer.address,
                url=file.url,
                sha256=file.sha256,
                size=file.size,
                directory=str(index),
                indexes=indexes_for(file.url, package.index, config.indexes),
            ),
            **implicitly(),
        )
        for index, file in enumerate(pinned)
    )
    archive, *wheels = (file.path for file in (*commits, *files))
    digest = await engine.merge_digests(
        MergeDigests([interpreter.digest, *(file.digest for file in (*commits, *files))])
    )
    return SourceFiles(digest, interpreter.path, archive, tuple(wheels))


@rule
async def source_build(
    request: SourceBuildRequest, native: NativePlatform, options: VenvstacksSubsystem
) -> SourceBuild:
    package = request.package
    files = await source_files(
        SourceFilesRequest(package, request.address, native.name), **implicitly()
    )
    assert package.source is not None
    commit = package.source.commit
    result = await run_action(
        ActionProcessRequest(
            verb="build-wheel",
            request=to_json(
                BuildWheelRequest(
                    package=_called(package),
                    archive=files.archive,
                    sha256=package.source.archive.sha256,
                    interpreter=files.interpreter,
                    build_wheels=files.wheels,
                    output_dir=_OUTPUT,
                    twice=options.verify_builds,
                    folder=None if commit is None else commit.subdirectory or ".",
                    version=None if commit is None else package.version,
                )
            ),
            input_digest=files.digest,
            output_directories=(_OUTPUT,),
            description=f"Build {package.name} {package.version} from source",
            done=f"Built {package.name} {package.version} from source",
        ),
        **implicitly(),
    )
    made = from_json(BuiltWheel, result.result)
    wheel = made.wheel
    return SourceBuild(
        package.name,
        LockedWheel(wheel.file_name, None, None, wheel.size, wheel.sha256),
        _remarks(package, made.differing),
    )


def _called(package: LockedPackage) -> str:
    return f"`{package.name}` {package.version}"


def _remarks(package: LockedPackage, differing: tuple[str, ...]) -> tuple[str, ...]:
    if not differing:
        return ()
    shown = and_more([f"`{name}`" for name in differing], _FEW)
    return (
        f"{_called(package)} is not built the same twice ({shown}): who builds the layer again, "
        "without this cache, gets another archive",
    )


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()

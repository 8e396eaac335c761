"""``run``: start an application in its layers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pants.core.goals.run import RunFieldSet, RunInSandboxBehavior, RunRequest
from pants.engine.addresses import Address
from pants.engine.fs import Digest
from pants.util.frozendict import FrozenDict

from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.requests.deploy import LaunchRequest
from venvstacks_rules.pants_backend.build.chains import (
    CACHE_DIR,
    CACHE_NAME,
    ChainRequest,
    application_chain,
)
from venvstacks_rules.pants_backend.engine import collect_rules, implicitly, rule
from venvstacks_rules.pants_backend.processes.actions import action_process
from venvstacks_rules.pants_backend.processes.bare import ActionProcessRequest
from venvstacks_rules.pants_backend.subsystems.venvstacks import VenvstacksSubsystem
from venvstacks_rules.pants_backend.targets.source_fields import LaunchModuleField


@dataclass(frozen=True)
class ApplicationRunFieldSet(RunFieldSet):
    """An application to run."""

    required_fields = (LaunchModuleField,)
    run_in_sandbox_behavior = RunInSandboxBehavior.RUN_REQUEST_HERMETIC

    launch_module: LaunchModuleField


@dataclass(frozen=True)
class LaunchedLayerRequest:
    """A layer to start on the terminal."""

    address: Address
    interpreter: bool = False
    """Whether to start its Python instead of its launch module."""


@dataclass(frozen=True)
class LaunchedLayer:
    """What starts a layer on the terminal."""

    digest: Digest
    args: tuple[str, ...]
    """Arguments for what is started may follow."""
    immutable_input_digests: FrozenDict[str, Digest]
    append_only_caches: FrozenDict[str, str]


@dataclass(frozen=True)
class InteractiveActionRequest:
    """An action to start outside of a sandbox of the engine."""

    action: ActionProcessRequest


@dataclass(frozen=True)
class InteractiveAction:
    """What starts an action from any folder, without a file for its result."""

    digest: Digest
    """What it reads; ``{chroot}`` in the arguments stands for where it lies."""
    args: tuple[str, ...]
    immutable_input_digests: FrozenDict[str, Digest]
    """Its sources and libraries, and maybe an interpreter, by their folders below that."""
    append_only_caches: FrozenDict[str, str]


@rule
async def interactive_action(request: InteractiveActionRequest) -> InteractiveAction:
    prepared = await action_process(request.action, **implicitly())
    process = prepared.process
    return InteractiveAction(
        process.input_digest,
        interactive_arguments(process.argv),
        process.immutable_input_digests,
        process.append_only_caches,
    )


@rule
async def launched_layer(
    request: LaunchedLayerRequest, options: VenvstacksSubsystem
) -> LaunchedLayer:
    chain = await application_chain(ChainRequest(request.address), **implicitly())
    launch = LaunchRequest(
        chain.archives,
        CACHE_DIR,
        interpreter=request.interpreter,
        verify=options.verify_layers,
    )
    action = ActionProcessRequest(
        verb="launch",
        request=to_json(launch),
        input_digest=chain.digest,
        append_only_caches=FrozenDict({CACHE_NAME: CACHE_DIR}),
        description=f"Run {request.address}",
    )
    started = await interactive_action(InteractiveActionRequest(action), **implicitly())
    return LaunchedLayer(
        started.digest,
        (*started.args, "--"),
        started.immutable_input_digests,
        started.append_only_caches,
    )


@rule
async def run_application(field_set: ApplicationRunFieldSet) -> RunRequest:
    launched = await launched_layer(LaunchedLayerRequest(field_set.address), **implicitly())
    return RunRequest(
        digest=launched.digest,
        args=launched.args,
        immutable_input_digests=launched.immutable_input_digests,
        append_only_caches=launched.append_only_caches,
    )


def interactive_arguments(argv: Sequence[str]) -> tuple[str, ...]:
    """The command of a process for a terminal, from any folder, without a file for the result."""
    python, *flags, start, verb, option, request_file, _, _ = argv
    interpreter = python if python.startswith("/") else f"{{chroot}}/{python}"
    files = f"{{chroot}}/{start}", verb, option, f"{{chroot}}/{request_file}"
    return (interpreter, *flags, *files)


def rules() -> Iterable[object]:
    """The rules of this module."""
    return [*collect_rules(), *ApplicationRunFieldSet.rules()]

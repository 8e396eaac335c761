"""Actions that use the network, with the settings and credentials of the person who builds.

They run on the machine of the build, also for what is built by remote execution: the settings are
nowhere else, and workers may have no network.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.env_vars import CompleteEnvironmentVars
from pants.engine.environment import ChosenLocalEnvironmentName, EnvironmentName
from pants.engine.internals.options_parsing import _Options
from pants.engine.internals.session import SessionValues
from pants.engine.process import Process
from pants.engine.streaming_workunit_handler import (
    WorkunitsCallback,
    WorkunitsCallbackFactory,
    WorkunitsCallbackFactoryRequest,
)
from pants.engine.unions import UnionRule
from pants.option.global_options import NamedCachesDirOption

from venvstacks_rules.pants_backend.engine import (
    collect_rules,
    implicitly,
    rule,
    uncacheable_rule,
)
from venvstacks_rules.pants_backend.processes.actions import (
    PlacedActionRequest,
    action_process,
    placed_action,
)
from venvstacks_rules.pants_backend.processes.bare import ActionProcessRequest, ActionResult
from venvstacks_rules.pants_backend.processes.network import (
    NetworkAccess,
    kept_settings,
    network_access,
    with_settings,
)

_TERMINAL_GOALS = frozenset({"publish", "venvstacks-repository"})
"""Goals that start actions on the terminal with settings."""
_KEPT = contextlib.ExitStack()
"""The settings for the terminal; there until the run ends."""


@dataclass(frozen=True)
class NetworkActionRequest:
    """An action that uses the network; the `network` of its request is :data:`NETWORK_DIR`."""

    action: ActionProcessRequest
    stores: bool = False
    """Whether it talks to repositories of layers, and so gets their credentials."""
    programs: bool = False
    """Whether it starts programs of the machine, which find others and their own settings."""


@dataclass(frozen=True)
class TerminalNetworkActionRequest:
    """An action for the terminal that talks to repositories of layers, later in this run."""

    action: ActionProcessRequest
    secrets: tuple[str, ...] = ()
    """The names of further variables that it gets."""


@dataclass(frozen=True)
class TerminalNetworkAction:
    """What starts it; its settings are there until the run ends."""

    process: Process


def _variables(access: NetworkAccess, *, stores: bool) -> dict[str, str]:
    return {**(access.store_variables if stores else {}), **access.variables}


# Were this remembered, a process that has to run again would run without the file.
@uncacheable_rule
async def run_network_action(
    request: NetworkActionRequest, caches: NamedCachesDirOption, local: ChosenLocalEnvironmentName
) -> ActionResult:
    access = await network_access(**implicitly())
    variables = _variables(access, stores=request.stores)
    if request.programs:
        variables = {**access.program_variables, **variables}
    with kept_settings(variables, str(caches.val)):
        result: ActionResult = await placed_action(
            PlacedActionRequest(with_settings(request.action)),
            **implicitly({local.val: EnvironmentName}),
        )
    return result


# The same.
@uncacheable_rule
async def terminal_network_action(
    request: TerminalNetworkActionRequest, caches: NamedCachesDirOption, session: SessionValues
) -> TerminalNetworkAction:
    access = await network_access(**implicitly())
    prepared = await action_process(with_settings(request.action), **implicitly())
    secrets = session[CompleteEnvironmentVars].get_subset(request.secrets)
    variables = {**_variables(access, stores=True), **secrets}
    _KEPT.enter_context(kept_settings(variables, str(caches.val)))
    return TerminalNetworkAction(prepared.process)


class _EndOfRun(WorkunitsCallback):
    """Removes the settings when the run has ended."""

    @property
    def can_finish_async(self) -> bool:
        return False

    def __call__(self, *, finished: bool, **_: object) -> None:
        if finished:
            _KEPT.close()


@dataclass(frozen=True)
class EndOfRunRequest:
    """Asks for the callback."""


@rule
async def end_of_run(_: EndOfRunRequest, options: _Options) -> WorkunitsCallbackFactory:
    used = _TERMINAL_GOALS.intersection(options.options.goals)
    return WorkunitsCallbackFactory(lambda: _EndOfRun() if used else None)


def rules() -> Iterable[object]:
    """The rules of this module."""
    return [*collect_rules(), UnionRule(WorkunitsCallbackFactoryRequest, EndOfRunRequest)]

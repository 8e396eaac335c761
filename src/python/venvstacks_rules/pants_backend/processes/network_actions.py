"""Actions that use the network, with the settings and credentials of the person who builds.

They run on the machine of the build, also for what is built by remote execution: the settings are
nowhere else, and workers may have no network.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.environment import ChosenLocalEnvironmentName, EnvironmentName
from pants.option.global_options import NamedCachesDirOption

from venvstacks_rules.pants_backend.engine import (
    collect_rules,
    implicitly,
    uncacheable_rule,
)
from venvstacks_rules.pants_backend.processes.actions import (
    PlacedActionRequest,
    placed_action,
)
from venvstacks_rules.pants_backend.processes.bare import ActionProcessRequest, ActionResult
from venvstacks_rules.pants_backend.processes.network import (
    kept_settings,
    network_access,
    with_settings,
)


@dataclass(frozen=True)
class NetworkActionRequest:
    """An action that uses the network; the `network` of its request is :data:`NETWORK_DIR`."""

    action: ActionProcessRequest


# Were this remembered, a process that has to run again would run without the file.
@uncacheable_rule
async def run_network_action(
    request: NetworkActionRequest, caches: NamedCachesDirOption, local: ChosenLocalEnvironmentName
) -> ActionResult:
    access = await network_access(**implicitly())
    with kept_settings(access.variables, str(caches.val)):
        result: ActionResult = await placed_action(
            PlacedActionRequest(with_settings(request.action)),
            **implicitly({local.val: EnvironmentName}),
        )
    return result


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()

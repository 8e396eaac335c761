"""Pins interpreter archives that no lockfile pins (verb ``pin-interpreters``).

The lock of a runtime pins them, unless another tool wrote it.
"""

from __future__ import annotations

from venvstacks_rules.actions.interpreters.pbs import pin_interpreters
from venvstacks_rules.actions.locking.platforms import platforms_named
from venvstacks_rules.actions.network.settings import use_network_settings
from venvstacks_rules.model.json_codec import from_json
from venvstacks_rules.model.platforms.libc import parsed_linux_target
from venvstacks_rules.model.requests.pin import PinInterpretersRequest, PinnedInterpreters


def run(request_text: str) -> PinnedInterpreters:
    """Pin the archives of a :class:`PinInterpretersRequest`; raises LockError if impossible."""
    request = from_json(PinInterpretersRequest, request_text)
    use_network_settings(request.network)
    return PinnedInterpreters(
        pin_interpreters(
            request.target,
            request.python_version,
            platforms_named(request.target, request.platforms),
            libc=parsed_linux_target(request.linux_target).libc,
            mirror=request.python_mirror,
        )
    )

"""``normalize-wheel``: write a wheel that a build made again, and tell what it is."""

from __future__ import annotations

from venvstacks_rules.actions.wheels.normalized import normalized
from venvstacks_rules.model.json_codec import from_json
from venvstacks_rules.model.requests.built_wheels import NormalizedWheel, NormalizeWheelRequest


def run(request_text: str) -> NormalizedWheel:
    """Do what a :class:`NormalizeWheelRequest` asks for; WheelError for a damaged wheel."""
    request = from_json(NormalizeWheelRequest, request_text)
    return normalized(request.wheel, request.output)

"""Pushes an image to a registry, on a terminal (``push-image``)."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from venvstacks_rules.actions.network.settings import use_network_settings
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.images.documents import Descriptor
from venvstacks_rules.model.json_codec import from_json
from venvstacks_rules.model.requests.images import PushImageRequest
from venvstacks_rules.repository.images.pushing import layout_image, push_plan, pushed
from venvstacks_rules.repository.images.registry import ImageRepository


def run(request_text: str) -> None:
    """Do what a PushImageRequest asks for, and print the report.

    Raises StoreError; the tags are as they were then.
    """
    request = from_json(PushImageRequest, request_text)
    use_network_settings(request.network)
    layout, place = Path(request.layout), request.place
    top = Descriptor(request.media_type, request.image, request.size)
    image = layout_image(layout, top)
    repository = ImageRepository(place, os.environ)
    registry = place.partition("/")[0]
    others = [(name, ImageRepository(f"{registry}/{name}", os.environ)) for name in request.sources]
    plan = push_plan(repository, image, request.tags, others)
    called = f"{place}@{top.digest}"
    if not plan.changes:
        print(f"{called}: the registry has all of it", flush=True)
        return
    if request.check:
        raise RepositoryError("There is something to push:", [f"{called}: {plan.text(done=False)}"])
    if request.only_show:
        print(f"{called}: {plan.text(done=False)}", flush=True)
        return
    done = pushed(repository, image, plan, layout, _say)
    print(f"{called}: {done.text(done=True)}", flush=True)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)

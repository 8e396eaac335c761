"""Fetches an image for one platform from a registry (``fetch-image``)."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from venvstacks_rules.actions.network.settings import use_network_settings
from venvstacks_rules.local.files.streams import naming
from venvstacks_rules.model.errors import RequestError
from venvstacks_rules.model.images.documents import ImagePlatform
from venvstacks_rules.model.images.references import parsed_reference
from venvstacks_rules.model.json_codec import from_json
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS
from venvstacks_rules.model.requests.images import FetchedImage, FetchImageRequest
from venvstacks_rules.repository.images.fetching import fetched
from venvstacks_rules.repository.images.registry import ImageRepository


def run(request_text: str) -> FetchedImage:
    """Do what a FetchImageRequest asks for; it leaves no files if that is impossible.

    Raises StoreError if the registry does not give what was pinned, and ImageError if that is no
    image for the platform.
    """
    request = from_json(FetchImageRequest, request_text)
    try:
        image = parsed_reference(request.image)
    except ValueError as e:
        raise RequestError(f"image: {e}") from None
    known = request.platform in PLATFORMS
    platform = ImagePlatform.of(request.platform) if known else None
    if platform is None:
        raise RequestError(f"platform: `{request.platform}` is no platform of images")
    use_network_settings(request.network)
    output = Path(request.output)
    with naming(output):
        output.mkdir(parents=True)
    try:
        repository = ImageRepository(image.place, os.environ)
        return FetchedImage(fetched(repository, image, platform, output))
    except BaseException:
        shutil.rmtree(output)
        raise

"""Manifests of images in one repository of a registry, and layers that it takes from others."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from urllib.parse import quote

from venvstacks_rules.model.images.base import MANIFEST_TYPES, MOST_DOCUMENT
from venvstacks_rules.model.images.documents import Descriptor
from venvstacks_rules.repository.stores.artifacts import Artifacts
from venvstacks_rules.repository.stores.attempts import PassingError, retried
from venvstacks_rules.repository.stores.store import StoreError


class ImageRepository(Artifacts):
    """The images of one repository; `place` is ``host[:port]/name``."""

    def __init__(self, place: str, environment: Mapping[str, str]) -> None:
        super().__init__(place, place, environment)
        self._connections.remedy = "Look at the registry."
        self.called = place
        """In messages."""

    @retried
    def manifest(self, sha256: str) -> bytes:
        """The manifest or index with this hash. StoreError if it is not there, or is another."""
        key = f"sha256:{sha256}"
        headers = {"Accept": ", ".join(MANIFEST_TYPES)}
        with self.answer(key, f"manifests/{key}", headers=headers) as answer:
            if answer.status != 200:
                raise self.refused(key, answer)
            content = self._body(key, answer, MOST_DOCUMENT)
        if hashlib.sha256(content).hexdigest() != sha256:
            raise StoreError(
                f"{self.called}: `{key}`: the registry sends another manifest. Look at the "
                "registry."
            )
        return content

    @retried
    def digest_of_tag(self, tag: str) -> str | None:
        """``sha256:<hex>`` of what a tag stands for; None if it is not there, or not said."""
        headers = {"Accept": ", ".join(MANIFEST_TYPES)}
        with self.answer(tag, f"manifests/{tag}", "HEAD", headers=headers) as answer:
            if answer.status in (404, 410):
                return None
            if answer.status != 200:
                raise self.refused(tag, answer)
            return answer.headers.get("Docker-Content-Digest")

    @retried
    def put_manifest(self, name: str, media_type: str, content: bytes) -> None:
        """Store a manifest under a tag, or under its digest."""
        headers = {"Content-Type": media_type, "Content-Length": str(len(content))}
        with self.answer(name, f"manifests/{name}", "PUT", headers=headers, body=[content]) as said:
            if said.status != 201:
                problem = self.refused(name, said)
                # A registry may not see a blob while another client stores it once more.
                passes = "MANIFEST_BLOB_UNKNOWN" in str(problem)
                raise PassingError(str(problem)) if passes else problem

    @retried
    def mount(self, blob: Descriptor, source: str) -> bool:
        """Take a blob from another repository of the registry; False if that does not work."""
        query = f"mount={quote(blob.digest)}&from={quote(source, safe='')}"
        headers = {"Content-Length": "0"}
        path = f"blobs/uploads/?{query}"
        with self.answer(blob.digest, path, "POST", headers=headers) as answer:
            # Otherwise it began an upload, which it forgets by itself.
            return answer.status == 201

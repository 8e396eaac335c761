"""Blobs and artifact manifests of a registry, as the specification of OCI has them."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

from venvstacks_rules.local.web.answers import announced_size
from venvstacks_rules.model.repository.keys import blob_hash
from venvstacks_rules.repository.stores.attempts import PassingError, retried, trouble
from venvstacks_rules.repository.stores.connections import Answer
from venvstacks_rules.repository.stores.registries import Registry
from venvstacks_rules.repository.stores.store import CHUNK, Content, StoreError

FILE, BLOB = "application/vnd.venvstacks.file.v1", "application/vnd.venvstacks.blob.v1"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_EMPTY, _NOTHING = "application/vnd.oci.empty.v1+json", Content.of(b"{}")
_KEY, _CREATED = "org.venvstacks.key", "org.opencontainers.image.created"
_MOST_MANIFEST, _MOST_TAGS = 4 * 1024 * 1024, 64 * 1024 * 1024


@dataclass(frozen=True)
class Layer:
    """A blob, as a manifest names it."""

    sha256: str
    size: int

    @property
    def path(self) -> str:
        """Below the repository."""
        return f"blobs/sha256:{self.sha256}"


@dataclass(frozen=True)
class Artifact:
    """What a tag stands for."""

    digest: str
    """Of the manifest."""
    key: str
    layers: tuple[Layer, ...]
    """The file itself, then what it names."""
    created: float
    """By the clock of the registry, in seconds since 1970."""


@dataclass(frozen=True)
class _Body:
    """A body that can be sent again."""

    content: Content

    def __iter__(self) -> Iterator[bytes]:
        return self.content.pieces()


class Artifacts(Registry):
    """Blobs and manifests of one repository."""

    _has_nothing = False
    """Whether the config of all artifacts is there."""
    _now: datetime | None = None

    def layers(self, key: str, content: Content, holds: Iterable[str]) -> list[Layer]:
        """The file, which is stored, and the blobs that it names, which are there."""
        layers = [Layer(content.reference.sha256, content.reference.size)]
        if self.blob_size(key, layers[0].sha256) is None:
            self.upload(key, content)
        for sha256 in filter(None, map(blob_hash, holds)):
            size = self._sizes.get(sha256)
            if size is None:
                size = self.blob_size(key, sha256)
            if size is None:
                raise StoreError(f"{self._url}: `{key}` names a blob that is missing: {sha256}.")
            layers.append(Layer(sha256, size))
        return layers

    @retried
    def blob_size(self, key: str, sha256: str) -> int | None:
        """The size of a blob, or None."""
        with self.answer(key, f"blobs/sha256:{sha256}", "HEAD") as answer:
            self._hear(answer)
            if answer.status in (404, 410):
                return None
            size = announced_size(answer)
            if answer.status != 200 or size is None:
                raise self.refused(key, answer)
            self._sizes[sha256] = size
            return size

    def content(self, key: str, layer: Layer) -> bytes:
        """All bytes of a blob; of small ones by one request."""
        if layer.size <= CHUNK:
            return self._small(key, layer)
        return b"".join(self.pieces(key, layer.path, 0, layer.size))

    @retried
    def _small(self, key: str, layer: Layer) -> bytes:
        with self.answer(key, layer.path) as answer:
            if answer.status in (404, 410):
                raise self._connections.wrong(key, "is missing")
            if answer.status != 200:
                raise self.refused(key, answer)
            return self._body(key, answer, layer.size)

    @retried
    def upload(self, key: str, content: Content) -> None:
        """Store a blob; the registry compares it with its hash."""
        with self.answer(key, "blobs/uploads/", "POST", headers={"Content-Length": "0"}) as answer:
            self._hear(answer)
            place = answer.headers.get("Location", "")
            if answer.status != 202 or not place:
                raise self.refused(key, answer)
        url = f"{place}{'&' if '?' in place else '?'}digest=sha256:{content.reference.sha256}"
        headers = {
            "Content-Length": str(content.reference.size),
            "Content-Type": "application/octet-stream",
        }
        with self.answer(key, url, "PUT", headers=headers, body=_Body(content)) as answer:
            if answer.status != 201:
                raise self.refused(key, answer)
        self._sizes[content.reference.sha256] = content.reference.size

    @retried
    def artifact(self, key: str, tag: str) -> Artifact | None:
        """What `tag` stands for, or None."""
        with self.answer(key, f"manifests/{tag}", headers={"Accept": _MANIFEST}) as answer:
            if answer.status in (404, 410):
                return None
            if answer.status != 200:
                raise self.refused(key, answer)
            content = self._body(key, answer, _MOST_MANIFEST)
        try:
            data = json.loads(content)
            notes = data["annotations"]
            if not data["layers"]:
                raise ValueError("no layers")
            return Artifact(
                f"sha256:{hashlib.sha256(content).hexdigest()}",
                str(notes[_KEY]),
                tuple(
                    Layer(str(layer["digest"]).partition(":")[2], int(layer["size"]))
                    for layer in data["layers"]
                ),
                datetime.fromisoformat(notes[_CREATED]).timestamp(),
            )
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            why = f"the tag `{tag}` is not an artifact of a repository of layers"
            other = "Use another name, if images lie there."
            raise self._connections.wrong(key, "cannot be used", why, other) from None

    @retried
    def put_artifact(self, key: str, tag: str, layers: Sequence[Layer]) -> None:
        """Have `tag` stand for `layers`; none: for nothing at all."""
        self.put_artifact_once(key, tag, layers)

    def put_artifact_once(self, key: str, tag: str, layers: Sequence[Layer]) -> None:
        """The same in one attempt; PassingError if there may be another."""
        if not self._has_nothing:
            if self.blob_size(key, _NOTHING.reference.sha256) is None:
                self.upload(key, _NOTHING)
            self._has_nothing = True
        nothing = _layer(Layer(_NOTHING.reference.sha256, _NOTHING.reference.size), _EMPTY)
        kinds = [FILE, *[BLOB] * len(layers)]
        data = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": _MANIFEST,
                "artifactType": FILE,
                "config": nothing,
                "layers": [_layer(*pair) for pair in zip(layers, kinds)] or [nothing],
                "annotations": {
                    _KEY: key,
                    _CREATED: (self._now or datetime.now(timezone.utc)).isoformat(),
                },
            }
        ).encode()
        headers = {"Content-Type": _MANIFEST, "Content-Length": str(len(data))}
        with self.answer(key, f"manifests/{tag}", "PUT", headers=headers, body=[data]) as answer:
            stored = answer.headers.get("Docker-Content-Digest")
            if answer.status != 201:
                problem = self.refused(key, answer)
                # A registry may not see a blob while another client stores it once more.
                passes = "MANIFEST_BLOB_UNKNOWN" in str(problem)
                raise PassingError(str(problem)) if passes else problem
        if stored not in (None, f"sha256:{hashlib.sha256(data).hexdigest()}"):
            raise StoreError(f"{self._url}: `{key}` was damaged on its way. Publish it again.")

    @retried
    def remove(self, key: str, path: str) -> bool:
        """Remove a blob or a manifest; False if the registry does not do that."""
        with self.answer(key, path, "DELETE") as answer:
            if answer.status in (400, 405, 501):
                return False
            if answer.status not in (200, 202, 204, 404, 410):
                raise self.refused(key, answer)
            return True

    def remove_tag(self, key: str, tag: str) -> bool:
        """Remove a tag, with what it stands for; False if the registry does not do that."""
        artifact = self.artifact(key, tag)
        return artifact is None or self.remove(key, f"manifests/{artifact.digest}")

    def tags(self, key: str) -> Iterator[str]:
        """All tags."""
        path = "tags/list?n=1000"
        while path:
            names, path = self._page(key, path)
            yield from names

    @retried
    def _page(self, key: str, path: str) -> tuple[list[str], str]:
        with self.answer(key, path) as answer:
            if answer.status == 404:
                return [], ""
            if answer.status != 200:
                raise self.refused(key, answer)
            link = answer.headers.get("Link", "")
            content = self._body(key, answer, _MOST_TAGS)
        following = link.partition("<")[2].partition(">")[0] if 'rel="next"' in link else ""
        try:
            return [str(name) for name in json.loads(content).get("tags") or []], following
        except (ValueError, TypeError, AttributeError, RecursionError):
            why = "the registry sends no list of tags"
            raise StoreError(trouble(self._url, key, why, "Look at the registry.")) from None

    def _body(self, key: str, answer: Answer, limit: int) -> bytes:
        data = b""
        while piece := answer.read(limit + 1 - len(data)):
            data += piece
        if len(data) > limit:
            raise self._connections.wrong(key, f"has more than {limit} bytes")
        if announced_size(answer) not in (None, len(data)):
            raise PassingError(trouble(self._url, key, "the connection broke", "Try again later."))
        return data

    def _hear(self, answer: Answer) -> None:
        """Take the registry's word for what time it is."""
        with contextlib.suppress(TypeError, ValueError):
            self._now = parsedate_to_datetime(answer.headers["Date"])


def _layer(layer: Layer, kind: str) -> dict[str, Any]:
    return {"mediaType": kind, "digest": f"sha256:{layer.sha256}", "size": layer.size}

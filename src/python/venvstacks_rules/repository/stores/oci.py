"""``oci://host[:port]/name``: a repository of a registry of containers.

Blobs are its blobs. Everything else is a tag at an artifact, whose first layer is the file, and
whose other layers are the blobs that the file names: what a registry does with images, as mounting,
replication and removing what nobody names, it does with these as well. Writers of one tag take
turns by claims.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from venvstacks_rules.model.repository.keys import BLOBS, LayerKey, blob_hash, blob_key
from venvstacks_rules.repository.stores.artifacts import Artifact, Artifacts, Layer
from venvstacks_rules.repository.stores.claims import written
from venvstacks_rules.repository.stores.store import (
    Content,
    Entry,
    Store,
    Stored,
    StoreError,
    UrlError,
)
from venvstacks_rules.repository.stores.tags import CLAIMS, key_tag, tag_key

_PLACE = re.compile(r"[A-Za-z0-9.\[\]:-]+(/[a-z0-9]+([._-]+[a-z0-9]+)*)+")


class OciStore(Store):
    """A repository of a registry."""

    damage = "arrived damaged"

    def __init__(self, url: str, environment: Mapping[str, str]) -> None:
        parts = urlsplit(url)
        place = f"{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"
        self.url = f"oci://{place}"
        if _PLACE.fullmatch(place) is None or "@" in parts.netloc:
            raise UrlError(
                f"`{self.url}` does not name a repository of a registry; write `oci://host/name`, "
                "the name in lower case. Credentials come from `docker login`."
            )
        self._artifacts = Artifacts(self.url, place, environment)

    def get(self, key: str, *, limit: int) -> Stored | None:
        """All bytes at `key`, or None."""
        layer, digest = self._found(key)
        if layer is None:
            return None
        if layer.size > limit:
            raise self.too_many(key, limit)
        data = self._artifacts.content(key, layer)
        if hashlib.sha256(data).hexdigest() != layer.sha256 and blob_hash(key) is None:
            raise self.damaged(key, "it has another hash than its tag")
        return Stored(data, digest)

    def size(self, key: str) -> int | None:
        """The number of bytes at `key`, or None."""
        layer, _ = self._found(key)
        return None if layer is None else layer.size

    def read(self, key: str, start: int, end: int) -> Iterator[bytes]:
        """The bytes from `start` to before `end`."""
        layer, _ = self._found(key)
        if layer is None or layer.size < end:
            raise self.missing(key) if layer is None else self.too_few(key, end)
        return self._artifacts.pieces(key, layer.path, start, end)

    def explained(self, key: str) -> list[str]:
        """Who reads from a registry may be somebody who mends nothing there."""
        return self._artifacts.explained(key)

    def put_if_absent(self, key: str, content: Content, holds: Sequence[str] = ()) -> bool:
        """Store `content`; False if something is there already."""
        if self.size(key) is not None:
            return False
        if blob_hash(key) is not None:
            self._artifacts.upload(key, content)
            return True
        layers = self._artifacts.layers(key, content, holds)
        parsed = LayerKey.parsed(key)
        if parsed is not None and parsed.sha256 == content.reference.sha256:
            # Whoever else writes this key at the same time writes the same bytes.
            self._artifacts.put_artifact(key, key_tag(key), layers)
            return True
        return self._written(key, layers, None)

    def replace(self, key: str, data: bytes, mark: str | None, holds: Sequence[str] = ()) -> bool:
        """Store `data` if `key` is as it was when it had `mark`."""
        return self._written(key, self._artifacts.layers(key, Content.of(data), holds), mark)

    def list(self, prefix: str) -> Iterator[Entry]:
        """All keys that begin with `prefix`, sorted; of blobs, those that something names."""
        blobs = BLOBS.startswith(prefix) or prefix.startswith(f"{BLOBS}/")
        tags = [
            tag
            for tag in self._artifacts.tags(prefix)
            if not tag.startswith(CLAIMS) and (blobs or (tag_key(tag) or prefix).startswith(prefix))
        ]
        found: dict[str, Entry] = {}
        with ThreadPoolExecutor(self.concurrency) as pool:
            for artifact in pool.map(lambda tag: self._artifacts.artifact(prefix, tag), tags):
                for entry in _entries(artifact):
                    before = found.get(entry.key)
                    if before is None or before.modified < entry.modified:
                        found[entry.key] = entry
        yield from (found[key] for key in sorted(found) if key.startswith(prefix))

    def delete(self, keys: Iterable[str]) -> None:
        """Remove what lies at these keys; many registries remove blobs themselves only."""
        for key in keys:
            sha256 = blob_hash(key)
            if sha256 is not None:
                self._artifacts.remove(key, f"blobs/sha256:{sha256}")
            elif not self._artifacts.remove_tag(key, key_tag(key)):
                raise StoreError(
                    f"{self.url}: `{key}`: the registry does not let anybody delete. Permit it in "
                    "the settings of the registry (`storage.delete.enabled`)."
                )

    def _found(self, key: str) -> tuple[Layer | None, str]:
        """The blob with what lies at `key`, and its mark."""
        sha256 = blob_hash(key)
        if sha256 is None:
            artifact = self._artifacts.artifact(key, key_tag(key))
            return (None, "") if artifact is None else (artifact.layers[0], artifact.digest)
        size = self._artifacts.blob_size(key, sha256)
        return (None, "") if size is None else (Layer(sha256, size), sha256)

    def _written(self, key: str, layers: Sequence[Layer], mark: str | None) -> bool:
        def is_same() -> bool:
            return (self._found(key)[1] or None) == mark

        def write() -> None:
            self._artifacts.put_artifact_once(key, key_tag(key), layers)

        return written(self._artifacts, key, is_same, write)


def _entries(artifact: Artifact | None) -> Iterator[Entry]:
    if artifact is None:
        return
    file, *blobs = artifact.layers
    yield Entry(artifact.key, file.size, artifact.created)
    for blob in blobs:
        yield Entry(blob_key(blob.sha256), blob.size, artifact.created)

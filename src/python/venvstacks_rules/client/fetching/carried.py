"""Wheels in an installer: they become the files of segments here.

Nothing of it is believed. An entry of a wheel becomes a file if it has the hash that the list of
files names; the number of the entry only says where to look.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

from venvstacks_rules.client.fetching.plan import CarriedFiles, Plan, WantedSegment
from venvstacks_rules.client.installation.documents import Documents
from venvstacks_rules.local.files.streams import DamagedError, chunks
from venvstacks_rules.model.contents.files import ArchivedFile
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.repository.carried import (
    IN_REST,
    MOST_CARRIED_BYTES,
    CarriedWheel,
    carried_key,
)
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.repository.stores.store import Store

_READ_ERRORS = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, ValueError)
"""What `zipfile` raises for a wheel that is none, or that nobody can unpack."""


@dataclass(frozen=True)
class CarriedWheels:
    """The wheels of an installer."""

    store: Store
    documents: Documents

    def in_place_of_segments(self, plan: Plan) -> Plan:
        """The plan, with wheels in place of segments where the installer has them.

        RepositoryError if what it says of one cannot be used.
        """
        return replace(plan, fetched=_joined(map(self._with_wheel, plan.fetched)))

    def _with_wheel(self, wanted: WantedSegment) -> WantedSegment:
        segment = wanted.segment
        key = carried_key(segment.blob.sha256)
        found = self.store.get(key, limit=MOST_CARRIED_BYTES)
        if found is None:
            return wanted
        carried = CarriedWheel.from_json(found.data, key)
        listed = self.documents.listing(segment.files)
        if carried.segment != segment.blob or len(carried.entries) != len(listed):
            raise RepositoryError(
                f"{self.store.url}: `{key}` cannot be used.",
                [f"it is for another segment than that of `{segment.source}`"],
            )
        numbers = dict(zip(listed, carried.entries))
        entries = [(numbers[file], file) for file in wanted.missing if numbers[file] != IN_REST]
        rest = tuple(file for file in wanted.missing if numbers[file] == IN_REST)
        # By their numbers, which is the order of the wheel; not all files are in it.
        entries.sort(key=lambda each: each[0])
        return replace(wanted, carried=CarriedFiles(carried, tuple(entries), rest))


def _joined(fetched: Iterable[WantedSegment]) -> tuple[WantedSegment, ...]:
    """The same with the files that come from a wheel alone in one, so that it is read once."""
    joined: list[WantedSegment] = []
    places: dict[tuple[str, Reference], int] = {}
    for wanted in fetched:
        parts = wanted.carried
        if parts is None:
            joined.append(wanted)
            continue
        key = (wanted.layer.index.install_target, parts.carried.wheel)
        place = places.setdefault(key, len(joined))
        if place == len(joined) or parts.rest:
            joined.append(wanted)
            continue
        first = joined[place]
        assert first.carried is not None
        entries = sorted((*first.carried.entries, *parts.entries), key=lambda each: each[0])
        joined[place] = replace(
            first,
            missing=(*first.missing, *wanted.missing),
            carried=replace(first.carried, entries=tuple(entries)),
        )
    return tuple(joined)


def wheel_files(
    stream: BinaryIO, carried: CarriedFiles
) -> Iterator[tuple[ArchivedFile, Iterator[bytes]]]:
    """The files that are taken from a wheel, each with its content, which is read before the next.

    Raises DamagedError and EOFError for a wheel that has them not.
    """
    try:
        archive = zipfile.ZipFile(stream)
    except _READ_ERRORS as e:
        raise _damaged(e) from None
    with archive:
        infos = archive.infolist()
        for number, file in carried.entries:
            if not 0 <= number < len(infos):
                raise DamagedError(f"its wheel has no entry {number}, which is to be {file.path!a}")
            yield file, _pieces(archive, infos[number])


def _pieces(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    try:
        with archive.open(info) as content:
            yield from chunks(content)
    except _READ_ERRORS as e:
        raise _damaged(e) from None


def _damaged(error: Exception) -> DamagedError:
    return DamagedError(f"its wheel cannot be unpacked: {error}")

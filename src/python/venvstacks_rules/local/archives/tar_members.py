"""The members of a tar stream of strangers.

`tarfile` reads headers of any size into memory, follows them as deep as they are nested, and raises
what its own code stumbles over. Here a header that is no header is damage of the archive.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from typing import BinaryIO

from venvstacks_rules.local.archives.tar_stream import TarStream
from venvstacks_rules.local.files.streams import DamagedError
from venvstacks_rules.model.wording import printable

MOST_HEADER_BYTES = 1024 * 1024
"""Of one header with a long name or other properties; real ones have some hundred bytes."""

_BUFFER = 64 * 1024
"""`tarfile` copies what is left of it for each member: more costs more than it saves."""

_EXTENSIONS = frozenset(
    {
        tarfile.XHDTYPE,
        tarfile.XGLTYPE,
        tarfile.SOLARIS_XHDTYPE,
        tarfile.GNUTYPE_LONGNAME,
        tarfile.GNUTYPE_LONGLINK,
    }
)


def open_members(stream: TarStream | BinaryIO, *, seek: bool = False) -> tarfile.TarFile:
    """The archive in `stream`; names that are not UTF-8 are damage.

    With `seek`, contents are passed over, and members know where theirs begin in the file.
    """
    try:
        return tarfile.open(
            fileobj=stream,
            mode="r:" if seek else "r|",
            bufsize=_BUFFER,
            tarinfo=_Header,
            encoding="utf-8",
            errors="strict",
        )
    except (DamagedError, OSError):
        raise
    except Exception as e:  # noqa: BLE001 - whatever the first header makes of `tarfile`
        raise DamagedError(_described(e)) from None


def members(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Its members; raises DamagedError for a header that cannot be read."""
    found = iter(archive)
    while True:
        try:
            member = next(found, None)
        except (DamagedError, OSError):
            raise
        except Exception as e:  # noqa: BLE001 - whatever a header makes of `tarfile`
            raise DamagedError(_described(e)) from None
        if member is None:
            return
        # `tarfile` remembers all members for seeking, which is not needed here.
        archive.members = []  # type: ignore[attr-defined]
        if member.size < 0:
            # Set by an extended header.
            raise DamagedError(f"`{printable(member.name)}` has {member.size} bytes")
        yield member


class _Header(tarfile.TarInfo):
    """A header whose size was judged before anything of that size is read."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Header:
        """The header in a block."""
        header = super().frombuf(buf, encoding, errors)
        if header.size < 0:
            raise DamagedError(f"`{printable(header.name)}` has {header.size} bytes")
        if header.type in _EXTENSIONS and header.size > MOST_HEADER_BYTES:
            raise DamagedError(
                f"a header has {header.size} bytes; {MOST_HEADER_BYTES} are accepted"
            )
        return header


def _described(error: Exception) -> str:
    if isinstance(error, (tarfile.TarError, EOFError)):
        return str(error)
    if isinstance(error, RecursionError):
        return "its headers are nested too deeply"
    return f"a header cannot be read: {error}"

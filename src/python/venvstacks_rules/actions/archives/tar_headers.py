"""Entries of a tar stream whose bytes depend on their arguments only.

Python releases differ in some header fields that ``tarfile`` writes, so this module writes them:
POSIX.1-2001 (``ustar``, with ``pax`` records for names, links and sizes that do not fit), uid and
gid 0, no owner names, a constant time.
"""

from __future__ import annotations

from venvstacks_rules.model.contents.files import MODIFICATION_TIME
from venvstacks_rules.model.contents.segments import TAR_BLOCK
from venvstacks_rules.model.values import dataclass

END_OF_ARCHIVE = bytes(2 * TAR_BLOCK)
"""Ends a tar stream; only the last segment of an archive has it."""

_NAME, _PREFIX = 100, 155
"""Bytes of the header's fields for names and for the folders before a name."""
_MAX_OCTAL_SIZE = 8**11 - 1
_REGULAR, _SYMLINK, _PAX = b"0", b"2", b"x"


@dataclass(frozen=True)
class TarEntry:
    """What a header says; the content of a file follows it."""

    path: str
    """Relative, with forward slashes."""
    size: int = 0
    executable: bool = False
    link_target: str | None = None


def header(entry: TarEntry) -> bytes:
    """The header blocks of `entry`."""
    path, link = entry.path, entry.link_target or ""
    # Links have no mode of their own; 0777 is what every tar writes.
    kind, mode = _SYMLINK, 0o777
    if entry.link_target is None:
        kind, mode = _REGULAR, 0o755 if entry.executable else 0o644
    records = b""
    prefix, name = _split(path)
    if name is None:
        records += _pax_record("path", path)
        prefix, name = b"", _truncated(path)
    linkname = link.encode("utf-8")
    if len(linkname) > _NAME or not link.isascii():
        records += _pax_record("linkpath", link)
        linkname = _truncated(link)
    size = entry.size
    if size > _MAX_OCTAL_SIZE:
        records += _pax_record("size", str(size))
        size = 0
    blocks = b""
    if records:
        blocks = _block((b"", b"././@PaxHeader"), 0o644, len(records), _PAX, b"")
        blocks += records + padding(len(records))
    return blocks + _block((prefix, name), mode, size, kind, linkname)


def padding(size: int) -> bytes:
    """The zeros that fill up `size` bytes to a whole block."""
    return bytes(-size % TAR_BLOCK)


def _split(path: str) -> tuple[bytes, bytes | None]:
    """The ``prefix`` and ``name`` fields for `path`; no name if it needs a pax record."""
    if not path.isascii():
        return b"", None
    raw = path.encode("ascii")
    if len(raw) <= _NAME:
        return b"", raw
    # The prefix ends at a slash, which is not stored; the rest must fit into the name.
    cut = raw.rfind(b"/", 0, _PREFIX + 1)
    name = raw[cut + 1 :]
    if cut <= 0 or len(name) > _NAME or not name:
        return b"", None
    return raw[:cut], name


def _truncated(text: str) -> bytes:
    return text.encode("ascii", "replace")[:_NAME]


def _pax_record(key: str, value: str) -> bytes:
    # The length at the start counts itself.
    rest = f" {key}={value}\n".encode()
    length = len(rest)
    while len(str(length)) + len(rest) != length:
        length = len(str(length)) + len(rest)
    return str(length).encode("ascii") + rest


def _block(path: tuple[bytes, bytes], mode: int, size: int, kind: bytes, link: bytes) -> bytes:
    prefix, name = path
    fields = (
        (name, _NAME),
        (b"%07o\0" % mode, 8),
        (b"%07o\0" % 0, 8),
        (b"%07o\0" % 0, 8),
        (b"%011o\0" % size, 12),
        (b"%011o\0" % MODIFICATION_TIME, 12),
        (b" " * 8, 8),
        (kind, 1),
        (link, _NAME),
        (b"ustar\x0000", 8),
        (b"", 32),
        (b"", 32),
        (b"%07o\0" % 0, 8),
        (b"%07o\0" % 0, 8),
        (prefix, _PREFIX),
    )
    raw = b"".join(value.ljust(width, b"\0") for value, width in fields).ljust(TAR_BLOCK, b"\0")
    return raw[:148] + b"%06o\0 " % sum(raw) + raw[156:]

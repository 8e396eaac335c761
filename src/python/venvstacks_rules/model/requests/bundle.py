"""The requests of the actions that make installers.

They are ``portable-archive``, ``carry-wheels`` and ``make-bundle``.
"""

from __future__ import annotations

from typing import Optional

from venvstacks_rules.model.contents.inputs import WheelFile
from venvstacks_rules.model.paths import GivenPath
from venvstacks_rules.model.values import dataclass

SCRIPT, APP, PACKAGE = "sh", "app", "pkg"
MACOSX_FORMATS = (SCRIPT, APP, PACKAGE)
"""The forms of an installer: a script, a compressed application folder, a package."""


@dataclass(frozen=True)
class PortableArchiveRequest:
    """Make the archive of a layer that the tools of every machine unpack (``portable-archive``).

    That is ``tar.gz`` on Linux and macOS, and ``zip`` on Windows.
    """

    index: GivenPath
    """The index of the layer version."""
    segments: tuple[GivenPath, ...]
    """In the order of the index."""
    output: GivenPath


@dataclass(frozen=True)
class PortableArchive:
    """The result of ``portable-archive``."""

    size: int
    """In bytes."""
    sha256: str


@dataclass(frozen=True)
class SegmentOfWheel:
    """A segment that was made of a wheel."""

    sha256: str
    path: GivenPath
    listing: GivenPath
    """The list of its files."""


@dataclass(frozen=True)
class SegmentedWheel(WheelFile):
    """A wheel, and the segments that were made of it."""

    segments: tuple[SegmentOfWheel, ...]


@dataclass(frozen=True)
class CarryWheelsRequest:
    """Split segments into wheels, which exist, and the rest (``carry-wheels``)."""

    index: GivenPath
    """The index of the layer version."""
    wheels: tuple[SegmentedWheel, ...]
    output: GivenPath
    """The folder for the rests and for the documents that say how they and the wheels become
    segments."""


@dataclass(frozen=True)
class CarriedSegment:
    """What an installer carries in place of a segment, beside the wheel."""

    segment: str
    """Its hash."""
    document: str
    """How the wheel becomes the segment: a file in the folder."""
    rest: str
    """The hash of the rest, and the name of its file in the folder."""


@dataclass(frozen=True)
class CarriedSegments:
    """The result of ``carry-wheels``, in the order of the request.

    A large file that is not in the wheel has no place here: the installer has its segment.
    """

    segments: tuple[CarriedSegment, ...]


@dataclass(frozen=True)
class MakeBundleRequest:
    """Make an installer (``make-bundle``)."""

    title: str
    """What it is called."""
    description: str
    """The text of the file ``bundle.json``."""
    python: str
    """The interpreter that starts the client: its path below the folder of the layers."""
    site_folders: tuple[str, ...]
    """Where the client's modules are, below the same folder."""
    archives: tuple[GivenPath, ...]
    """Of the layers of the client, as ``portable-archive`` makes them."""
    files: dict[str, str]
    """For the key of each file of the repository that it carries, where the file lies."""
    output: GivenPath
    root: Optional[GivenPath] = None
    """A file with the root that updates are verified with."""
    form: str = SCRIPT
    """Of an installer for Linux and macOS; that for Windows is a zip archive."""
    identifier: str = ""
    """What macOS calls an application folder or a package."""


@dataclass(frozen=True)
class MadeBundle:
    """The result of ``make-bundle``."""

    size: int
    """In bytes."""
    sha256: str
    """Of the whole installer."""

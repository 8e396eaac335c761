"""Where things lie inside a deployed layer; all paths relative to the layer's folder.

The POSIX layout of the ``venvstacks`` formats (see the reference, "Layer archive").
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

LAYER_CONFIG = PurePosixPath("share/venv/metadata/venvstacks_layer.json")
DYNLIB_DIR = PurePosixPath("share/venv/dynlib")
POSTINSTALL = PurePosixPath("postinstall.py")

# Written at deployment or of no use there: never in an archive, and not in a RECORD either.
_NEVER_NAMES = frozenset({"__pycache__"})
_NEVER_AT_TOP = frozenset({"pyvenv.cfg"})


def short_version(python_version: str) -> str:
    """``X.Y`` of a version ``X.Y`` or ``X.Y.Z``."""
    return ".".join(python_version.split(".")[:2])


@dataclass(frozen=True)
class LayerLayout:
    """The folders of a layer for one Python version (``X.Y`` or ``X.Y.Z``) on POSIX."""

    python_version: str

    @property
    def scripts(self) -> PurePosixPath:
        """The scripts folder: nothing but the interpreter is kept there."""
        return PurePosixPath("bin")

    @property
    def python(self) -> PurePosixPath:
        """The interpreter that starts modules of this layer."""
        return self.scripts / "python"

    @property
    def base_python(self) -> PurePosixPath:
        """The interpreter itself, in a runtime layer."""
        return self.scripts / "python"

    @property
    def stdlib(self) -> PurePosixPath:
        """The standard library (in a runtime) and what is compiled at deployment (in all)."""
        return PurePosixPath("lib", f"python{short_version(self.python_version)}")

    @property
    def site_packages(self) -> PurePosixPath:
        """Both purelib and platlib."""
        return self.stdlib / "site-packages"

    def headers(self, distribution: str) -> PurePosixPath:
        """Where the C headers of a distribution go, as in a virtual environment."""
        version = short_version(self.python_version)
        return PurePosixPath("include", "site", f"python{version}", distribution)

    def is_dropped(self, path: PurePosixPath) -> bool:
        """Whether a file of a wheel, at `path` in the layer, stays out of the archive.

        Dropped are byte code caches, whatever lies in the scripts folder, hidden files at the top
        level, and the two files that post-installation writes.
        """
        return (
            not _NEVER_NAMES.isdisjoint(path.parts)
            or path.parts[0] == self.scripts.name
            or path.parts[0].startswith(".")
            or (len(path.parts) == 1 and path.name in _NEVER_AT_TOP)
            or path == self.site_packages / "sitecustomize.py"
        )

"""Which files of a wheel stay out of a layer, by the globs of the field ``exclude_files``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath

from venvstacks_rules.model.contents.layout import LayerLayout
from venvstacks_rules.model.globs import matches_end

_DIST_INFO = ".dist-info"


class Exclusions:
    """The globs for one wheel.

    A glob matches the end of a path in site-packages; for a file of a wheel that lies elsewhere,
    the end of its path in the layer. If it matches a folder, all files in it are left out. The
    ``.dist-info`` folder stays: it says what is installed, and holds the licenses.
    """

    def __init__(self, globs: Iterable[str], layout: LayerLayout) -> None:
        self.globs = tuple(globs)
        self._site_packages = layout.site_packages.parts
        self._folders: dict[str, frozenset[str]] = {"": frozenset()}

    def matching(self, path: PurePosixPath) -> frozenset[str]:
        """The globs that leave out the file at `path` in the layer; none if it stays."""
        parts = path.parts
        length = len(self._site_packages)
        if parts[:length] == self._site_packages:
            parts = parts[length:]
            if parts[0].endswith(_DIST_INFO):
                return frozenset()
        name = "/".join(parts)
        found = self._of_folder(name.rpartition("/")[0])
        return found.union(glob for glob in self.globs if matches_end(name, glob))

    def leave_out(self, path: PurePosixPath) -> bool:
        """Whether the file at `path` in the layer is left out."""
        return bool(self.globs) and bool(self.matching(path))

    def _of_folder(self, folder: str) -> frozenset[str]:
        """The globs that match a folder or one above it; remembered, as folders have many files."""
        found = self._folders.get(folder)
        if found is None:
            above = self._of_folder(folder.rpartition("/")[0])
            own = (glob for glob in self.globs if matches_end(folder, glob.rstrip("/")))
            found = self._folders[folder] = above.union(own)
        return found

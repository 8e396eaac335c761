"""Files that are here already: in the generations of all applications."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from venvstacks_rules.client.disk.operations import found_hash
from venvstacks_rules.client.installation.documents import Documents, Files
from venvstacks_rules.client.installation.generations import Generations
from venvstacks_rules.client.installation.records import InstalledLayer
from venvstacks_rules.model.contents.files import ArchivedFile
from venvstacks_rules.model.errors import VenvstacksError
from venvstacks_rules.model.repository.indexes import LayerIndex, PublishedSegment

_MOST_COPIES = 3
"""Of one layer version, and of one file: others are the same file, most of the time."""


class KnownLayer:
    """A layer in a generation, with the files that its lists name."""

    def __init__(self, folder: str, index: LayerIndex, files: Files, made: Files) -> None:
        self.folder = folder
        self.index = index
        self.files = files
        self.made = made
        """What post-installation made."""

    def is_sound(self, file: ArchivedFile) -> bool:
        """Whether a file of it, when it is read, is what its list says."""
        return is_sound(f"{self.folder}/{file.path}", file)

    @property
    def python(self) -> str | None:
        """The version of Python that the layer is for."""
        return self.index.metadata.get("python_implementation")

    def place(self, file: ArchivedFile) -> str | None:
        """Where the file is that has the path, the content and the mode of `file`."""
        found = self.made.get(file.path) or self.files.get(file.path)
        same = found is file or found == file
        return f"{self.folder}/{file.path}" if same else None


class Known:
    """Where files of a content may be. Nothing of it is believed before it was hashed."""

    def __init__(self, layers: Iterable[KnownLayer]) -> None:
        self._layers = tuple(layers)
        self._by_target: dict[str, list[KnownLayer]] = {}
        for known in self._layers:
            self._by_target.setdefault(known.index.install_target, []).append(known)
        self._places: dict[tuple[str, bool], list[str]] | None = None
        self._guard = threading.Lock()

    def layers(self, install_target: str) -> Sequence[KnownLayer]:
        """The layers with a folder of this name, the ones that are started first."""
        return self._by_target.get(install_target, ())

    def find(self, install_target: str, file: ArchivedFile) -> str | None:
        """The path of a file with the content and the mode of `file`, which was read and hashed."""
        same = (known.place(file) for known in self.layers(install_target))
        tried = set()
        for path in chain(same, self._elsewhere(file)):
            if path is not None and path not in tried:
                tried.add(path)
                if is_sound(path, file):
                    return path
        return None

    def segments(self) -> Iterator[PublishedSegment]:
        """The segments of all layers, the ones that are started first."""
        for known in self._layers:
            yield from known.index.segments

    def find_content(self, sha256: str, size: int) -> str | None:
        """The path of a file with this content, of any mode, which was read and hashed."""
        for executable in (False, True):
            file = ArchivedFile("", size, sha256, executable)
            for path in self._elsewhere(file):
                if is_sound(path, file):
                    return path
        return None

    def _elsewhere(self, file: ArchivedFile) -> Iterator[str]:
        """Paths in other layers, and moved ones in the same; looked for only when asked."""
        with self._guard:
            if self._places is None:
                self._places = self._by_content()
        yield from self._places.get((file.sha256, file.executable), ())

    def _by_content(self) -> dict[tuple[str, bool], list[str]]:
        found: dict[tuple[str, bool], list[str]] = {}
        for known in self._layers:
            for other in known.files.values():
                places = found.setdefault((other.sha256, other.executable), [])
                if len(places) < _MOST_COPIES:
                    places.append(f"{known.folder}/{other.path}")
        return found


def known_layers(
    all_generations: Iterable[Generations],
    documents: Documents,
    others: Iterable[KnownLayer] = (),
) -> Known:
    """What is in these generations, those of the first application first; and in `others`."""
    found = []
    seen: dict[str, int] = {}
    for generations in all_generations:
        for number, generation in generations.usable():
            for layer in generation.layers:
                seen[layer.index.sha256] = seen.get(layer.index.sha256, 0) + 1
                if seen[layer.index.sha256] > _MOST_COPIES:
                    continue
                try:
                    index = documents.index(layer.index)
                    files = documents.files(index)
                    made = made_files(layer, documents)
                except VenvstacksError:
                    # A damaged generation: its files are fetched.
                    continue
                folder = f"{generations.layers(number)}/{layer.install_target}"
                found.append(KnownLayer(folder, index, files, made))
    return Known([*found, *others])


def made_files(layer: InstalledLayer, documents: Documents) -> Files:
    """What post-installation made in a layer, by path."""
    return {file.path: file for made in layer.made for file in documents.listing(made)}


def is_sound(path: str, file: ArchivedFile) -> bool:
    """Whether a file has the mode and, when it is read, the content that `file` says."""
    return found_hash(path, file.size, executable=file.executable) == file.sha256

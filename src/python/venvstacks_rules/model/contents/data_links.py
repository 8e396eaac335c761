"""The data files of packages in the layers below, as programs look for them.

A wheel may bring files for the top of an environment: `share/jupyter`, `etc/fonts`. Programs find
them below ``sys.prefix``, which is the folder of the layer that is started. So that folder has
links to what the layers below have: the same view as in one environment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import Optional, Union

from venvstacks_rules.model.contents.files import OwnLink
from venvstacks_rules.model.layers.interface import LayerInterface

# Code, programs and the layer's own folder; and texts for people, which no program looks for.
_LEFT_OUT = frozenset(
    {"bin", "include", "lib", "lib64", "library", "scripts", "share/doc", "share/man", "share/venv"}
)

_Node = dict[str, Union["_Node", None]]
"""The names in a folder, each with the folder of that name, or None for a file."""


def is_data(path: str) -> bool:
    """Whether a file at `path` in a layer is one that programs look for below ``sys.prefix``."""
    parts = PurePosixPath(path.casefold()).parts
    return len(parts) > 1 and _LEFT_OUT.isdisjoint((parts[0], "/".join(parts[:2])))


def data_links(own: Iterable[str], lower: Sequence[LayerInterface]) -> tuple[OwnLink, ...]:
    """The links of a layer with the data files `own`, on `lower` in import order.

    Of two layers with a file, the first counts. A folder that is in one layer only is one link; a
    folder at the top never is, as other things may be put into it.
    """
    trees = [_tree(own), *(_tree(file.path for file in below.data) for below in lower)]
    targets = [below.install_target for below in lower]
    return tuple(_links("", list(enumerate(trees)), targets))


def _tree(paths: Iterable[str]) -> _Node:
    root: _Node = {}
    for path in sorted(paths):
        *folders, name = path.split("/")
        node: Optional[_Node] = root
        for folder in folders:
            node = node if node is None else node.setdefault(folder, {})
        if node is not None:
            node.setdefault(name, None)
    return root


def _links(
    folder: str, trees: Sequence[tuple[int, _Node]], targets: Sequence[str]
) -> Iterator[OwnLink]:
    """The links in `folder`; a tree has the number of its layer, 0 for the layer itself."""
    found: dict[str, list[tuple[int, str, Optional[_Node]]]] = {}
    for number, tree in trees:
        for name, node in tree.items():
            # On some systems, names that differ by case are one.
            found.setdefault(name.casefold(), []).append((number, name, node))
    for _, members in sorted(found.items()):
        number, name, first = members[0]
        path = f"{folder}/{name}" if folder else name
        if first is not None and (len(members) > 1 or not folder):
            inner = [(n, node) for n, _, node in members if node is not None]
            yield from _links(path, inner, targets)
        elif number:
            up = "../" * len(path.split("/"))
            yield OwnLink(path, f"{up}{targets[number - 1]}/{path}")

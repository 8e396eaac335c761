"""The trees that layers are linked from: their keys, and how missing ones are made."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Union

from venvstacks_rules.actions.deployment.tree_cache import TreeCache, key
from venvstacks_rules.actions.files.tree import Tree, TreeWriter
from venvstacks_rules.actions.interpreters.files import write_interpreter
from venvstacks_rules.actions.wheels.installed import RefusedWheelError, refusal, write_wheel
from venvstacks_rules.local.files.streams import sha256_of
from venvstacks_rules.model.contents.inputs import InterpreterFile, LayerWheel
from venvstacks_rules.model.contents.layout import LayerLayout
from venvstacks_rules.model.contents.segments import INTERPRETER
from venvstacks_rules.model.platforms.python_versions import short_version
from venvstacks_rules.model.requests.export import LayerToExport
from venvstacks_rules.model.values import dataclass
from venvstacks_rules.model.wording import counted, size_text


@dataclass(frozen=True)
class Source:
    """What a tree is made of: a wheel for a Python version, or an interpreter."""

    name: str
    """For messages: the wheel's file name, or ``interpreter``."""
    key: str
    """Of the tree."""
    input: Union[LayerWheel, InterpreterFile]
    python_version: str
    """``X.Y``."""
    os_name: str
    case_sensitive: bool

    def write(self, writer: TreeWriter, spool: Path) -> tuple[str, ...]:
        """Write the tree. Raises RefusedWheelError or InterpreterError for an invalid input.

        Returns what is wrong with a wheel that is used all the same.
        """
        if isinstance(self.input, LayerWheel):
            layout = LayerLayout(self.python_version, self.os_name)
            return write_wheel(self.input, layout, writer)
        write_interpreter(
            self.input,
            writer,
            spool,
            os_name=self.os_name,
            case_sensitive=self.case_sensitive,
        )
        return ()

    @property
    def size(self) -> int:
        """Of the input, in bytes."""
        return self.input.size or os.stat(self.path).st_size

    @property
    def path(self) -> str:
        """Of the input."""
        return self.input.path if isinstance(self.input, LayerWheel) else self.input.archive


def chosen_files(wheel: LayerWheel) -> tuple[str, ...]:
    """A part of the key of a wheel that a layer does not have as it is; empty for others."""
    if not wheel.exclude and not wheel.scripts:
        return ()
    # A control character is in no file name, and so in no glob that matches one.
    return ("exclude", *wheel.exclude, "\n", *wheel.scripts)


def sources(layer: LayerToExport) -> tuple[Source, ...]:
    """What a layer is made of besides its own files, in the order of an archive."""
    version, os_name = short_version(layer.python_version), layer.os_name
    found = [
        Source(
            wheel.file_name,
            key("wheel", wheel.sha256, wheel.file_name, version, os_name, *chosen_files(wheel)),
            wheel,
            version,
            os_name,
            layer.case_sensitive,
        )
        for wheel in layer.wheels
    ]
    if layer.interpreter is not None:
        given = layer.interpreter
        sha256 = given.sha256 or sha256_of(given.archive)[0]
        spelled = "any case" if layer.case_sensitive else "one case"
        name = key("interpreter", sha256, given.python_version, os_name, spelled, *given.strip)
        found.insert(0, Source(INTERPRETER, name, given, version, os_name, layer.case_sensitive))
    return tuple(found)


def unpack(
    wanted: Iterable[Source], cache: TreeCache, say: Callable[[str], None]
) -> dict[str, Tree]:
    """The trees of `wanted`, by key; those that the cache lacks are unpacked in parallel.

    Raises WheelError with the problems of all wheels, and InterpreterError.
    """
    by_key = {source.key: source for source in wanted}
    found = {name: cache.find(name) for name in by_key}
    trees = {name: tree for name, tree in found.items() if tree is not None}
    missing = [source for source in by_key.values() if source.key not in trees]
    if not missing:
        return trees
    # What takes longest goes first.
    missing.sort(key=lambda source: -source.size)
    size = size_text(sum(source.size for source in missing))
    say(f"Unpacking {listed(missing)} ({size})")
    refused: list[RefusedWheelError] = []
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        futures = [pool.submit(_unpack, source, cache) for source in missing]
        for source, future in zip(missing, futures):
            try:
                trees[source.key], remarks = future.result()
                for remark in remarks:
                    say(f"Warning: {remark}")
            except RefusedWheelError as e:
                refused.append(e)
    if refused:
        refused.sort(key=lambda error: error.problems)
        raise refusal(refused, len(by_key))
    return trees


def _unpack(source: Source, cache: TreeCache) -> tuple[Tree, tuple[str, ...]]:
    remarks: list[str] = []
    tree = cache.add(source.key, lambda writer: remarks.extend(source.write(writer, cache.staging)))
    return tree, tuple(remarks)


def listed(found: Sequence[Source]) -> str:
    """How many wheels and interpreters these are, in words."""
    interpreters = sum(isinstance(source.input, InterpreterFile) for source in found)
    wheels = len(found) - interpreters
    counts = ((interpreters, "interpreter"), (wheels, "wheel"))
    return " and ".join(counted(n, what) for n, what in counts if n)

"""Checks that rooms import what is below them, as the table in `rooms.py` has it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from rooms import HOUSE, ROOFS, STRANGERS
from source_modules import PACKAGE, Import, Module, Problem


def check_rooms(module: Module) -> Iterator[Problem]:
    """Rooms import rooms below them, as the table has it; there is one door to each name."""
    part, room = module.part, module.room
    if module.parts[1:] == ("postinstall",):
        # It ships alone, and has a check of its own.
        return
    if room and room not in HOUSE[part]:
        yield module.problem(1, f"`{part}/{room}` is not in the table of build-support/rooms.py")
        return
    for imported in module.imports:
        for target in _rooms_of(imported, part):
            problem = _arrow_problem(module, target, imported)
            if problem is not None:
                yield module.problem(imported.line, problem)
    for node in module.tree.body if room != "engine" else ():
        if isinstance(node, ast.Assign) and "__all__" in map(ast.unparse, node.targets):
            yield module.problem(
                node.lineno, "import names from the module that defines them, not by `__all__`"
            )


def _rooms_of(imported: Import, part: str) -> Iterator[str]:
    """The room of `part` that an import is from; a module of the part's own folder as such."""
    prefix = f"{PACKAGE}.{part}."
    names = [target[len(prefix) :] for target in imported.targets if target.startswith(prefix)]
    if names:
        yield names[0].partition(".")[0]


def _arrow_problem(module: Module, target: str, imported: Import) -> str | None:
    """What is wrong with an import from `target`, a room or a module of the part's own folder."""
    part, room = module.part, module.room
    is_roof = not room and module.parts[-1] in ROOFS[part]
    problem = None
    if target in ROOFS[part] and not is_roof:
        problem = f"nothing may import {part}/{target}, which brings all rooms together"
    elif target not in HOUSE[part] or is_roof:
        pass
    elif not room:
        name = module.parts[-1]
        problem = f"{part}/{name} is used by all rooms and may import none, not {target}"
    elif target == room:
        problem = _stranger_problem(module, imported)
    elif target not in HOUSE[part][room].split():
        problem = f"{part}/{room} may not import {part}/{target}; see build-support/rooms.py"
    return problem


def _stranger_problem(module: Module, imported: Import) -> str | None:
    room, name = f"{module.part}/{module.room}", module.parts[-1]
    path = imported.targets[0].split(".")
    other = path[3] if len(path) > 3 else imported.name
    if room not in STRANGERS or other == name:
        return None
    return (
        f"{room} may not import each other: {name} imports {other}; move what they share to a room "
        "below"
    )


def unused_arrows(modules: Sequence[Module]) -> Iterator[Problem]:
    """Arrows of the table that no import follows, of rooms that are there; and arrows down."""
    used = {
        (module.part, module.room, target)
        for module in modules
        for imported in module.imports
        for target in _rooms_of(imported, module.part)
    }
    there = {(module.part, module.room) for module in modules}
    for part, rooms in HOUSE.items():
        order = list(rooms)
        for room, arrows in rooms.items():
            for target in arrows.split():
                if target not in order[: order.index(room)]:
                    text = (
                        f"{part}: {room} imports {target}, which must come before it in the table"
                    )
                    yield Problem("build-support/rooms.py", 1, text)
                elif (part, room) in there and (part, room, target) not in used:
                    text = f"{part}: {room} does not import {target}; remove the arrow"
                    yield Problem("build-support/rooms.py", 1, text)

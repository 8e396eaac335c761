"""The page about the architecture shows the rooms that there are, and names modules that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rooms import HOUSE

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "python" / "venvstacks_rules"
PAGE = (ROOT / "docs" / "explanation" / "architecture.md").read_text(encoding="utf-8")
MODULES = {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py")}


def section(title: str) -> str:
    """The text below a title, with that of the titles below it."""
    found = re.search(rf"^(#+) {re.escape(title)}\n", PAGE, re.MULTILINE)
    assert found is not None, f"there is no section {title}"
    rest = PAGE[found.end() :]
    end = re.search(rf"^#{{1,{len(found[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def rows(text: str) -> list[list[str]]:
    """The cells of each row of the tables in `text`, without their heads."""
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]


@pytest.mark.parametrize("part", HOUSE)
def test_rooms_and_arrows_are_those_of_the_table(part: str) -> None:
    shown = {
        room.strip("`"): " ".join(re.findall(r"`(\w+)`", arrows))
        for room, _, arrows in rows(section(f"Rooms of `{part}`"))
    }
    assert list(shown.items()) == list(HOUSE[part].items())


def test_the_drawing_has_every_room_above_those_that_it_imports() -> None:
    found = re.search(
        r"^```text\n(pants_backend +model +actions +.*?)^```",
        PAGE,
        re.MULTILINE | re.DOTALL,
    )
    assert found is not None
    head, *floors = found[1].splitlines()
    starts = {part: head.index(part) for part in HOUSE}
    assert floors
    for part, rooms in HOUSE.items():
        start = starts[part]
        end = min((other for other in starts.values() if other > start), default=None)
        heights = {
            room: -height
            for height, floor in enumerate(floors)
            for room in floor[start:end].split()
        }
        assert set(heights) == set(rooms)
        for room, arrows in rooms.items():
            assert all(heights[room] > heights[target] for target in arrows.split()), room


def test_every_module_of_the_walk_exists() -> None:
    walk = rows(section("The walk of one wheel"))
    assert len(walk) > 20
    for room, modules, _ in walk:
        for name in re.findall(r"`([\w.]+\.py)`", modules):
            assert f"{room.strip('`')}/{name}" in MODULES


def test_every_path_exists() -> None:
    named = re.findall(r"`((?:model|local|client|actions|pants_backend)/[\w/.]+)`", PAGE)
    assert len(named) > 50
    assert [path for path in named if path not in MODULES and not (PACKAGE / path).is_dir()] == []
    for path in re.findall(r"`((?:build-support|docs|tests)/[\w/.-]+)`", PAGE):
        assert (ROOT / path).exists(), path


def test_every_module_of_the_answers_exists() -> None:
    names = {Path(path).name for path in MODULES}
    for name in re.findall(r"`(\w+\.py)`", section("Where do I put ...?")):
        assert name in names

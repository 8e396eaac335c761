"""JSON files as an enemy or an accident makes them, from good ones."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import strategies as st

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(10**30)
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["..", "/etc/passwd", "a/../b", "\ud800", "con", "\x1b[2J", "a" * 300]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all values."""
    found = [path]
    if isinstance(data, dict):
        found += [one for key, value in data.items() for one in places(value, (*path, key))]
    elif isinstance(data, list):
        found += [one for i, value in enumerate(data) for one in places(value, (*path, i))]
    return found


@st.composite
def changed(draw: st.DrawFn, text: str) -> bytes:
    """A JSON file of which some values are others, or gone, or repeated."""
    data = json.loads(text)
    for _ in range(draw(st.integers(1, 3))):
        *path, last = draw(st.sampled_from([place for place in places(data) if place]))
        parent = data
        for key in path:
            parent = parent[key]
        action = draw(st.sampled_from(["other", "gone", "again", "key"]))
        if action == "other":
            parent[last] = draw(VALUES)
        elif action == "gone":
            del parent[last]
        elif isinstance(parent, list):
            parent.append(copy.deepcopy(parent[last]))
        else:
            parent[draw(st.text(max_size=5))] = draw(VALUES)
        if not [place for place in places(data) if place]:
            break
    content = json.dumps(data).encode("ascii")
    cut = draw(st.integers(0, 20))
    return content[:-cut] if cut < 3 and cut else content

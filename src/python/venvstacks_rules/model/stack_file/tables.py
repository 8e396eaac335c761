"""Reads the table of one layer of a stack file by the types of its keys."""

from __future__ import annotations

from collections.abc import Mapping

from venvstacks_rules.model.checked import kind as type_name
from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.layers.problems import Problem, key_part, suggestion

_R, _F, _A = LayerKind.RUNTIME, LayerKind.FRAMEWORK, LayerKind.APPLICATION

KEYS: dict[str, tuple[tuple[LayerKind, ...], str]] = {
    "name": ((_R, _F, _A), '"sklearn"'),
    "python_implementation": ((_R,), '"cpython@3.11.13"'),
    "runtime": ((_F, _A), '"cpython-3.11"'),
    "frameworks": ((_F, _A), '["sklearn"]'),
    "launch_module": ((_A,), '"launch.py"'),
    "support_modules": ((_A,), '["support.py"]'),
    "requirements": ((_R, _F, _A), '["scikit-learn>=1.5"]'),
    "platforms": ((_R, _F, _A), '["linux_x86_64"]'),
    "linux_target": ((_R, _F, _A), '"glibc@2.28"'),
    "macosx_target": ((_R, _F, _A), '"13.0"'),
    "dynlib_exclude": ((_R, _F, _A), '["triton/**"]'),
    "package_indexes": ((_R, _F, _A), '{ torch = "pytorch-cpu" }'),
    "index_overrides": ((_R, _F, _A), '{ pytorch-cpu = "pytorch-cu128" }'),
    "priority_indexes": ((_R, _F, _A), '["pytorch-cpu"]'),
    "versioned": ((_R, _F, _A), "true"),
}
"""The keys of layers, in the order of messages: the kinds that have each, and an example."""

REQUIRED = ("name", "python_implementation", "launch_module", "requirements")
"""The keys that a layer must have, where its kind has them."""

_DROPPED = "build_requirements"
_RENAMED = {"fully_versioned_name": "python_implementation"}


class LayerTable:
    """The table of a layer; what does not have the type of its key is noted, not raised."""

    def __init__(self, key: str, kind: LayerKind, table: Mapping[str, object]) -> None:
        self.key = key
        self.kind = kind
        self.problems: list[Problem] = []
        self.deprecations: list[Problem] = []
        self._table = dict(table)
        self._update_old_keys()
        misspelt = {self._note_unknown(key) for key in self._table if not self._has_key(key)}
        for name in REQUIRED:
            if self._has_key(name) and name not in self._table and name not in misspelt:
                self._note(name, f"is missing. Write, for example, {_example(name)}.")
        if (
            "runtime" in self._table
            and self._table.get("frameworks") == []
            and self._has_key("runtime")
        ):
            self._note("frameworks", "is empty, but `runtime` is set. Remove one of them.")

    def string(self, name: str) -> str | None:
        """A string; None where the key is absent or wrong."""
        value = self._table.get(name)
        if name in self._table and not isinstance(value, str):
            self._note_type(name, name, value, "a string")
        return value if isinstance(value, str) else None

    def strings(self, name: str) -> tuple[str, ...]:
        """A list of strings; empty where the key is absent."""
        value = self._table.get(name, [])
        if not isinstance(value, list):
            self._note_type(name, name, value, "a list of strings")
            return ()
        for i, item in enumerate(value):
            if not isinstance(item, str):
                self._note_type(name, f"{name}[{i}]", item, "a string")
        return tuple(item if isinstance(item, str) else "" for item in value)

    def pairs(self, name: str) -> tuple[tuple[str, str], ...]:
        """A table of strings; empty where the key is absent."""
        value = self._table.get(name, {})
        if not isinstance(value, Mapping):
            self._note_type(name, name, value, "a table of strings")
            return ()
        for key, item in value.items():
            if not isinstance(item, str):
                self._note_type(name, f"{name}.{key_part(key)}", item, "a string")
        return tuple((key, item) for key, item in value.items() if isinstance(item, str))

    def boolean(self, name: str) -> bool:
        """A boolean; False where the key is absent."""
        value = self._table.get(name, False)
        if not isinstance(value, bool):
            self._note_type(name, name, value, "a boolean")
        return value is True

    def __contains__(self, name: str) -> bool:
        return name in self._table

    def _has_key(self, name: str) -> bool:
        return name in KEYS and self.kind in KEYS[name][0]

    def _update_old_keys(self) -> None:
        """Do without the keys of releases before 0.8."""
        if self._table.pop(_DROPPED, None) is not None:
            self.deprecations.append(Problem(_DROPPED, "is not used any more. Remove it."))
        for old, new in _RENAMED.items():
            if old not in self._table or not self._has_key(new):
                continue
            value = self._table.pop(old)
            if new in self._table:
                text = f"is the old name of `{new}`, which is set as well. Remove `{old}`."
                self.problems.append(Problem(old, text, concerns=(new,)))
            else:
                self._table[new] = value
                text = f"is now called `{new}`. Rename it."
                self.deprecations.append(Problem(old, text))

    def _note_unknown(self, key: str) -> str | None:
        """Note a key that layers of this kind do not have; the one that was probably meant."""
        own = [name for name in KEYS if self._has_key(name)]
        meant = None
        new = _RENAMED.get(key, key)
        if new in KEYS:
            kinds = " and ".join(f"{kind.value}s" for kind in KEYS[new][0])
            text = f"is a key of {kinds} only. Remove it."
        else:
            meant = suggestion(key, own)
            hint = f"Did you mean `{meant}`?" if meant else f"Choose from {', '.join(own)}."
            text = f"is not a key of {self.kind.article} {self.kind.value}. {hint}"
        self.problems.append(
            Problem(key_part(key), text, concerns=() if meant is None else (meant,))
        )
        return meant

    def _note_type(self, name: str, key: str, value: object, wanted: str) -> None:
        self._note(
            key, f"is {type_name(value)}, not {wanted}. Write, for example, {_example(name)}."
        )

    def _note(self, key: str, text: str) -> None:
        self.problems.append(Problem(key, text))


def uv_table_problems(tool: object) -> list[Problem]:
    """What is wrong with the shape of the table ``[tool]``, as far as layers depend on it."""
    if not isinstance(tool, Mapping):
        return [Problem("tool", f"is {type_name(tool)}, not a table. Remove it.")]
    uv = tool.get("uv", {})
    if not isinstance(uv, Mapping):
        text = f"is {type_name(uv)}, not a table. Write the settings below `[tool.uv]`."
        return [Problem("tool.uv", text)]
    indexes = uv.get("index", [])
    if isinstance(indexes, list) and all(isinstance(index, Mapping) for index in indexes):
        return []
    text = "is not an array of tables. Write `[[tool.uv.index]]` above each index."
    return [Problem("tool.uv.index", text)]


def _example(name: str) -> str:
    return f"`{name} = {KEYS[name][1]}`"

"""Reads the table of one layer of a stack file by the types of its keys."""

from __future__ import annotations

from collections.abc import Mapping

from venvstacks_rules.model.checked import KINDS, TypedTable, key_part, kind, top_key
from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.layers.problems import Problem, suggestion

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
"""The keys of layers, in the order of messages: the kinds that have the key, and an example."""

REQUIRED = ("name", "python_implementation", "launch_module", "requirements")
"""The keys that a layer must have if its kind has them."""

_DROPPED = "build_requirements"
_RENAMED = {"fully_versioned_name": "python_implementation"}


class LayerTable(TypedTable):
    """The table of a layer, with the keys of old releases under their new names."""

    def __init__(self, key: str, kind: LayerKind, table: Mapping[str, object]) -> None:
        self.key = key
        self.kind = kind
        self.problems: list[Problem] = []
        self.deprecations: list[Problem] = []
        super().__init__(self._with_new_keys(table))
        misspelt = {self._note_unknown(key) for key in self.names() if not self._has_key(key)}
        for name in REQUIRED:
            if self._has_key(name) and name not in self and name not in misspelt:
                self._note(name, f"is missing. Write, for example, {_example(name)}.")
        if "runtime" in self and self._data.get("frameworks") == [] and self._has_key("runtime"):
            self._note("frameworks", "is empty, but `runtime` is set. Remove one of them.")

    def string(self, name: str) -> str | None:
        """A string; None if the key is absent or its value has another type."""
        value = self._data.get(name)
        if name in self and not isinstance(value, str):
            self.note_misfit(name, value, KINDS[str])
        return value if isinstance(value, str) else None

    def note_misfit(self, key: str, value: object, wanted: str) -> None:
        """Add the problem that `value`, at the path `key` in the table, is not `wanted`."""
        example = _example(top_key(key))
        self._note(key, f"is {kind(value)}, not {wanted}. Write, for example, {example}.")

    def _has_key(self, name: str) -> bool:
        return name in KEYS and self.kind in KEYS[name][0]

    def _with_new_keys(self, table: Mapping[str, object]) -> dict[str, object]:
        """`table` without the keys of releases before 0.8."""
        data = dict(table)
        if data.pop(_DROPPED, None) is not None:
            self.deprecations.append(Problem(_DROPPED, "is not used any more. Remove it."))
        for old, new in _RENAMED.items():
            if old not in data or not self._has_key(new):
                continue
            value = data.pop(old)
            if new in data:
                text = f"is the old name of `{new}`, which is set as well. Remove `{old}`."
                self.problems.append(Problem(old, text, concerns=(new,)))
            else:
                data[new] = value
                text = f"is now called `{new}`. Rename it."
                self.deprecations.append(Problem(old, text))
        return data

    def _note_unknown(self, key: str) -> str | None:
        """Note a key that this kind does not have; return the key that it probably means."""
        own = [name for name in KEYS if self._has_key(name)]
        meant = None
        new = _RENAMED.get(key, key)
        if new in KEYS:
            kinds = " and ".join(kind.plural for kind in KEYS[new][0])
            text = f"is a key of {kinds} only. Remove it."
        else:
            meant = suggestion(key, own)
            hint = f"Did you mean `{meant}`?" if meant else f"Choose from {', '.join(own)}."
            text = f"is not a key of {self.kind.article} {self.kind.value}. {hint}"
        self.problems.append(
            Problem(key_part(key), text, concerns=() if meant is None else (meant,))
        )
        return meant

    def _note(self, key: str, text: str) -> None:
        self.problems.append(Problem(key, text))


def uv_table_problems(tool: object) -> list[Problem]:
    """Problems of the types in the table ``[tool]``, as far as layers depend on it."""
    if not isinstance(tool, Mapping):
        return [Problem("tool", f"is {kind(tool)}, not a table. Remove it.")]
    uv = tool.get("uv", {})
    if not isinstance(uv, Mapping):
        text = f"is {kind(uv)}, not a table. Write the settings below `[tool.uv]`."
        return [Problem("tool.uv", text)]
    indexes = uv.get("index", [])
    if isinstance(indexes, list) and all(isinstance(index, Mapping) for index in indexes):
        return []
    text = "is not an array of tables. Write `[[tool.uv.index]]` above each index."
    return [Problem("tool.uv.index", text)]


def _example(name: str) -> str:
    return f"`{name} = {KEYS[name][1]}`"

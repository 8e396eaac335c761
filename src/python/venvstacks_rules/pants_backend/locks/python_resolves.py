"""Reads the lockfiles of `[python].resolves`, from which layers may take their versions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.backend.python.subsystems.setup import PythonSetup
from pants.engine.fs import PathGlobs
from pants.util.docutil import bin_name

from venvstacks_rules.model.errors import LockError
from venvstacks_rules.model.layers.layer import Layer
from venvstacks_rules.model.layers.problems import suggestion
from venvstacks_rules.model.locks.resolve_pins import ResolvePins, pins_of_resolve
from venvstacks_rules.model.paths import literal_glob
from venvstacks_rules.model.wording import quoted
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, rule

_UNUSABLE = "`python_resolve` cannot be used:"


@dataclass(frozen=True)
class PythonResolveRequest:
    """The versions that a resolve decides."""

    layer: str
    """The address spec of a layer that names the resolve, for messages."""
    resolve: str

    @classmethod
    def of(cls, layer: Layer) -> PythonResolveRequest:
        """That of a layer which has one."""
        return cls(layer.address, layer.lock_choices.python_resolve or "")


@dataclass(frozen=True)
class PythonResolve:
    """The versions that a resolve decides."""

    pins: ResolvePins


@rule
async def python_resolve(request: PythonResolveRequest, python_setup: PythonSetup) -> PythonResolve:
    paths = dict(python_setup.resolves)
    name = request.resolve
    if name not in paths:
        meant = suggestion(name, paths)
        remedy = f"It has {quoted(sorted(paths)) or 'none'}."
        if meant is not None:
            remedy = f"Did you mean {meant!r}?"
        raise LockError(
            _UNUSABLE,
            [f"{request.layer}: there is no resolve {name!r} in `[python].resolves`. {remedy}"],
        )
    path = paths[name]
    digest = await engine.path_globs_to_digest(PathGlobs([literal_glob(path)]))
    contents = await engine.get_digest_contents(digest)
    if not contents:
        raise LockError(
            _UNUSABLE,
            [
                f"{request.layer}: the resolve {name!r} has no lockfile {path}. Run "
                f"`{bin_name()} generate-lockfiles --resolve={name}`, or correct "
                "`[python].resolves`."
            ],
        )
    return PythonResolve(pins_of_resolve(name, path, contents[0].content, engine.toml_loads))


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()

"""What a user wrote of a layer, and what is wrong with it taken alone.

:class:`LayerDefinition` holds the fields of one target as they were written;
:func:`field_problems` has one sentence for each field that cannot be used.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, Specifier

from venvstacks_rules.model.names import LayerKind, name_problem
from venvstacks_rules.model.platforms import linux_glibc, macosx_version

_IMPLEMENTATION = re.compile(r"cpython@(\d+\.\d+)(\.\d+)?")


@dataclass(frozen=True)
class Reference:
    """A layer that another one names in `runtime` or `frameworks`."""

    written: str
    """As it stands in the field."""
    address: str | None
    """The address of the target, or None where there is no such target."""


@dataclass(frozen=True)
class ModuleDefinition:
    """A launch or support module: one ``.py`` file, or a package directory."""

    path: str
    """Relative to the folder of the definition."""
    files: tuple[str, ...]
    """The files found, relative to the same folder; empty where there are none."""
    outside: bool = False
    """Whether it lies outside of the repository."""

    @property
    def file_name(self) -> str:
        """The last component, as it lies in site-packages."""
        return self.path.rsplit("/", 1)[-1]

    @property
    def module_name(self) -> str:
        """The name to import it by."""
        return self.file_name[:-3] if self.is_file else self.file_name

    @property
    def is_file(self) -> bool:
        """Whether it is a single file."""
        return self.path.endswith(".py")


@dataclass(frozen=True)
class LayerDefinition:
    """The fields of one layer, as written."""

    address: str
    kind: LayerKind
    name: str
    requirements: tuple[str, ...] = ()
    python_implementation: str | None = None
    runtime: Reference | None = None
    frameworks: tuple[Reference, ...] = ()
    platforms: tuple[str, ...] | None = None
    linux_target: str | None = None
    macosx_target: str | None = None
    launch_module: ModuleDefinition | None = None
    support_modules: tuple[ModuleDefinition, ...] = ()
    dynlib_exclude: tuple[str, ...] = ()
    package_indexes: tuple[tuple[str, str], ...] = ()
    """Distribution name, as written, and the name of the index to take it from."""
    index_overrides: tuple[tuple[str, str], ...] = ()
    """The name of an index of a lower layer, and of the one that takes its place."""
    priority_indexes: tuple[str, ...] = ()
    """Names of indexes that are asked first."""
    local_wheels: tuple[str, ...] = ()
    """Folders with wheels, relative to the folder of the definition."""
    versioned: bool = False


def field_problems(definition: LayerDefinition, *, patch_release_needed: bool) -> list[str]:
    """Problems of the fields that need no look at another layer.

    `patch_release_needed` is whether ``cpython@X.Y`` is too vague for the interpreter provider.
    """
    return [
        *_own_problems(definition),
        *_module_problems(definition),
        *_implementation_problems(definition, patch_release_needed),
    ]


def _implementation_problems(definition: LayerDefinition, patch_release_needed: bool) -> list[str]:
    if definition.kind is not LayerKind.RUNTIME:
        return []
    value = definition.python_implementation or ""
    match = _IMPLEMENTATION.fullmatch(value)
    if match is None:
        return [_bad_implementation(value, "which is not of the form")]
    if match[2] is None and patch_release_needed:
        reason = "without the patch release that only the `local` provider can leave open:"
        return [_bad_implementation(value, reason)]
    return []


def _bad_implementation(value: str, reason: str) -> str:
    return (
        f"`python_implementation` is {value!r}, {reason} 'cpython@X.Y.Z'. "
        "Write it as, for example, 'cpython@3.11.13'."
    )


def _own_problems(definition: LayerDefinition) -> list[str]:
    """Problems of the fields that can be judged alone."""
    problems = []
    name = name_problem(definition.kind, definition.name)
    if name is not None:
        problems.append(f"the name {definition.name!r} cannot be used: {name}. Rename the target.")
    for requirement in definition.requirements:
        try:
            parsed = Requirement(requirement)
            # Old releases of `packaging`, such as the one in Pants 2.17, accept `>>1`.
            for specifier in parsed.specifier:
                Specifier(str(specifier))
        except (InvalidRequirement, InvalidSpecifier) as e:
            reason = str(e).splitlines()[0].rstrip(".")
            problems.append(
                f"`requirements` has {requirement!r}, which is not a requirement: {reason}. "
                "Write it as in PEP 508, for example 'scikit-learn>=1.5'."
            )
            continue
        if parsed.url is not None:
            problems.append(
                f"`requirements` has {requirement!r}, a direct reference, which cannot be locked "
                "yet. Name a version, and the index to take it from in `[venvstacks].uv_config`."
            )
    for field, value, check in (
        ("linux_target", definition.linux_target, linux_glibc),
        ("macosx_target", definition.macosx_target, macosx_version),
    ):
        try:
            if value is not None:
                check(value)
        except ValueError as e:
            example = "'glibc@2.28'" if field == "linux_target" else "'13.0'"
            problems.append(f"`{field}`: {e}. Write it as, for example, {example}.")
    return problems


def _module_problems(definition: LayerDefinition) -> list[str]:
    """Problems of launch and support modules."""
    if definition.kind is not LayerKind.APPLICATION:
        return []
    if definition.launch_module is None:
        return ["`launch_module` is not set. Name a `.py` file or a package directory."]
    problems = []
    names: dict[str, str] = {}
    for field, module in (
        ("launch_module", definition.launch_module),
        *(("support_modules", module) for module in definition.support_modules),
    ):
        what = f"`{field}` names {module.path!r}"
        if not module.module_name.isidentifier():
            problems.append(f"{what}, which cannot be imported by that name. Rename it.")
        elif module.outside:
            problems.append(f"{what}, which lies outside of the build root. Move it into it.")
        elif not module.files:
            problems.append(
                f"{what}, but there is no such file or directory beside the BUILD file. "
                "Create it, or correct the path."
            )
        elif (
            field == "launch_module"
            and not module.is_file
            and (f"{module.path}/__main__.py" not in module.files)
        ):
            problems.append(
                f"{what}, a directory without a `__main__.py`, which `python -m` needs. Add one."
            )
        elif module.module_name in names:
            problems.append(
                f"{what}, which would be imported as `{module.module_name}`, like "
                f"{names[module.module_name]!r}. Rename one of them."
            )
        names.setdefault(module.module_name, module.path)
    return problems

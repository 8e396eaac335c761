"""Definitions of layers, and the problems that show in one definition alone.

:class:`LayerDefinition` has the fields of one target, or of one layer of a stack file, as written;
:func:`field_problems` finds the invalid values.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from venvstacks_rules.model.layers.accepted_libraries import entry_problem
from venvstacks_rules.model.layers.byte_code import byte_code_problems
from venvstacks_rules.model.layers.checked_choices import choice_problems
from venvstacks_rules.model.layers.launch_names import LaunchName
from venvstacks_rules.model.layers.local_files import local_file
from venvstacks_rules.model.layers.lock_choices import NO_CHOICES, LockChoices
from venvstacks_rules.model.layers.names import (
    LayerKind,
    command_problem,
    name_problem,
)
from venvstacks_rules.model.layers.package_indexes import IndexFields
from venvstacks_rules.model.layers.problems import Origin, Problem, TargetOrigin
from venvstacks_rules.model.layers.requirement_entries import (
    TargetRequirement,
    is_address,
    target_requirement_problems,
)
from venvstacks_rules.model.layers.requirements import requirement_problem
from venvstacks_rules.model.layers.stripped_interpreter import stripped_problems
from venvstacks_rules.model.layers.wheel_globs import WheelGlobs, wheel_glob_problems
from venvstacks_rules.model.platforms.libc import parsed_linux_target
from venvstacks_rules.model.platforms.python_versions import FREE_THREADED_SINCE
from venvstacks_rules.model.platforms.target_platforms import macosx_version
from venvstacks_rules.model.sizes import size_problem

_IMPLEMENTATION = re.compile(r"cpython@(\d+)\.(\d+)(\.\d+)?(t)?")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_LINUX_FORMS = "`glibc@X.Y` or `musl@X.Y`"
_MACOSX_FORMS = "a macOS version `X.Y`"


@dataclass(frozen=True)
class Reference:
    """A layer that another layer names in `runtime` or `frameworks`."""

    written: str
    """As in the field."""
    address: str | None
    """The address of the layer's definition; None if there is no such layer."""
    problem: str | None = None
    """Why there is no such layer, with the remedy, if we know it: ``but ... Name ...``."""


@dataclass(frozen=True)
class ModuleDefinition:
    """A launch or support module: one ``.py`` file, or a package directory.

    A launch module can also be named as it is imported; then it is part of first-party code that
    the layer has anyway.
    """

    path: str
    """Relative to the folder of the definition, in normal form."""
    files: tuple[str, ...]
    """The files found, relative to the same folder; may be empty."""
    outside: bool = False
    """Whether it is outside of the repository."""
    written: str | None = None
    """As in the definition, if that is not `path`."""
    place: str = ""
    """The path from the root of the repository, if known."""
    name: LaunchName | None = None
    """For a launch module that is named as it is imported; it has no files of its own."""
    from_root: str | None = None
    """Where `path` leads from the root of the repository, if it has no files but leads there."""

    @property
    def called(self) -> str:
        """The path as written, for messages."""
        return self.path if self.written is None else self.written

    @property
    def is_above(self) -> bool:
        """Whether it is the folder of the definition, or one above it."""
        return set(posixpath.normpath(self.path).split("/")) <= {".", ".."}

    @property
    def file_name(self) -> str:
        """The last component, its name in site-packages."""
        return self.path.rsplit("/", 1)[-1]

    @property
    def module_name(self) -> str:
        """The name to import."""
        if self.name is not None:
            return self.name.started
        return self.file_name[:-3] if self.is_file else self.file_name

    @property
    def top_level(self) -> str:
        """The top-level module that it is, or is in."""
        return self.module_name if self.name is None else self.name.top_level

    @property
    def is_file(self) -> bool:
        """Whether it is a single file."""
        return self.name is None and self.path.endswith(".py")


@dataclass(frozen=True)
class LayerDefinition:
    """The fields of one layer, as written."""

    address: str
    """The name by which other definitions refer to it."""
    kind: LayerKind
    name: str
    requirements: tuple[str, ...] = ()
    """Those of a target in a BUILD file may be addresses, of what is in `target_requirements`."""
    target_requirements: tuple[TargetRequirement, ...] = ()
    python_implementation: str | None = None
    runtime: Reference | None = None
    frameworks: tuple[Reference, ...] = ()
    platforms: tuple[str, ...] | None = None
    linux_target: str | None = None
    macosx_target: str | None = None
    launch_module: ModuleDefinition | None = None
    support_modules: tuple[ModuleDefinition, ...] = ()
    dynlib_exclude: tuple[str, ...] = ()
    accepted_libraries: tuple[str, ...] = ()
    """Globs of the names of missing libraries, and `desktop`."""
    package_indexes: tuple[tuple[str, str], ...] = ()
    """Distribution name, as written, and the name of its index."""
    index_overrides: tuple[tuple[str, str], ...] = ()
    """The name of an index of a lower layer, and of the index that replaces it."""
    priority_indexes: tuple[str, ...] = ()
    """Names of the indexes to ask first."""
    local_wheels: tuple[str, ...] = ()
    """Folders with wheels, relative to the folder of the definition."""
    build_from_source: tuple[str, ...] = ()
    """Names of distributions, as written."""
    versioned: bool = False
    console_scripts: tuple[str, ...] = ()
    """The names of commands that packages define."""
    max_archive_size: int | str | None = None
    max_unpacked_size: int | str | None = None
    exclude_files: WheelGlobs = ()
    """Names of distributions, as written, and globs of their files to leave out."""
    include_scripts: WheelGlobs = ()
    """Names of distributions, as written, and globs of the names of their scripts to keep."""
    strip_interpreter: tuple[str, ...] = ()
    """Parts of a runtime's interpreter to leave out."""
    byte_code: str | None = None
    """One of the names in `byte_code.py`; None for the option's."""
    sealed: bool = False
    """Whether nothing is written after the layer was unpacked."""
    lock_choices: LockChoices = NO_CHOICES
    stack_origin: Origin | None = None
    """The place in the stack file that defines the layer; None for a hand-written target."""
    variant: str = ""
    """What `parametrize` adds to the name."""
    packed_layer: str = ""
    """Equal for variants that are one layer in several archives; empty for others."""
    support_keys: tuple[str, ...] = ()
    """For each of `support_modules` its key in the order written; may be empty."""

    @property
    def origin(self) -> Origin:
        """The origin of the definition."""
        return self.stack_origin or TargetOrigin(self.address)

    @property
    def written_requirements(self) -> tuple[str, ...]:
        """The `requirements` that are no addresses."""
        if self.stack_origin is not None:
            return self.requirements
        return tuple(text for text in self.requirements if not is_address(text))

    @property
    def pinned_requirements(self) -> tuple[str, ...]:
        """The requirements of the definition's own, with the versions of files that they name."""
        files = [(text, local_file(text)) for text in self.written_requirements]
        return tuple(text if file is None else file.pin for text, file in files)

    @property
    def wheel_folders(self) -> tuple[str, ...]:
        """The folders with wheels: `local_wheels`, and those of files that requirements name."""
        of_targets = (each.text for each in self.target_requirements)
        files = [local_file(text) for text in (*self.written_requirements, *of_targets)]
        named = [file.folder for file in files if file is not None]
        return tuple(dict.fromkeys((*self.local_wheels, *named)))

    @property
    def sources(self) -> tuple[str, ...]:
        """The distributions of `build_from_source`, normalised and sorted."""
        return tuple(sorted({str(canonicalize_name(name)) for name in self.build_from_source}))

    @property
    def index_fields(self) -> IndexFields:
        """The fields about indexes."""
        return IndexFields(self.package_indexes, self.index_overrides, self.origin)

    @property
    def modules(self) -> Iterator[tuple[str, ModuleDefinition]]:
        """Launch and support modules, each with its key."""
        if self.launch_module is not None:
            yield "launch_module", self.launch_module
        keys = self.support_keys or ("support_modules",) * len(self.support_modules)
        yield from zip(keys, self.support_modules)


def field_problems(definition: LayerDefinition, *, patch_release_needed: bool) -> list[Problem]:
    """The problems of the fields that do not depend on another layer.

    `patch_release_needed` is whether the interpreter provider needs ``cpython@X.Y.Z``.
    """
    return [
        *_own_problems(definition),
        *_module_problems(definition),
        *definition.index_fields.duplicates(),
        *choice_problems(definition.lock_choices),
        *_implementation_problems(definition, patch_release_needed),
    ]


def _implementation_problems(
    definition: LayerDefinition, patch_release_needed: bool
) -> list[Problem]:
    if definition.kind is not LayerKind.RUNTIME:
        return []
    value = definition.python_implementation or ""
    match = _IMPLEMENTATION.fullmatch(value)
    if match is None:
        return [_bad_implementation(value, "which is not of the form 'cpython@X.Y.Z'")]
    if match[3] is None and patch_release_needed:
        reason = "but the `archive` provider needs the patch release of its archives"
        return [_bad_implementation(value, reason)]
    if match[4] is not None and (int(match[1]), int(match[2])) < FREE_THREADED_SINCE:
        text = (
            f"is {value!r}, but CPython has free-threaded builds only since "
            f"{'.'.join(map(str, FREE_THREADED_SINCE))}. Use a newer version, or remove the `t`."
        )
        return [Problem("python_implementation", text)]
    return []


def _bad_implementation(value: str, reason: str) -> Problem:
    text = f"is {value!r}, {reason}. Write it as, for example, 'cpython@3.11.13'."
    return Problem("python_implementation", text)


def _own_problems(definition: LayerDefinition) -> Iterator[Problem]:
    """Problems of single fields."""
    name = name_problem(definition.kind, definition.name)
    if name is not None:
        remedy = f"Rename the {definition.origin.thing}."
        if definition.variant:
            remedy = (
                f"`parametrize` adds {definition.variant!r}: give the value another name, as in "
                "`parametrize(name=value)`."
            )
        text = f"is {definition.name!r}, which cannot be used: {name}. {remedy}"
        yield Problem("name", text)
    yield from _entry_problems(definition)
    yield from _value_problems(definition)
    yield from wheel_glob_problems(definition.exclude_files, definition.include_scripts)
    yield from stripped_problems(definition.strip_interpreter)
    yield from byte_code_problems(definition.byte_code, sealed=definition.sealed)
    for i, written in enumerate(definition.build_from_source):
        if _NAME.fullmatch(written) is None:
            text = f"is {written!r}, which is not the name of a distribution, like 'docopt'. "
            yield Problem(f"build_from_source[{i}]", f"{text}Write its name only.")
    for i, command in enumerate(definition.console_scripts):
        found = command_problem(command)
        if found is None and command in definition.console_scripts[:i]:
            found = "which is named before"
        if found is not None:
            text = f"is {command!r}, {found}. Name a console script of a package."
            yield Problem(f"console_scripts[{i}]", text)


def _value_problems(definition: LayerDefinition) -> Iterator[Problem]:
    """Problems of fields with one value."""
    for field, limit, example in (
        ("max_archive_size", definition.max_archive_size, "250 MB"),
        ("max_unpacked_size", definition.max_unpacked_size, "1.5 GiB"),
    ):
        found = None if limit is None else size_problem(limit, example)
        if found is not None:
            yield Problem(field, found)
    for field, value, check, forms, example in (
        ("linux_target", definition.linux_target, parsed_linux_target, _LINUX_FORMS, "glibc@2.28"),
        ("macosx_target", definition.macosx_target, macosx_version, _MACOSX_FORMS, "13.0"),
    ):
        try:
            if value is not None:
                check(value)
        except ValueError:
            text = f"is {value!r}, which is not {forms}. Write it as, for example, {example!r}."
            yield Problem(field, text)


def _entry_problems(definition: LayerDefinition) -> Iterator[Problem]:
    """Problems of entries that do not depend on one another."""
    yield from target_requirement_problems(definition.target_requirements)
    own = definition.written_requirements
    for field, entries, check in (
        ("requirements", definition.requirements, requirement_problem),
        ("accepted_libraries", definition.accepted_libraries, entry_problem),
    ):
        for i, entry in enumerate(entries):
            found = check(entry)
            if found is not None and (field != "requirements" or entry in own):
                yield Problem(f"{field}[{i}]", found)


def _module_problems(definition: LayerDefinition) -> Iterator[Problem]:
    """Problems of launch and support modules."""
    if definition.kind is not LayerKind.APPLICATION:
        return
    if definition.launch_module is None:
        yield Problem("launch_module", "is not set. Name a `.py` file or a package directory.")
    modules: dict[str, ModuleDefinition] = {}
    for key, module in definition.modules:
        problem = (
            _path_problem(module, definition.origin.beside)
            if module.name is None
            else module.name.problem
        )
        other = modules.get(module.module_name)
        if problem is None and other is not None and other.path == module.path:
            same = "" if other.called == module.called else f", as {other.called!r}"
            problem = f"which is listed already{same}. Remove one of them."
        elif problem is None and other is not None:
            problem = (
                f"which would be imported as `{module.module_name}`, like {other.called!r}. Rename "
                "one of them."
            )
        elif problem is None and not module.files and module.name is None:
            problem = f"{_not_there(module, definition.origin.beside)} " + (
                "Create it, or correct the path."
                if module.from_root is None
                else f"Paths start there, not at the root of the repository: write "
                f"{module.from_root!r}."
            )
        elif problem is None and key == "launch_module" and not _can_be_run(module):
            problem = "a directory without a `__main__.py`, which `python -m` needs. Add one."
        modules.setdefault(module.module_name, module)
        if problem is not None:
            yield Problem(key, f"names {module.called!r}, {problem}")


def _path_problem(module: ModuleDefinition, beside: str) -> str | None:
    """What is wrong with the path of a module, and the remedy."""
    if "\\" in module.called:
        return f"with a backslash. Write {module.called.replace(chr(92), '/')!r}."
    if not module.called:
        return "which is empty. Name a `.py` file or a package directory."
    if module.is_above:
        return (
            f"which is the folder of {beside}, or one above it. Name a `.py` file or a package "
            "directory in it."
        )
    if module.outside:
        return "which is outside of the build root. Move it into the build root."
    if not module.module_name or "." in module.module_name:
        return "which cannot be imported by that name. Rename it."
    return None


def _not_there(module: ModuleDefinition, beside: str) -> str:
    # A path with `..` does not lead to a place beside the definition.
    if ".." in module.called.split("/") and module.place:
        return f"but there is no `{module.place}` in the repository."
    return f"but there is no such file or directory beside {beside}."


def _can_be_run(module: ModuleDefinition) -> bool:
    if module.name is not None or module.is_file:
        return True
    return f"{module.path}/__main__.py" in module.files

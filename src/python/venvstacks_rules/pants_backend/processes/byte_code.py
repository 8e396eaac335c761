"""The sources of actions with their byte code, which is made once for an interpreter."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.fs import (
    AddPrefix,
    CreateDigest,
    Digest,
    DigestSubset,
    MergeDigests,
    PathGlobs,
    RemovePrefix,
)

from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.requests.tools import CompileSourcesRequest
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.processes.bare import (
    ActionProcessRequest,
    BareActionRequest,
    run_bare_action,
)
from venvstacks_rules.pants_backend.processes.sources import (
    ActionSourcesRequest,
    action_modules,
    action_sources,
    module_sources,
    shipped_files,
)

_SOURCES, _OUTPUT = "sources", "byte-code"


@dataclass(frozen=True)
class ByteCodeRequest:
    """The byte code of all our modules that may run in a sandbox."""


@dataclass(frozen=True)
class ByteCode:
    """The byte code of our modules, at the places where Python looks for it beside them."""

    digest: Digest


@dataclass(frozen=True)
class CompiledActionRequest:
    """The sources of an action with their byte code."""

    verb: str


@dataclass(frozen=True)
class CompiledAction:
    """A tree to run one action from."""

    digest: Digest


@rule
async def byte_code(_: ByteCodeRequest) -> ByteCode:
    sources = module_sources()
    files = await engine.create_digest(CreateDigest(shipped_files(sources, sources)))
    result = await run_bare_action(
        BareActionRequest(
            ActionProcessRequest(
                verb="compile-sources",
                request=to_json(CompileSourcesRequest(_SOURCES, _OUTPUT)),
                input_digest=await engine.add_prefix(AddPrefix(files, _SOURCES)),
                output_directories=(_OUTPUT,),
                description="Compile the actions",
                compiles=True,
            )
        ),
        **implicitly(),
    )
    compiled = await engine.digest_subset_to_digest(
        DigestSubset(result.digest, PathGlobs([f"{_OUTPUT}/**"]))
    )
    return ByteCode(await engine.remove_prefix(RemovePrefix(compiled, _OUTPUT)))


@rule
async def compiled_action(request: CompiledActionRequest) -> CompiledAction:
    plain, compiled = await concurrently(
        action_sources(ActionSourcesRequest(request.verb), **implicitly()),
        byte_code(ByteCodeRequest(), **implicitly()),
    )
    sources = module_sources()
    paths = [sources[name].path for name in action_modules(request.verb, sources)]
    own = await engine.digest_subset_to_digest(
        DigestSubset(compiled.digest, PathGlobs(byte_code_glob(path) for path in paths))
    )
    return CompiledAction(await engine.merge_digests(MergeDigests([plain.digest, own])))


def byte_code_glob(path: str) -> str:
    """Where the byte code of the module at `path` is, whatever the Python."""
    folder, _, name = path.rpartition("/")
    return f"{folder}/__pycache__/{name[:-3]}.*.pyc" if folder else f"__pycache__/{name[:-3]}.*.pyc"


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()

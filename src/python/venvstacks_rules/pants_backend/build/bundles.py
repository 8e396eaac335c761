"""Makes installers: which files they carry, and what starts them."""

from __future__ import annotations

import os.path
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Optional

from pants.engine.addresses import Address
from pants.engine.fs import (
    EMPTY_DIGEST,
    Digest,
    DigestSubset,
    FileEntry,
    MergeDigests,
    PathGlobs,
)
from pants.util.frozendict import FrozenDict

from venvstacks_rules.model.contents.layout import LayerLayout
from venvstacks_rules.model.errors import DefinitionError
from venvstacks_rules.model.json_codec import from_json, to_json
from venvstacks_rules.model.layers.build_platforms import BuildPlatforms
from venvstacks_rules.model.paths import literal_glob, path_problem
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS
from venvstacks_rules.model.repository.bundles import Bundle, Following
from venvstacks_rules.model.repository.carried import wheel_key
from venvstacks_rules.model.repository.indexes import LayerIndex
from venvstacks_rules.model.repository.keys import LayerKey, blob_key
from venvstacks_rules.model.repository.manifests import PublishedStack
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.model.requests.bundle import (
    APP,
    PACKAGE,
    SCRIPT,
    MadeBundle,
    MakeBundleRequest,
)
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.build.carried_wheels import (
    CarriedWheelsRequest,
    carried_wheels,
)
from venvstacks_rules.pants_backend.build.portable_archives import (
    PortableLayer,
    PortableLayerRequest,
    portable_layer,
)
from venvstacks_rules.pants_backend.build.publications import (
    PublicationFiles,
    PublicationRequest,
    StackIdentity,
    publication_files,
)
from venvstacks_rules.pants_backend.build.released import (
    TargetPublication,
    TargetPublicationRequest,
    complete_layers,
    target_publication,
)
from venvstacks_rules.pants_backend.build.repository_plans import MissingBlobsRequest, missing_blobs
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.bundles import (
    BundledTargets,
    BundledTargetsRequest,
    BundleFieldSet,
    bundled_targets,
)
from venvstacks_rules.pants_backend.graph.stacks import StackLayersRequest, stack_layers
from venvstacks_rules.pants_backend.locks.freshness import RequiredLocksRequest, required_locks
from venvstacks_rules.pants_backend.processes.actions import run_action
from venvstacks_rules.pants_backend.processes.bare import ActionProcessRequest

_DEFAULT_CHANNEL = "stable"
_ENDINGS = {SCRIPT: "sh", APP: "app.tar.gz", PACKAGE: "pkg"}


@dataclass(frozen=True)
class BundlePlanRequest:
    """What the installers of a bundle bring."""

    fields: BundleFieldSet


@dataclass(frozen=True)
class BundlePlan:
    """What the installers of a bundle bring."""

    targets: BundledTargets
    publication: PublicationFiles
    channel: str
    client: tuple[Address, ...]
    """The layers of the client, lower ones first."""
    platforms: tuple[str, ...]
    notes: tuple[str, ...]
    """What is left out, for the user."""


@dataclass(frozen=True)
class InstallerRequest:
    """The installer for a platform."""

    fields: BundleFieldSet
    plan: BundlePlan
    platform: str
    repository: Optional[str]
    """The URL that updates come from."""
    form: str = SCRIPT
    """One of :func:`forms`."""


@dataclass(frozen=True)
class Installer:
    """The installer for a platform."""

    digest: Digest
    path: str
    size: int
    """In bytes."""


@dataclass(frozen=True)
class CarriedFilesRequest:
    """The files of a repository that an installer carries."""

    publication: PublicationFiles
    platform: str
    names: tuple[str, ...]
    """Of the applications."""
    unpacked: tuple[str, ...]
    """The hashes of the indexes of layers whose segments stay out."""
    wheels: bool
    """Whether there are wheels in place of segments."""


@dataclass(frozen=True)
class CarriedFiles:
    """The files of a repository that an installer carries."""

    digest: Digest
    files: FrozenDict[str, str]
    """Their paths in the digest, by key."""
    stack: PublishedStack
    size: int
    """Of the layers' archives, in bytes."""
    wheels: FrozenDict[str, str]
    """The hashes of wheels, by key."""


@dataclass(frozen=True)
class BundleRootRequest:
    """The root that updates are verified with."""

    fields: BundleFieldSet


@dataclass(frozen=True)
class BundleRoot:
    """The root that updates are verified with, if there is one."""

    digest: Digest
    path: Optional[str]


def forms(fields: BundleFieldSet, platform: str) -> tuple[str, ...]:
    """The forms of installers for a platform; for other systems than macOS there is one."""
    is_macosx = PLATFORMS[platform].system == "macosx"
    return fields.macosx_formats.value if is_macosx else (SCRIPT,)


@rule
async def bundle_plan(request: BundlePlanRequest, platforms: BuildPlatforms) -> BundlePlan:
    fields = request.fields
    address = fields.address
    targets = await bundled_targets(BundledTargetsRequest(fields), **implicitly())
    client = await stack_layers(StackLayersRequest(address, (targets.client.spec,)), **implicitly())
    if targets.release is None:
        stack = await stack_layers(
            StackLayersRequest(address, tuple(each.spec for each in targets.applications)),
            **implicitly(),
        )
        pairs = tuple(zip(stack.layers, stack.addresses))
        chosen, notes = complete_layers(address, pairs, platforms)
        name = targets.names[0] if len(targets.names) == 1 else fields.title
        published = TargetPublication(
            PublicationRequest(tuple(pair for pair in chosen if pair[1]), StackIdentity(name)),
            None,
            notes,
        )
    else:
        published = await target_publication(
            TargetPublicationRequest(targets.release), **implicitly()
        )
    needed = (*client.addresses, *(at for at, _ in published.request.layers))
    await required_locks(RequiredLocksRequest(needed, platforms.names), **implicitly())
    publication = await publication_files(published.request, **implicitly())
    for_client = set.intersection(
        *(set(platforms.of_layer(layer).names) for layer in client.layers)
    )
    built, left_out = [], list(published.notes)
    for stack_of in publication.stacks:
        lacking = [name for name in targets.names if not stack_of.needed_by(name)]
        lacking += [] if stack_of.platform in for_client else [targets.client.spec]
        if lacking:
            left_out.append(
                f"{address} has no installer for {stack_of.platform}, which lacks "
                f"{', '.join(lacking)}."
            )
        else:
            built.append(stack_of.platform)
    channel = published.request.stack.channel if published.request.stack else None
    _refuse_absent(address, targets, publication)
    return BundlePlan(
        targets,
        publication,
        fields.channel.value or channel or _DEFAULT_CHANNEL,
        client.addresses,
        tuple(built),
        tuple(dict.fromkeys(left_out)),
    )


def _refuse_absent(
    address: Address, targets: BundledTargets, publication: PublicationFiles
) -> None:
    """Raise DefinitionError for applications that a release does not have on any platform."""
    there = {layer.layer_name for stack in publication.stacks for layer in stack.layers}
    absent = [name for name in targets.names if name not in there]
    if absent and publication.stacks:
        raise DefinitionError(
            "Installers cannot be built as written:",
            [
                f"{address}: the release {targets.release} has no `{name}`. Add it to the release, "
                "or remove it from `applications`."
                for name in absent
            ],
        )


@rule
async def carried_files(request: CarriedFilesRequest) -> CarriedFiles:
    publication, platform = request.publication, request.platform
    stack = next(stack for stack in publication.stacks if stack.platform == platform)
    needed = {layer.index.sha256 for name in request.names for layer in stack.needed_by(name)}
    numbers = [
        number
        for number, layer in enumerate(publication.layers)
        if layer.platform == platform and layer.indexed.sha256 in needed
    ]
    subset = await engine.digest_subset_to_digest(
        DigestSubset(publication.digest, PathGlobs([f"{number}/index.json" for number in numbers]))
    )
    contents = await engine.get_digest_contents(subset)
    indexes = {each.path: LayerIndex.from_json(each.content, each.path) for each in contents}
    with_wheels = [
        publication.layers[number].address
        for number in numbers
        if request.wheels and publication.layers[number].indexed.sha256 not in request.unpacked
    ]
    of_layers = await concurrently(
        carried_wheels(CarriedWheelsRequest(address, platform), **implicitly())
        for address in with_wheels
    )
    replaced = {sha256 for layer in of_layers for sha256 in layer.segments}
    files, blobs = {str(stack.key): publication.manifests[platform]}, set()
    for number in numbers:
        path, sha256 = f"{number}/index.json", publication.layers[number].indexed.sha256
        index = indexes[path]
        files[str(LayerKey(index.layer_name, platform, sha256))] = path
        blobs |= {segment.files.sha256 for segment in index.segments}
        if sha256 not in request.unpacked:
            blobs |= {segment.blob.sha256 for segment in index.segments} - replaced
    carried = await missing_blobs(
        MissingBlobsRequest(publication, tuple(sorted(blobs))), **implicitly()
    )
    files.update((blob_key(sha256), path) for sha256, path in carried.paths)
    wheels: dict[str, str] = {}
    for layer in of_layers:
        files.update(layer.files)
        for wheel in layer.wheels:
            if wheel.sha256 not in wheels.values():
                key = wheel_key(wheel.file_name, wheel.sha256, wheels)
                wheels[key], files[key] = wheel.sha256, wheel.path
    merged = await engine.merge_digests(
        MergeDigests([carried.digest, *(layer.digest for layer in of_layers)])
    )
    # Not the documents, and what else nobody asked for.
    digest = await engine.digest_subset_to_digest(
        DigestSubset(merged, PathGlobs([literal_glob(path) for path in files.values()]))
    )
    size = sum(index.archive_size for index in indexes.values())
    return CarriedFiles(digest, FrozenDict(files), stack, size, FrozenDict(wheels))


@rule
async def bundle_root(request: BundleRootRequest) -> BundleRoot:
    fields = request.fields
    written = fields.root.value
    if written is None:
        return BundleRoot(EMPTY_DIGEST, None)
    path = os.path.normpath(os.path.join(fields.address.spec_path, written))
    digest = EMPTY_DIGEST
    entries: tuple[object, ...] = ()
    if path_problem(path) is None:
        digest = await engine.path_globs_to_digest(PathGlobs([literal_glob(path)]))
        entries = tuple(await engine.get_digest_entries(digest))
    # A folder is an entry, too.
    if not any(isinstance(entry, FileEntry) for entry in entries):
        raise DefinitionError(
            "Installers cannot be built as written:",
            [f"{fields.address}: `root` is {written!r}, and there is no file `{path}`."],
        )
    return BundleRoot(digest, path)


@rule(desc="Make installer")
async def installer(request: InstallerRequest) -> Installer:
    fields, plan, platform = request.fields, request.plan, request.platform
    client = await concurrently(
        portable_layer(PortableLayerRequest(address, platform), **implicitly())
        for address in plan.client
    )
    unpacked = tuple(layer.sha256 for layer in client)
    carried, root = await concurrently(
        carried_files(
            CarriedFilesRequest(
                plan.publication, platform, plan.targets.names, unpacked, fields.wheels.value
            ),
            **implicitly(),
        ),
        bundle_root(BundleRootRequest(fields), **implicitly()),
    )
    ending = "zip" if PLATFORMS[platform].os_name == "nt" else _ENDINGS[request.form]
    output = f"{fields.title}-{platform}.{ending}"
    inputs = [carried.digest, root.digest, *(layer.digest for layer in client)]
    result = await run_action(
        ActionProcessRequest(
            verb="make-bundle",
            request=to_json(_bundle(request, carried, client, root.path, output)),
            input_digest=await engine.merge_digests(MergeDigests(inputs)),
            output_files=(output,),
            description=f"Assemble {output}",
            done=f"Assembled {output}",
            size=carried.size,
            cache_scope=engine.LOCAL_CACHE_SCOPE,
        ),
        **implicitly(),
    )
    digest = await engine.digest_subset_to_digest(DigestSubset(result.digest, PathGlobs([output])))
    return Installer(digest, output, from_json(MadeBundle, result.result).size)


def _bundle(
    request: InstallerRequest,
    carried: CarriedFiles,
    client: Sequence[PortableLayer],
    root: Optional[str],
    output: str,
) -> MakeBundleRequest:
    plan, stack = request.plan, carried.stack
    following = None
    if request.repository is not None:
        unsigned = request.fields.allow_unsigned.value
        following = Following(request.repository, plan.channel, unsigned)
    bundle = Bundle(
        stack=stack.name,
        version=stack.version,
        platform=stack.platform,
        manifest=Reference.of(stack.to_json().encode("utf-8")),
        applications=plan.targets.names,
        unpacked=tuple(layer.sha256 for layer in client),
        following=following,
        wheels=carried.wheels,
    )
    runtime = client[0].index
    version = str(runtime.metadata["python_implementation"]).partition("@")[2]
    layout = LayerLayout(version, PLATFORMS[stack.platform].os_name)
    # The runtime's own are on the path anyway.
    above = [layer.index.install_target for layer in reversed(client[1:])]
    return MakeBundleRequest(
        title=request.fields.title,
        description=bundle.to_json(),
        python=f"{runtime.install_target}/{layout.base_python}",
        site_folders=tuple(f"{target}/{layout.site_packages}" for target in above),
        archives=tuple(layer.path for layer in client),
        files=dict(carried.files),
        output=output,
        root=root,
        form=request.form,
        identifier=request.fields.macosx_identifier.value or "",
    )


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()

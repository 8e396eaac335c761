"""Places of images and installers below ``dist``; two targets of one place are refused."""

from __future__ import annotations

import os.path
from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.addresses import Address
from pants.engine.target import Target, WrappedTargetRequest

from venvstacks_rules.model.errors import DefinitionError
from venvstacks_rules.model.outputs.clashes import Output, overwritten
from venvstacks_rules.model.paths import path_problem
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.build.output_folders import (
    EveryTargetRequest,
    every_target,
    folder_of_variant,
)
from venvstacks_rules.pants_backend.engine import collect_rules, implicitly, rule
from venvstacks_rules.pants_backend.graph.bundles import BundleFieldSet
from venvstacks_rules.pants_backend.graph.layer_targets import (
    TargetsInFoldersRequest,
    targets_in_folders,
)
from venvstacks_rules.pants_backend.targets.bundles import BundleOutputPathField
from venvstacks_rules.pants_backend.targets.images import ImageOutputPathField


@dataclass(frozen=True)
class OtherOutputRequest:
    """An image or installers that are about to be written."""

    address: Address


@dataclass(frozen=True)
class OtherOutput:
    """A folder below ``dist`` in which no other target writes the same."""

    folder: str


@dataclass(frozen=True)
class _Place:
    folder: str
    what: str
    is_set: bool
    """By `output_path`."""


def bundle_folder(address: Address, output_path: str | None) -> str:
    """The folder of installers; that of a variant has its own, since all have the same names."""
    folder = output_path or address.spec_path.replace("/", ".")
    return os.path.normpath(os.path.join(folder, folder_of_variant(address, of_stack=True)))


def folder_problem(address: Address, folder: str) -> str | None:
    """Why nothing can be written to a folder below ``dist``, or None."""
    problem = None if folder == "." else path_problem(folder)
    if problem is None:
        return None
    return f"{address}: `output_path` is {folder!r}, but {problem}. Name a folder below `dist`."


def _place(target: Target) -> _Place | None:
    if target.has_field(ImageOutputPathField):
        field = target[ImageOutputPathField]
        folder = os.path.normpath(field.value_or_default(file_ending="oci"))
        # The default of newer Pants is a template in the place of None.
        return _Place(folder, "an image", field.value not in (None, field.default))
    if target.has_field(BundleOutputPathField):
        written = target[BundleOutputPathField].value
        title = BundleFieldSet.create(target).title
        folder = bundle_folder(target.address, written)
        return _Place(folder, f"installers called `{title}`", bool(written))
    return None


@rule
async def other_output(request: OtherOutputRequest) -> OtherOutput:
    address = request.address
    wrapped = await engine.resolve_target(
        WrappedTargetRequest(address, description_of_origin="package")
    )
    own = _place(wrapped.target)
    assert own is not None
    problem = folder_problem(address, own.folder)
    if problem is not None:
        raise DefinitionError("Outputs cannot be written:", [problem])
    # As for layers: both `a.b/c` and `a/b.c` become `a.b.c`, and who has an `output_path` finds
    # the clash with a default folder.
    if own.is_set or "." in address.spec_path:
        everything = await every_target(EveryTargetRequest(), **implicitly())
        targets = everything.targets
    else:
        nearby = await targets_in_folders(
            TargetsInFoldersRequest((address.spec_path,)), **implicitly()
        )
        targets = nearby.targets
    outputs = [
        Output(target.address.spec, target.address.spec, place.what)
        for target in targets
        for place in [_place(target)]
        if place is not None
        and place.folder == own.folder
        and place.what.casefold() == own.what.casefold()
    ]
    problems = overwritten(own.folder, outputs)
    if problems:
        raise DefinitionError("Outputs would overwrite each other:", problems)
    return OtherOutput(own.folder)


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()

"""What ``publish`` passes over before anything of it is packaged.

Pants 2.32 and newer ask for it. Older ones have our rules package every target first, which make
nothing while only `publish` runs, and hear afterwards that it is skipped.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from pants.core.goals.package import PackageFieldSet
from pants.engine.addresses import Address
from pants.engine.target import BoolField, StringSequenceField
from pants.engine.unions import UnionRule

from venvstacks_rules.pants_backend.engine import (
    ASKS_WHAT_TO_SKIP,
    CheckSkipRequest,
    CheckSkipResult,
    collect_rules,
    rule,
)


class SkippableFields(Protocol):
    """The field set of what can be published."""

    @property
    def address(self) -> Address:
        """The target."""

    @property
    def only_if_named(self) -> bool:
        """Whether that is said only of targets that the command line names."""

    @property
    def skip_reason(self) -> str | None:
        """Why the target is not published; None if it is."""


if ASKS_WHAT_TO_SKIP:

    class SkipRequest(CheckSkipRequest):  # type: ignore[misc,type-arg,unused-ignore]
        """Whether a target of ours is published."""

    @rule
    async def skipped_before_packaging(request: SkipRequest) -> CheckSkipResult:
        reason = request.publish_fs.skip_reason
        if reason is None:
            return CheckSkipResult.no_skip()
        if request.publish_fs.only_if_named:
            # The rule that publishes knows what the command line names.
            return CheckSkipResult.skip(skip_packaging_only=True)
        return CheckSkipResult.skip(
            names=(str(request.address),),
            description=reason,
            data=request.publish_fs.get_output_data(),
        )


def reason_to_skip(skips: BoolField, places: StringSequenceField) -> str | None:
    """Why a target is not published, by its own fields; None if it is."""
    if skips.value:
        return f"(by its `{skips.alias}`)"
    return None if places.value else f"(it has no `{places.alias}`)"


def skip_request(publish_fs: SkippableFields, package_fs: PackageFieldSet) -> object:
    """What Pants 2.32 and newer ask with."""
    return SkipRequest(package_fs, publish_fs)


def rules() -> Iterable[object]:
    """The rules of this module."""
    if not ASKS_WHAT_TO_SKIP:
        return []
    return [*collect_rules(), UnionRule(CheckSkipRequest, SkipRequest)]

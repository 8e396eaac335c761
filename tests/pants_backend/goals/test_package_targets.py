"""What of a BUILD file the goal `package` takes, and by how many kinds of field sets."""

from __future__ import annotations

from pants.core.goals.package import PackageFieldSet
from pants.engine.unions import UnionMembership, UnionRule

from venvstacks_rules.pants_backend.backend import rules, target_types
from venvstacks_rules.pants_backend.goals.package_targets import TargetPackageFieldSet


def test_targets_that_are_packaged() -> None:
    nothing = UnionMembership({})
    (required,) = TargetPackageFieldSet.required_fields
    packaged = {
        target.alias
        for target in target_types()
        if target.class_has_field(required, union_membership=nothing)
    }
    assert packaged == {
        "venvstacks_application",
        "venvstacks_bundle",
        "venvstacks_client",
        "venvstacks_framework",
        "venvstacks_image",
        "venvstacks_manifest",
        "venvstacks_release",
        "venvstacks_runtime",
    }


def test_each_start_of_pants_pays_for_one_kind_of_field_set() -> None:
    unions = [each for each in rules() if isinstance(each, UnionRule)]
    members = [each.union_member for each in unions if each.union_base is PackageFieldSet]
    assert members == [TargetPackageFieldSet]

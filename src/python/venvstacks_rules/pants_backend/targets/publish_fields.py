"""The fields that say where and how a layer or a stack is published."""

from __future__ import annotations

from pants.engine.target import BoolField, StringSequenceField
from pants.util.strutil import softwrap


class RepositoriesField(StringSequenceField):
    """Where ``publish`` sends a target."""

    alias = "repositories"
    help = softwrap(
        """
        The repositories that `publish` sends the target to: names of the option
        `[venvstacks].repositories`, or URLs. Without any, `publish` skips the target.
        """
    )


class SkipPublishField(BoolField):
    """Whether ``publish`` leaves a target out."""

    alias = "skip_publish"
    default = False
    help = softwrap(
        """
        If true, `publish` skips the target. Stacks that it belongs to have it all the same.
        """
    )


class PublishArchivesField(BoolField):
    """Whether whole archives are published as well."""

    alias = "publish_archives"
    default = False
    help = softwrap(
        """
        If true, `publish` also stores the archives of all layers as files, with the names and the
        manifest of `venvstacks publish`, for consumers that download archives. The archives are
        assembled for it.
        """
    )


PUBLISH_FIELDS = (RepositoriesField, SkipPublishField, PublishArchivesField)

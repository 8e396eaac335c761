"""The target ``venvstacks_release``: a version of an application or of a stack, to be published."""

from __future__ import annotations

from typing import ClassVar, Optional

from pants.engine.target import (
    COMMON_TARGET_FIELDS,
    Dependencies,
    Field,
    StringField,
    StringSequenceField,
    Target,
)
from pants.util.strutil import softwrap

from venvstacks_rules.model.repository.keys import name_problem
from venvstacks_rules.pants_backend.engine import EnvironmentField
from venvstacks_rules.pants_backend.targets.misspelt_fields import NamesMisspeltFields
from venvstacks_rules.pants_backend.targets.publish_fields import PUBLISH_FIELDS
from venvstacks_rules.pants_backend.targets.source_fields import StackPartField


class _NameInRepository(StringField):
    """A name that is a part of a key of the repository.

    Not refused here: the release says all of its problems at once, and only where it is built.
    """

    @property
    def problem(self) -> Optional[str]:
        """Why it cannot be a part of a key; None if it can."""
        found = name_problem(self.value) if self.value is not None else None
        return None if found is None else f"`{self.alias}` is {self.value!r}, but {found}."


class ReleaseDependenciesField(Dependencies):
    """Edges of the build graph beside those that `layers` and `stack` give."""


class ReleaseLayersField(StringSequenceField, StackPartField):
    """The layers of a release."""

    alias = "layers"
    help = softwrap(
        """
        The addresses of the layers to release, usually of one application. The layers below them
        belong to the release too, whether you list them or not. Write either `layers` or `stack`.
        """
    )


class ReleaseStackField(StringField):
    """The stack of a release."""

    alias = "stack"
    help = softwrap(
        """
        The address of a `venvstacks_stack` or `venvstacks_manifest` whose layers are released.
        Write either `layers` or `stack`.
        """
    )


class ReleaseNameField(_NameInRepository):
    """What a release is called in the repository."""

    alias = "release_name"
    help = softwrap(
        """
        The name of what is released, in the repository. The default is the layer_name of the
        application if `layers` names just one, as in `app-assistant`, and otherwise the name of the
        target.
        """
    )


class ReleaseVersionField(_NameInRepository):
    """The version of a release."""

    alias = "version"
    required = True
    value: str
    help = softwrap(
        """
        The version, as in `1.4.2`. A version that was published never changes: raise it for other
        content. `env("VERSION")` takes it from the environment.
        """
    )


class ReleaseNotesField(StringField):
    """What is new in a release."""

    alias = "notes"
    help = softwrap(
        """
        What is new, for the people who get the release. It is part of the manifest.
        """
    )


class ReleaseChannelField(_NameInRepository):
    """The channel of a release."""

    alias = "channel"
    help = softwrap(
        """
        The channel that `publish` moves to this version, as in `stable`. Without a channel, the
        version is in the repository, and `venvstacks-repository promote` makes it known.
        """
    )


class VenvstacksRelease(NamesMisspeltFields, Target):
    """A version of an application or of a stack."""

    alias = "venvstacks_release"
    core_fields: ClassVar[tuple[type[Field], ...]] = (
        *COMMON_TARGET_FIELDS,
        ReleaseDependenciesField,
        ReleaseLayersField,
        ReleaseStackField,
        ReleaseNameField,
        ReleaseVersionField,
        ReleaseNotesField,
        ReleaseChannelField,
        *PUBLISH_FIELDS,
        EnvironmentField,
    )
    help = softwrap(
        """
        A version of an application, or of a whole stack: `publish` sends its layers to
        repositories, and moves a channel to it. No archive is assembled for it. `package` writes
        its manifest.
        """
    )

"""The target generator ``venvstacks_stack``, and the targets that it makes.

These have the types of the targets in BUILD files, with two differences: one field owns all files
of the layer, and another one says which stack file the layer comes from.
"""

from __future__ import annotations

from typing import ClassVar, Optional

from pants.engine.addresses import Address
from pants.engine.target import (
    COMMON_TARGET_FIELDS,
    Field,
    InvalidFieldException,
    OverridesField,
    SingleSourceField,
    StringField,
    TargetGenerator,
)
from pants.util.strutil import softwrap

from venvstacks_rules.pants_backend.engine import EnvironmentField
from venvstacks_rules.pants_backend.targets.layers import (
    APPLICATION_FIELDS,
    FRAMEWORK_FIELDS,
    RUNTIME_FIELDS,
    AcceptedLibrariesField,
    ArchiveFormatField,
    CompressionLevelField,
    LayerOutputPathField,
    VenvstacksApplication,
    VenvstacksFramework,
    VenvstacksRuntime,
    WindowsArchiveFormatField,
)
from venvstacks_rules.pants_backend.targets.lock_fields import LocalWheelsField
from venvstacks_rules.pants_backend.targets.manifests import VenvstacksManifest
from venvstacks_rules.pants_backend.targets.misspelt_fields import NamesMisspeltFields
from venvstacks_rules.pants_backend.targets.publish_fields import PUBLISH_FIELDS
from venvstacks_rules.pants_backend.targets.requirement_fields import PythonResolveField
from venvstacks_rules.pants_backend.targets.shipping_fields import ByteCodeField, SealedField
from venvstacks_rules.pants_backend.targets.size_fields import SIZE_FIELDS
from venvstacks_rules.pants_backend.targets.skip_fields import (
    SkipImportCheckField,
    SkipLockCheckField,
)
from venvstacks_rules.pants_backend.targets.source_fields import (
    ApplicationFilesField,
    FrameworkFilesField,
    LaunchModuleField,
    RuntimeFilesField,
)

MANIFEST_NAME = "__venvstacks__"
"""The generated name of a stack's manifest."""


class StackSourceField(SingleSourceField):
    """The stack file."""

    default = "venvstacks.toml"
    required = False
    uses_source_roots = False
    help = softwrap(
        """
        The stack file, which must lie beside the BUILD file. The lockfiles of its layers are in
        the folder `requirements` there.
        """
    )

    @classmethod
    def compute_value(cls, raw_value: Optional[str], address: Address) -> str:
        """Refuse a file of another folder: lockfiles and modules lie relative to the stack file."""
        value = super().compute_value(raw_value, address)
        if value is None or "/" in value:
            raise InvalidFieldException(
                f"The `source` field in target {address} must be the name of a file beside the "
                f"BUILD file, but was {value!r}. Write the target in a BUILD file beside the stack "
                "file."
            )
        return value


class StackOverridesField(OverridesField):
    """Fields of single layers."""

    help = softwrap(
        """
        Settings that the stack file cannot express, for single layers: the fields to set, by the
        name of the layer with its kind: `{"framework-sklearn": {"archive_format": "tar.xz"}}`. A
        tuple of names sets the fields of several layers. A value here overrides the stack file's.
        """
    )


class VenvstacksStack(NamesMisspeltFields, TargetGenerator):
    """The layers of a stack file."""

    alias = "venvstacks_stack"
    core_fields = (*COMMON_TARGET_FIELDS, StackSourceField, StackOverridesField)
    copied_fields = COMMON_TARGET_FIELDS
    moved_fields = (
        AcceptedLibrariesField,
        ArchiveFormatField,
        WindowsArchiveFormatField,
        CompressionLevelField,
        ByteCodeField,
        SealedField,
        LayerOutputPathField,
        LocalWheelsField,
        PythonResolveField,
        EnvironmentField,
        *SIZE_FIELDS,
        *PUBLISH_FIELDS,
        SkipLockCheckField,
        SkipImportCheckField,
    )
    help = softwrap(
        """
        The layers of a `venvstacks.toml`. The target generates a `venvstacks_runtime`,
        `venvstacks_framework` or `venvstacks_application` for each layer, at
        `folder:stack#<layer_name>`, and a `venvstacks_manifest` of all layers. Characters that
        Pants does not allow in such a name are percent-encoded: `@` as `%40`.
        """
    )


class StackFileField(StringField):
    """The stack file that a target comes from."""

    alias = "stack_file"
    required = True
    value: str
    help = softwrap(
        """
        The stack file that the target comes from, relative to the BUILD file.
        """
    )


class StackRuntime(VenvstacksRuntime):
    """A runtime layer of a stack file."""

    core_fields: ClassVar[tuple[type[Field], ...]] = (
        *RUNTIME_FIELDS,
        RuntimeFilesField,
        StackFileField,
    )


class StackFramework(VenvstacksFramework):
    """A framework layer of a stack file."""

    core_fields: ClassVar[tuple[type[Field], ...]] = (
        *FRAMEWORK_FIELDS,
        FrameworkFilesField,
        StackFileField,
    )


class StackApplication(VenvstacksApplication):
    """An application layer of a stack file."""

    core_fields: ClassVar[tuple[type[Field], ...]] = (
        *APPLICATION_FIELDS,
        LaunchModuleField,
        ApplicationFilesField,
        StackFileField,
    )


class StackManifest(VenvstacksManifest):
    """The manifest of a stack file."""

    core_fields: ClassVar[tuple[type[Field], ...]] = (
        *VenvstacksManifest.core_fields,
        StackFileField,
    )

"""The target of a layer, as far as its binaries depend on it."""

from __future__ import annotations

from dataclasses import dataclass

from venvstacks_rules.model.contents.layout import LayerLayout
from venvstacks_rules.model.libraries.baselines import (
    IsProvided,
    is_of_python,
    provided_libraries,
)
from venvstacks_rules.model.libraries.binaries import FORMATS, Binary
from venvstacks_rules.model.libraries.desktops import is_of_desktop
from venvstacks_rules.model.platforms.libc import LinuxTarget
from venvstacks_rules.model.platforms.target_platforms import TargetPlatform


@dataclass(frozen=True)
class Target:
    """The platform and versions that a layer is built for."""

    platform: TargetPlatform
    python_version: str
    """X.Y.Z of the runtime."""
    linux_target: LinuxTarget
    macosx_target: tuple[int, int]

    @property
    def layout(self) -> LayerLayout:
        """Where things are in the layer."""
        return LayerLayout(self.python_version, self.platform.os_name)

    @property
    def is_provided(self) -> IsProvided:
        """The libraries that its machines provide."""
        return provided_libraries(self.platform, self.python_version, self.linux_target)

    def is_of_python(self, name: str) -> bool:
        """Whether the interpreter itself may be linked to a library of its machine by this name."""
        return is_of_python(self.platform, name)

    def is_of_desktop(self, asked: str) -> bool:
        """Whether only some of its machines, those with a desktop, provide a library."""
        return self.platform.system == "linux" and is_of_desktop(asked)

    def loads(self, binary: Binary) -> bool:
        """Whether its machines can load a binary."""
        return (
            binary.problem is None
            and binary.format == FORMATS[self.platform.system]
            and binary.machine == self.platform.machine
        )

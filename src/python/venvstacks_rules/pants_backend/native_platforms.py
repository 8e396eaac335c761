"""Which target platform each platform of Pants is."""

from __future__ import annotations

from collections.abc import Mapping

from pants.engine.platform import Platform

NATIVE_PLATFORMS: Mapping[Platform, str] = {
    Platform.linux_x86_64: "linux_x86_64",
    Platform.linux_arm64: "linux_aarch64",
    Platform.macos_x86_64: "macosx_x86_64",
    Platform.macos_arm64: "macosx_arm64",
}
"""The names of target platforms; Pants runs on no other."""

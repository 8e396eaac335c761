"""``uv`` takes the same wheel of real packages on each platform, by the names of their wheels."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.uv_targets import TARGETS, ask_uv, installed_tags, wheel
from venvstacks_rules.model.locks.pylock import LockedWheel
from venvstacks_rules.model.locks.selection import best_wheel
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS

WHEELS: dict[str, list[str]] = json.loads(
    Path(__file__).parents[2].joinpath("vectors/wheel_choice/wheels.json").read_text()
)
NONE = "py2.py3-none-any"


def parts(file_name: str) -> tuple[str, str, str]:
    """Name, version and tags."""
    name, version, tags = file_name[: -len(".whl")].split("-", 2)
    return name.lower(), version, tags


@pytest.mark.parametrize("version", ["3.11", "3.14", "3.14t"])
@pytest.mark.parametrize("target", TARGETS)
def test_the_same_wheel_is_taken(tmp_path: Path, target: str, version: str) -> None:
    _, macos, platform, linux = TARGETS[target]
    names = {parts(names[0])[0]: names for names in WHEELS.values()}
    ours = {}
    for name, file_names in names.items():
        for file_name in file_names:
            wheel(tmp_path, *parts(file_name))
        # What is taken where none fits.
        wheel(tmp_path, name, "0", NONE)
        chosen = best_wheel(
            (LockedWheel(file_name, file_name, None, 1, "0" * 64) for file_name in file_names),
            platform=PLATFORMS[platform],
            python_version=version,
            linux_target=linux,
            macosx_target=macos,
        )
        ours[name] = parts(chosen.file_name)[2] if chosen else NONE
    ask_uv(tmp_path, "install", names, version, target, "--target", str(tmp_path / "target"))
    assert installed_tags(tmp_path / "target") == ours
    assert len({tags for tags in ours.values() if tags != NONE}) >= 3

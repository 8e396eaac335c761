"""What machines with a desktop provide."""

from __future__ import annotations

import pytest

from tests.model.libraries.test_baselines import provided
from venvstacks_rules.model.libraries.desktops import DESKTOP_LIBRARIES, is_of_desktop


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("libxcb-icccm.so.4", True),
        ("libxcb-cursor.so.0", True),
        ("libgstreamer-1.0.so.0", True),
        ("libgstvideo-1.0.so.0", True),
        ("libEGL.so.1", True),
        ("libegl.so.1", False),
        ("libpq.so.5", False),
        ("libQt6Core.so.6", False),
        ("libzstd.so.1", False),
    ],
)
def test_names(name: str, expected: bool) -> None:
    assert is_of_desktop(name) == expected


def test_what_every_machine_provides_is_not_of_a_desktop() -> None:
    is_provided = provided("linux_x86_64")
    assert [name for name in DESKTOP_LIBRARIES if is_provided(name)] == []

from __future__ import annotations

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from venvstacks_rules.model.contents.wheel_metadata import WheelRequirement

TEXTS = [
    "numpy",
    "Zope.Interface (>=5)",
    "a_b[C_d, e] >=1,<2 ; python_version < '3.9' and extra == 'F_g'",
    'x; (os_name == "nt" or extra == "a.b")',
    "y @ https://example.com/y-1.0.whl;a ; sys_platform == 'win32'",
    "y@ git+https://example.com/y",
    "z[]>1",
]


@pytest.mark.parametrize("text", TEXTS)
def test_requirements_are_read_as_packaging_reads_them(text: str) -> None:
    expected, found = Requirement(text), WheelRequirement.parsed(text)
    assert found is not None
    assert found.name == canonicalize_name(expected.name)
    assert found.extras == tuple(sorted(map(canonicalize_name, expected.extras)))
    if expected.marker is None:
        assert found.marker == ""
    else:
        # `packaging` normalises the names of extras, too.
        assert str(Marker(found.marker)) == str(expected.marker)


@pytest.mark.parametrize("text", ["", "-a", "[x]", ">=1"])
def test_what_is_no_requirement(text: str) -> None:
    assert WheelRequirement.parsed(text) is None

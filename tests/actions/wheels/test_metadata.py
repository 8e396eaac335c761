from __future__ import annotations

import io
import zipfile

import pytest

from venvstacks_rules.actions.wheels.checks import WheelIdentity
from venvstacks_rules.actions.wheels.metadata import parsed_metadata, wheel_metadata
from venvstacks_rules.model.contents.wheel_metadata import (
    NO_METADATA,
    WheelMetadata,
    WheelRequirement,
)

HEAD = "Metadata-Version: 2.4\nName: demo\nVersion: 1.0\n"
BSD = "License :: OSI Approved :: BSD License"


def found(*lines: str) -> WheelMetadata:
    return parsed_metadata(HEAD + "".join(f"{line}\n" for line in lines) + "\nLicense: of the body")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], NO_METADATA),
        (["License-Expression: MIT"], WheelMetadata("MIT")),
        (["License-Expression: mit or (apache-2.0)"], WheelMetadata("MIT OR (Apache-2.0)")),
        (
            ["License-Expression: Apache-2.0 WITH LLVM-exception"],
            WheelMetadata("Apache-2.0 WITH LLVM-exception"),
        ),
        (["License-Expression: Our own"], WheelMetadata(license_name="Our own")),
        # The older field may be one.
        (["License: BSD-3-Clause"], WheelMetadata("BSD-3-Clause")),
        (["License: 3-clause BSD"], WheelMetadata(license_name="3-clause BSD")),
        (["License: UNKNOWN"], NO_METADATA),
        (
            ["License: MIT", "        of the kind that has a text"],
            WheelMetadata(license_name="MIT"),
        ),
        (
            ["License: Copyright (c) 2001", "        All rights reserved.", f"Classifier: {BSD}"],
            WheelMetadata(license_classifiers=(BSD,)),
        ),
        (
            [
                f"Classifier: {BSD}",
                "Classifier: Topic :: Text",
                "License-File: b",
                "License-File: a",
            ],
            WheelMetadata(license_classifiers=(BSD,), license_files=("a", "b")),
        ),
        (
            ["Requires-Dist: A.b[c]>=1; extra == 'D_e'", "Requires-Dist: >1"],
            WheelMetadata(requires=(WheelRequirement("a-b", ("c",), "extra == 'd-e'"),)),
        ),
        (["License: a\0b"], WheelMetadata(license_name="a\N{REPLACEMENT CHARACTER}b")),
        ([f"License: {'x' * 5000}"], WheelMetadata(license_name="x" * 200)),
        ([f"License-File: {'x' * 5000}"], NO_METADATA),
    ],
)
def test_what_metadata_says(lines: list[str], expected: WheelMetadata) -> None:
    assert found(*lines) == expected


def test_of_many_values_some_are_read() -> None:
    assert len(found(*(f"License-File: {number}" for number in range(5000))).license_files) == 2000


def test_metadata_of_the_wheel_itself() -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("other-1.0.dist-info/METADATA", f"{HEAD}License: ISC\n")
        archive.writestr("demo-1.0.dist-info/sub/METADATA", f"{HEAD}License: ISC\n")
        archive.writestr("demo-1.0.dist-info/METADATA", f"{HEAD}License: MIT\n".encode() + b"\xff")
    with zipfile.ZipFile(content) as archive:
        assert wheel_metadata(archive, WheelIdentity("demo", "1.0")) == WheelMetadata("MIT")
        assert wheel_metadata(archive, WheelIdentity("demo-x", "1.0")) == NO_METADATA

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import pytest
from cyclonedx.spdx import is_expression, is_supported_id

from venvstacks_rules.model.contents.wheel_metadata import WheelMetadata
from venvstacks_rules.model.documents.licences import SPDX_OF_CLASSIFIERS, licences

DECLARED = {"acknowledgement": "declared"}
OSI = "License :: OSI Approved :: "


def known_ids() -> set[str]:
    schema = resources.files("cyclonedx.schema._res").joinpath("spdx.SNAPSHOT.schema.json")
    return set(json.loads(schema.read_text(encoding="utf-8"))["enum"])


def licence(key: str, value: str) -> dict[str, Any]:
    return {"license": {key: value, **DECLARED}}


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        (WheelMetadata(), []),
        (WheelMetadata("MIT", "Anything", (f"{OSI}BSD License",)), [licence("id", "MIT")]),
        (
            WheelMetadata("MIT OR Apache-2.0"),
            [{"expression": "MIT OR Apache-2.0", **DECLARED}],
        ),
        (WheelMetadata("LicenseRef-Ours"), [{"expression": "LicenseRef-Ours", **DECLARED}]),
        (WheelMetadata("GPL-2.0+"), [{"expression": "GPL-2.0+", **DECLARED}]),
        (WheelMetadata("", "BSD 3-Clause"), [licence("name", "BSD 3-Clause")]),
        (WheelMetadata("", "MIT License", (f"{OSI}MIT License",)), [licence("id", "MIT")]),
        (
            WheelMetadata("", "", (f"{OSI}BSD License", "License :: Freeware")),
            [licence("name", "BSD License"), licence("name", "Freeware")],
        ),
        (
            WheelMetadata("", "BSD", (f"{OSI}BSD License", f"{OSI}MIT License")),
            [licence("id", "MIT"), licence("name", "BSD License")],
        ),
        (WheelMetadata("", "", ("License :: OSI Approved",)), []),
    ],
)
def test_licences(metadata: WheelMetadata, expected: list[dict[str, Any]]) -> None:
    assert licences(metadata) == expected


def test_what_readers_know() -> None:
    assert set(SPDX_OF_CLASSIFIERS.values()) <= known_ids()
    assert all(map(is_supported_id, SPDX_OF_CLASSIFIERS.values()))
    # What the actions take for an id, readers of the format do, too.
    from packaging.licenses._spdx import LICENSES

    assert {entry["id"] for entry in LICENSES.values()} <= known_ids()
    assert is_expression("MIT OR Apache-2.0")


def test_classifiers_exist() -> None:
    from trove_classifiers import classifiers

    assert {f"{OSI}{name}" for name in SPDX_OF_CLASSIFIERS} <= classifiers

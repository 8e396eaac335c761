"""The licences of a package, as CycloneDX writes them."""

from __future__ import annotations

import re
from typing import Any

from venvstacks_rules.model.contents.wheel_metadata import WheelMetadata

_ID = re.compile(r"[A-Za-z0-9.-]+")
_CUSTOM = "LicenseRef-"

_GNU = {
    f"GNU {name} v{version}{later} ({short}v{version}{sign})": f"{spdx}-{version}.0-{suffix}"
    for name, short, spdx, versions in (
        ("General Public License", "GPL", "GPL", (2, 3)),
        ("Lesser General Public License", "LGPL", "LGPL", (2, 3)),
        ("Affero General Public License", "AGPL", "AGPL", (3,)),
    )
    for version in versions
    for later, sign, suffix in (("", "", "only"), (" or later", "+", "or-later"))
}
SPDX_OF_CLASSIFIERS = {
    **_GNU,
    "Boost Software License 1.0 (BSL-1.0)": "BSL-1.0",
    "Eclipse Public License 1.0 (EPL-1.0)": "EPL-1.0",
    "Eclipse Public License 2.0 (EPL-2.0)": "EPL-2.0",
    "European Union Public Licence 1.1 (EUPL 1.1)": "EUPL-1.1",
    "European Union Public Licence 1.2 (EUPL 1.2)": "EUPL-1.2",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Mozilla Public License 1.1 (MPL 1.1)": "MPL-1.1",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "Universal Permissive License (UPL)": "UPL-1.0",
}
"""The classifiers that mean one licence in one version, by their last part."""


def licences(metadata: WheelMetadata) -> list[dict[str, Any]]:
    """What a wheel declares: an expression or id of SPDX if it has one, names otherwise."""
    expression = metadata.license_expression
    if expression:
        if _ID.fullmatch(expression) and not expression.startswith(_CUSTOM):
            return [_licence("id", expression)]
        return [{"expression": expression, "acknowledgement": "declared"}]
    classified = [text.split("::")[-1].strip() for text in metadata.license_classifiers]
    found = [SPDX_OF_CLASSIFIERS.get(name, "") for name in classified]
    ids = sorted({spdx for spdx in found if spdx})
    names = {name for name, spdx in zip(classified, found) if not spdx}
    # `OSI Approved` alone names no licence.
    names -= {"OSI Approved", ""}
    if metadata.license_name and not ids:
        names.add(metadata.license_name)
    return [
        *(_licence("id", spdx) for spdx in ids),
        *(_licence("name", name) for name in sorted(names)),
    ]


def _licence(key: str, value: str) -> dict[str, Any]:
    return {"license": {key: value, "acknowledgement": "declared"}}

"""The licences of a package, as CycloneDX writes them."""

from __future__ import annotations

import re
from typing import Any

from venvstacks_rules.model.contents.wheel_metadata import WheelMetadata

_ID = re.compile(r"[A-Za-z0-9.-]+")
_CUSTOM = "LicenseRef-"

SPDX_OF_CLASSIFIERS = {
    "Boost Software License 1.0 (BSL-1.0)": "BSL-1.0",
    "Eclipse Public License 1.0 (EPL-1.0)": "EPL-1.0",
    "Eclipse Public License 2.0 (EPL-2.0)": "EPL-2.0",
    "European Union Public Licence 1.1 (EUPL 1.1)": "EUPL-1.1",
    "European Union Public Licence 1.2 (EUPL 1.2)": "EUPL-1.2",
    "GNU Affero General Public License v3": "AGPL-3.0-only",
    "GNU Affero General Public License v3 or later (AGPLv3+)": "AGPL-3.0-or-later",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "GNU Lesser General Public License v2 (LGPLv2)": "LGPL-2.0-only",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.0-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
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

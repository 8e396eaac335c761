"""Reads what METADATA says of a wheel's licences, and what it requires.

Nothing of it decides how a wheel is installed: what cannot be read is left out, and lengths have
bounds.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable

from venvstacks_rules.actions.wheels.checks import WheelIdentity
from venvstacks_rules.actions.wheels.dist_info_files import header_values
from venvstacks_rules.model.contents.wheel_metadata import (
    NO_METADATA,
    WheelMetadata,
    WheelRequirement,
)

_DIST_INFO = ".dist-info"
_MOST_BYTES = 4 * 1024 * 1024
_MOST_VALUES, _LONGEST_VALUE, _LONGEST_NAME = 2000, 2000, 200
_LICENSE = "License ::"
# Reading any other expression takes the tables of SPDX.
_USUAL = frozenset({"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MPL-2.0"})
_UNKNOWN = ("", "unknown", "none")


def wheel_metadata(archive: zipfile.ZipFile, identity: WheelIdentity) -> WheelMetadata:
    """What METADATA of the wheel in `archive` says; nothing if there is none.

    Raises one of ``checks.READ_ERRORS`` if it cannot be unpacked.
    """
    info = dist_info_entry(archive, identity, "METADATA")
    if info is None:
        return NO_METADATA
    with archive.open(info) as stream:
        return parsed_metadata(stream.read(_MOST_BYTES).decode("utf-8", "replace"))


def dist_info_entry(
    archive: zipfile.ZipFile, identity: WheelIdentity, name: str
) -> zipfile.ZipInfo | None:
    """The entry of that name in the wheel's .dist-info folder; None if there is none."""
    for info in archive.infolist():
        folder, _, rest = info.filename.partition("/")
        of_wheel = folder.endswith(_DIST_INFO) and identity.is_named(folder[: -len(_DIST_INFO)])
        if rest == name and of_wheel:
            return info
    return None


def parsed_metadata(text: str) -> WheelMetadata:
    """What the text of METADATA says."""
    found = header_values(text.replace("\0", "\N{REPLACEMENT CHARACTER}"))
    classifiers = _short(v for v in found.get("classifier", ()) if v.startswith(_LICENSE))
    (expression, *_) = found.get("license-expression", [""])
    (written, *_) = found.get("license", [""])
    lines = [line.strip() for line in written.splitlines() if line.strip()]
    name = lines[0][:_LONGEST_NAME].strip() if lines else ""
    if len(lines) > 1 and classifiers:
        # The text of the licence; the classifiers name it.
        name = ""
    spdx = _spdx(expression) or ("" if len(lines) > 1 else _spdx(name))
    if not spdx and not name:
        name = " ".join(expression.split())[:_LONGEST_NAME].strip()
    requirements = (WheelRequirement.parsed(v) for v in _short(found.get("requires-dist", ())))
    return WheelMetadata(
        license_expression=spdx,
        license_name="" if spdx or name.lower() in _UNKNOWN else name,
        license_classifiers=classifiers,
        license_files=tuple(sorted(set(_short(found.get("license-file", ()))))),
        requires=tuple(requirement for requirement in requirements if requirement is not None),
    )


def _short(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(value for value in values if len(value) <= _LONGEST_VALUE)[:_MOST_VALUES]


def _spdx(text: str) -> str:
    """`text` as an SPDX expression in its canonical spelling; empty if it is none."""
    if text in _USUAL or text.lower() in _UNKNOWN or len(text) > _LONGEST_VALUE:
        return text if text in _USUAL else ""
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    try:
        return str(canonicalize_license_expression(text))
    except (InvalidLicenseExpression, RecursionError):
        return ""

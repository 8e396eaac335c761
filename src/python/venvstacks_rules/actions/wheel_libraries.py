"""``wheel-libraries``: whether a layer's wheels carry shared libraries, without unpacking them.

This is all that the layers above have to know of them, and it takes reading the wheels' directories
only, so that a layer above need not wait until the wheels are compressed.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator

from venvstacks_rules.model.action_io import WheelLibraries, WheelLibrariesRequest, from_json
from venvstacks_rules.model.dynlibs import is_offered
from venvstacks_rules.model.errors import WheelError
from venvstacks_rules.model.layout import LayerLayout

_SITE_SCHEMES = ("purelib", "platlib")


def run(request_text: str) -> WheelLibraries:
    """Do what a :class:`WheelLibrariesRequest` asks for; WheelError for what is not a wheel."""
    request = from_json(WheelLibrariesRequest, request_text)
    layout = LayerLayout(request.python_version)
    offered = False
    problems = []
    for path in request.wheels:
        try:
            offered |= any(
                is_offered(installed, layout, request.dynlib_exclude)
                for installed in _installed_paths(path, str(layout.site_packages))
            )
        except (OSError, zipfile.BadZipFile) as e:
            problems.append(f"{path.rsplit('/', 1)[-1]}: not a wheel that can be read: {e}")
    if problems:
        raise WheelError("Wheels are refused:", problems)
    return WheelLibraries(offered)


def _installed_paths(path: str, site_packages: str) -> Iterator[str]:
    """Where the files of a wheel go that can go to site-packages, relative to the layer."""
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            top, _, rest = name.partition("/")
            if not top.endswith(".data"):
                yield f"{site_packages}/{name}"
                continue
            scheme, _, inner = rest.partition("/")
            if scheme in _SITE_SCHEMES:
                yield f"{site_packages}/{inner}"
            elif scheme == "data":
                yield inner

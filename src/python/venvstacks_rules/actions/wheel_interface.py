"""``wheel-interface``: what the layers above have to know of a layer's wheels.

It takes reading the wheels' directories only, so that a layer above need not wait until the wheels
are compressed, and is not built again when they change in ways that do not concern it.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import PurePosixPath

from venvstacks_rules.model.action_io import WheelInterface, WheelInterfaceRequest, from_json
from venvstacks_rules.model.dynlibs import is_offered
from venvstacks_rules.model.errors import WheelError
from venvstacks_rules.model.imports import top_level_module
from venvstacks_rules.model.layout import LayerLayout

_SITE_SCHEMES = ("purelib", "platlib")


def run(request_text: str) -> WheelInterface:
    """Do what a :class:`WheelInterfaceRequest` asks for; WheelError for what is not a wheel."""
    request = from_json(WheelInterfaceRequest, request_text)
    layout = LayerLayout(request.python_version, request.os_name)
    site_packages = layout.site_packages
    libraries = False
    modules: set[str] = set()
    problems = []
    for path in request.wheels:
        try:
            installed = list(_installed_paths(path, layout))
        except (OSError, zipfile.BadZipFile) as e:
            problems.append(f"{path.rsplit('/', 1)[-1]}: not a wheel that can be read: {e}")
            continue
        libraries |= any(is_offered(name, layout, request.dynlib_exclude) for name in installed)
        found = (top_level_module(PurePosixPath(name), site_packages) for name in installed)
        modules.update(name for name in found if name is not None)
    if problems:
        raise WheelError("Wheels are refused:", problems)
    return WheelInterface(libraries, tuple(sorted(modules)))


def _installed_paths(path: str, layout: LayerLayout) -> Iterator[str]:
    """Where the files of a wheel go that can go to site-packages, relative to the layer."""
    site_packages = layout.site_packages
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
                yield str(layout.data(inner))

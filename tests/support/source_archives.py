"""Source archives with a build backend of their own, which needs no library."""

from __future__ import annotations

import gzip
import io
import tarfile
from typing import Any

_BACKEND = """\
import base64, hashlib, os, zipfile
{imports}
NAME, VERSION = "{name}", "{version}"
INFO = f"{{NAME}}-{{VERSION}}.dist-info"
METADATA = f"Metadata-Version: 2.1\\nName: {{NAME}}\\nVersion: {{VERSION}}\\n{requires}"
WHEEL = "Wheel-Version: 1.0\\nGenerator: tests\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"


{asked}def build_wheel(folder, config_settings=None, metadata_directory=None):
    module = {module}
    files = {{f"{{NAME}}.py": module, f"{{INFO}}/METADATA": METADATA, f"{{INFO}}/WHEEL": WHEEL}}
    record = f"{{INFO}}/RECORD,,\\n"
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode()
        record += f"{{path}},sha256={{digest.rstrip('=')}},{{len(text.encode())}}\\n"
    name = f"{{NAME}}-{{VERSION}}-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        for path, text in {{**files, f"{{INFO}}/RECORD": record}}.items():
            wheel.writestr(path, text)
    return name
"""


def source_files(
    name: str,
    version: str = "1.0",
    *,
    module: str = '"VALUE = 1\\n"',
    imports: str = "",
    requires: tuple[str, ...] = (),
    build_requires: tuple[str, ...] = (),
    told: tuple[str, ...] = (),
) -> dict[str, str]:
    """The files of a project.

    `module` is the expression for the text of its one module, with what `imports` brings; what the
    wheel requires only a build tells, and what the build requires beside `build_requires`, `told`,
    only the backend.
    """
    asked = f"def get_requires_for_build_wheel(config_settings=None):\n    return {list(told)!r}\n"
    backend = _BACKEND.format(
        name=name,
        version=version,
        imports=imports,
        module=module,
        asked=f"{asked}\n\n" if told else "",
        requires="".join(f"Requires-Dist: {text}\\n" for text in requires),
    )
    listed = ", ".join(f'"{text}"' for text in build_requires)
    project = (
        f'[build-system]\nrequires = [{listed}]\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    about = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    return {"backend.py": backend, "pyproject.toml": project, "PKG-INFO": about}


def source_archive(name: str, version: str = "1.0", **parts: Any) -> dict[str, bytes]:
    """A source archive by its file name; `parts` as for :func:`source_files`."""
    top = f"{name}-{version}"
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for path, text in source_files(name, version, **parts).items():
            info = tarfile.TarInfo(f"{top}/{path}")
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    return {f"{top}.tar.gz": gzip.compress(data.getvalue(), mtime=0)}

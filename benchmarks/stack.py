"""The stack of examples/sklearn for both tools, from the same files and the same interpreter.

On Python 3.11, unlike the example: what the peer runs after unpacking works on nothing older.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

PYTHON = "3.11"
"""The version of the stack, X.Y."""

ADDED_REQUIREMENT = "idna"
"""A small package that a later run adds to the scikit-learn framework."""

_TOML = """\
[[runtimes]]
name = "cpython"
python_implementation = "cpython@{version}"
requirements = ["numpy"]
platforms = ["linux_x86_64"]

[[frameworks]]
name = "sklearn"
runtime = "cpython"
requirements = [{framework}]

[[frameworks]]
name = "http"
runtime = "cpython"
requirements = ["httpx"]

[[applications]]
name = "classify"
launch_module = "classify.py"
frameworks = ["sklearn"]
requirements = ["scikit-learn"]

[[applications]]
name = "report"
launch_module = "report"
frameworks = ["sklearn", "http"]
requirements = ["scikit-learn", "httpx", "rich"]
"""

LAYERS_ABOVE = """\
venvstacks_framework(name="sklearn", runtime=":cpython", requirements=[{framework}])
venvstacks_framework(name="http", runtime=":cpython", requirements=["httpx"])
venvstacks_application(
    name="classify",
    launch_module="classify.py",
    frameworks=[":sklearn"],
    requirements=["scikit-learn"],
)
venvstacks_application(
    name="report",
    launch_module="report",
    frameworks=[":sklearn", ":http"],
    requirements=["scikit-learn", "httpx", "rich"],
)
"""
"""What lies on the runtime `:cpython`, in a BUILD file."""

_BUILD = """\
file(name="interpreter", source="{archive}")

venvstacks_runtime(
    name="cpython",
    python_implementation="cpython@{version}",
    python_archives={{"linux_x86_64": ":interpreter"}},
    requirements=["numpy"],
    platforms=["linux_x86_64"],
)
"""


def write_stack(
    folder: Path, sources: Path, *, archive: Path, version: str, added: Sequence[str] = ()
) -> None:
    """Write both definitions, the launch modules and the interpreter into `folder`.

    `added` are more requirements of the scikit-learn framework.
    """
    folder.mkdir(parents=True, exist_ok=True)
    framework = ", ".join(f'"{requirement}"' for requirement in ("scikit-learn", *added))
    (folder / "venvstacks.toml").write_text(_TOML.format(version=version, framework=framework))
    (folder / "BUILD").write_text(
        _BUILD.format(version=version, archive=archive.name)
        + LAYERS_ABOVE.format(framework=framework)
    )
    shutil.copy(sources / "classify.py", folder)
    shutil.copytree(sources / "report", folder / "report", dirs_exist_ok=True)
    if not (folder / archive.name).exists():
        shutil.copy(archive, folder)


def edit_launch_module(folder: Path, mark: int) -> None:
    """A change that both tools have to notice."""
    module = folder / "classify.py"
    text = module.read_text().split("# edited")[0]
    module.write_text(f"{text}# edited {mark}\n")

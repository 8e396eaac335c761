"""Layers as their documents describe them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from venvstacks_rules.model.contents.compression import Compression
from venvstacks_rules.model.contents.wheel_metadata import WheelMetadata, WheelRequirement
from venvstacks_rules.model.documents.described import (
    Builder,
    DescribedInterpreter,
    DescribedLayer,
    DescribedPackage,
    InputFile,
    LayerBelow,
)
from venvstacks_rules.model.layers.layer import Layer
from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.locks.pylock import LockedPackage, LockedWheel
from venvstacks_rules.model.locks.sources import LockedSource, PinnedArchive
from venvstacks_rules.model.network.commits import Commit
from venvstacks_rules.model.outputs.metadata import LayerMetadata, ModuleHash
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS

INDEX = "https://packages.example.com/simple"
BUILDER = Builder("https://ci.example.com/release", (("zstandard", "0.25.0"),))


def package(
    name: str,
    *requires: str,
    wheel: str | None = None,
    direct: bool = False,
    index: str | None = INDEX,
    path: str | None = None,
    metadata: WheelMetadata | None = None,
    **locked: Any,
) -> DescribedPackage:
    """A package in version 1.0."""
    file_name = wheel or f"{name.replace('-', '_')}-1.0-py3-none-any.whl"
    made = path is not None or bool(locked)
    url = None if made else f"https://files.example.com/{file_name}"
    found = LockedWheel(file_name, url, path, 100, name[0].encode().hex() * 32)
    parsed = [WheelRequirement.parsed(text) for text in requires]
    metadata = metadata or WheelMetadata(license_expression="MIT")
    return DescribedPackage(
        LockedPackage(name, "1.0", None, None if made else index, (), **locked),
        found,
        replace(metadata, requires=tuple(one for one in parsed if one is not None)),
        direct,
    )


def source(name: str) -> LockedSource:
    """A source archive, and a wheel that builds it."""
    return LockedSource(
        PinnedArchive(f"https://user:secret@files.example.com/{name}-1.0.tar.gz?t=1", 7, "1" * 64),
        (PinnedArchive("https://files.example.com/flit_core-3.9-py3-none-any.whl", 8, "2" * 64),),
    )


def commit(name: str) -> LockedSource:
    """The files of a commit, and a wheel that builds them."""
    made = Commit(f"https://git.example.com/{name}.git", "c" * 40, "python")
    return LockedSource(PinnedArchive(made.reference, 7, "1" * 64), source(name).build_wheels, made)


def application(*packages: DescribedPackage, **changes: Any) -> DescribedLayer:
    """An application on a framework."""
    described = DescribedLayer(
        layer=Layer(
            address="src/app:report",
            kind=LayerKind.APPLICATION,
            name="report",
            requirements=("rich[extra]>=1",),
            python_version="3.11",
            platforms=(PLATFORMS["linux_x86_64"],),
            linux_target="glibc@2.28",
            macosx_target="13.0",
            lower=("src/app:text", "src/app:cpython"),
            launch_module=None,
            support_modules=(),
            dynlib_exclude=(),
        ),
        metadata=LayerMetadata(
            layer_name="app-report",
            install_target="app-report",
            requirements_hash=f"sha256:{'0' * 64}",
            lock_version=1,
            locked_at="2024-01-01T00:00:00+00:00",
            target_platform="linux_x86_64",
            runtime_layer="cpython",
            python_implementation="cpython@3.11.13",
            bound_to_implementation=False,
            required_layers=("framework-text@2",),
            app_launch_module="report",
            app_launch_module_hash=f"sha256:{'3' * 64}",
            app_support_modules=(ModuleHash("other", f"sha256/{'4' * 64}"),),
        ),
        python_version="3.11.13",
        compression=Compression("tar.zst", 9),
        below=(
            LayerBelow("framework-text", "framework-text@2", LayerKind.FRAMEWORK, "2"),
            LayerBelow("cpython", "cpython", LayerKind.RUNTIME, f"sha256:{'8' * 64}"),
        ),
        provided=(("pygments", "framework-text@2"),),
        packages=packages,
        interpreter=None,
        lockfile=InputFile("src/app/requirements/app-report/pylock.app-report.toml", "5" * 64),
        code=(InputFile("src/app/my report.py", "6" * 64),),
        builder=BUILDER,
    )
    return replace(described, **changes)


def runtime(*packages: DescribedPackage, url: str | None = None) -> DescribedLayer:
    """A runtime whose interpreter comes from `url`, or from this machine."""
    made = application(*packages)
    archive = InputFile("cpython-3.13.1.tar.zst", "7" * 64, url)
    metadata = replace(
        made.metadata,
        layer_name="cpython",
        install_target="cpython@4",
        lock_version=4,
        required_layers=None,
        app_launch_module=None,
        app_support_modules=(),
        stripped_interpreter=("tests",),
        python_implementation="cpython@3.13.1t",
    )
    return replace(
        made,
        layer=replace(
            made.layer,
            kind=LayerKind.RUNTIME,
            name="cpython",
            lower=(),
            versioned=True,
            requirements=(),
            exclude_files=(("rich", ("*.a",)),),
            console_scripts=("rich",),
        ),
        metadata=metadata,
        python_version="3.13.1t",
        below=(),
        provided=(),
        interpreter=DescribedInterpreter("3.13.1t", "pbs" if url else "local", archive),
        code=(),
    )

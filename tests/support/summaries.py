"""Stacks to show, made of values: as large and as unusual as a test wants them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from venvstacks_rules.model.layers.names import LayerKind, layer_name
from venvstacks_rules.model.locks.freshness import LockState
from venvstacks_rules.model.summary.layer import (
    InterpreterSummary,
    LayerSummary,
    LockSummary,
    OwnPackage,
    SharedPackage,
)
from venvstacks_rules.model.summary.stack import Overview

PLATFORM = "linux_x86_64"
FOLDER = "src/stack"
_STATES = (
    LockState.VALID,
    LockState.VALID,
    LockState.STALE,
    LockState.MISSING,
    LockState.DISABLED,
)


def a_package(name: str, size: int, *, built: bool = True) -> OwnPackage:
    """A package whose unpacked size is three times that of its wheel."""
    wheel = f"{name.replace('-', '_')}-1.2.3-py3-none-any.whl"
    return OwnPackage(name, "1.2.3", wheel, size, 3 * size if built else None)


def a_layer(
    kind: LayerKind,
    name: str,
    lower: Sequence[LayerSummary] = (),
    packages: Iterable[tuple[str, int]] = (),
    *,
    state: LockState = LockState.VALID,
    built: bool = True,
    description: str | None = None,
    reasons: tuple[str, ...] = (),
    platforms: tuple[str, ...] = (PLATFORM, "macosx_arm64"),
) -> LayerSummary:
    """A layer of ``src/stack`` on `lower`, which are all layers below in import order."""
    full = layer_name(kind, name)
    own = tuple(sorted((a_package(*p, built=built) for p in packages), key=lambda p: p.name))
    python = InterpreterSummary(30_000_000, 90_000_000 if built else None)
    interpreter = python if kind is LayerKind.RUNTIME else None
    unpacked = sum(p.unpacked_size or 0 for p in own) + 4000
    unpacked += (interpreter and interpreter.unpacked_size) or 0
    offered = PLATFORM in platforms
    is_locked = state in (LockState.VALID, LockState.STALE, LockState.UNJUDGED)
    return LayerSummary(
        layer_name=full,
        kind=kind,
        address=f"{FOLDER}:{name}",
        install_target=full,
        place=FOLDER,
        description=description,
        python_implementation="cpython@3.11.13",
        launch_module=name if kind is LayerKind.APPLICATION else None,
        target_platforms=platforms,
        offered=offered,
        lower=tuple((layer.layer_name, layer.address) for layer in lower),
        lock=LockSummary(
            state,
            f"{FOLDER}/requirements/{full}/pylock.{full}.toml",
            reasons=reasons,
            remedy=None
            if state is LockState.VALID
            else f"./pants generate-lockfiles --resolve={FOLDER}:{name}",
            requirements_hash="sha256:00" if is_locked else None,
        ),
        packages=own if is_locked and offered else (),
        shared=tuple(
            SharedPackage(package.name, package.version, layer.layer_name)
            for layer in lower
            for package in layer.packages
            if is_locked and offered
        ),
        interpreter=interpreter,
        own_files_size=4000 if built else None,
        unpacked_size=unpacked if built else None,
        archive_name=f"{full}.tar.zst" if built else None,
        archive_size=unpacked // 4 if built else None,
    )


def a_large_stack(frameworks: int, applications: int) -> Overview:
    """One runtime, frameworks on each other, and applications on some of them."""
    runtime = a_layer(LayerKind.RUNTIME, "cpython-3.11", (), [("numpy", 18_000_000)])
    made: list[LayerSummary] = []
    for i in range(frameworks):
        # Every third one is built on an earlier one, with all that is below that.
        below = _below(made[i // 2], made) if i % 3 == 2 else []
        packages = [(f"package-{i}-{j}", 40_000_000 * (i + 1) // (j + 1) ** 3) for j in range(12)]
        name = f"machine-learning-{i}" if i % 4 else f"fw{i}"
        made.append(
            a_layer(LayerKind.FRAMEWORK, name, [*below, runtime], packages, built=i % 5 != 4)
        )
    top = []
    for i in range(applications):
        first = made[i % frameworks]
        both = _below(first, made)
        other = made[(i * 3 + 1) % frameworks]
        both += [layer for layer in _below(other, made) if layer not in both]
        state = _STATES[i % len(_STATES)]
        top.append(
            a_layer(
                LayerKind.APPLICATION,
                f"application-{i}",
                [*both, runtime],
                [(f"tool-{i}-{j}", 900_000 // (j + 1)) for j in range(i % 7)],
                state=state,
                built=state is LockState.VALID,
                reasons=("requirement `a` was added",) if state is LockState.STALE else (),
                description=f"What application {i} is for.",
            )
        )
    return Overview.of(PLATFORM, [runtime, *made, *top])


def _below(layer: LayerSummary, layers: Sequence[LayerSummary]) -> list[LayerSummary]:
    """`layer` and the frameworks below it, in import order."""
    below = {address for _, address in layer.lower}
    return [layer, *(other for other in reversed(layers) if other.address in below)]

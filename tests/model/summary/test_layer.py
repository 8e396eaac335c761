from __future__ import annotations

from dataclasses import replace

from tests.support.summaries import a_layer
from venvstacks_rules.model.layers.layer import Layer
from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.locks.freshness import LockState
from venvstacks_rules.model.locks.pylock import (
    LockedInterpreter,
    LockedPackage,
    LockedWheel,
    Lockfile,
)
from venvstacks_rules.model.platforms.target_platforms import LINUX_X86_64, MACOSX_ARM64, WIN_AMD64
from venvstacks_rules.model.summary.built import BuiltLayer
from venvstacks_rules.model.summary.layer import (
    InterpreterSummary,
    LayerContext,
    LayerSummary,
    LockSummary,
    OwnPackage,
    SharedPackage,
    summarize_layer,
)

RUNTIME = Layer(
    address="src:py",
    kind=LayerKind.RUNTIME,
    name="py",
    requirements=(),
    python_version="3.11.13",
    platforms=(LINUX_X86_64, MACOSX_ARM64),
    linux_target="glibc@2.28",
    macosx_target="13.0",
    lower=(),
    launch_module=None,
    support_modules=(),
    dynlib_exclude=(),
)
FRAMEWORK = replace(
    RUNTIME,
    address="src:fw",
    kind=LayerKind.FRAMEWORK,
    name="fw",
    lower=("src:py",),
    versioned=True,
)


def wheel(name: str, tag: str, size: int) -> LockedWheel:
    file = f"{name}-1.0-{tag}.whl"
    return LockedWheel(file, f"https://example.org/{file}", None, size, "0" * 64)


def package(name: str, *wheels: LockedWheel, marker: str | None = None) -> LockedPackage:
    return LockedPackage(name, "1.0", marker, None, wheels)


LINUX, MAC = "cp311-cp311-manylinux_2_28_x86_64", "cp311-cp311-macosx_11_0_arm64"
RUNTIME_LOCK = Lockfile(
    "==3.11.*",
    (package("base", wheel("base", "py3-none-any", 1000)),),
    (
        LockedInterpreter("linux_x86_64", "https://example.org/l.tar.gz", "0" * 64, 5_000),
        LockedInterpreter("macosx_arm64", "https://example.org/m.tar.gz", "0" * 64, 7_000),
    ),
)
FRAMEWORK_LOCK = Lockfile(
    "==3.11.*",
    (
        package("zlib-ng", wheel("zlib_ng", LINUX, 30), wheel("zlib_ng", MAC, 40)),
        package("both", wheel("both", LINUX, 300), wheel("both", MAC, 20)),
        package("appnope", wheel("appnope", "py3-none-any", 5), marker="sys_platform == 'darwin'"),
        LockedPackage("base", "1.0", None, None, (), from_lower_layer=True),
        LockedPackage("gone", "2.0", None, None, (), from_lower_layer=True),
    ),
)
LOCK = LockSummary(LockState.VALID, "src/pylock.toml", 3, requirements_hash="sha256:1")
CONTEXT = LayerContext(LOCK, FRAMEWORK_LOCK, ((RUNTIME, RUNTIME_LOCK),), "src", "What it is.")


def test_packages_of_the_chosen_platform() -> None:
    linux = summarize_layer(FRAMEWORK, CONTEXT, LINUX_X86_64)
    assert linux.packages == (
        OwnPackage("both", "1.0", f"both-1.0-{LINUX}.whl", 300, None),
        OwnPackage("zlib-ng", "1.0", f"zlib_ng-1.0-{LINUX}.whl", 30, None),
    )
    assert [p.name for p in linux.by_weight] == ["both", "zlib-ng"]
    assert linux.download_size == 330
    mac = summarize_layer(FRAMEWORK, CONTEXT, MACOSX_ARM64)
    assert [(p.name, p.wheel_size) for p in mac.packages] == [
        ("appnope", 5),
        ("both", 20),
        ("zlib-ng", 40),
    ]
    assert [p.name for p in mac.by_weight] == ["zlib-ng", "both", "appnope"]


def test_the_rest_of_a_layer() -> None:
    layer = summarize_layer(FRAMEWORK, CONTEXT, LINUX_X86_64)
    assert (layer.layer_name, layer.install_target) == ("framework-fw", "framework-fw@3")
    assert layer.lower == (("py", "src:py"),)
    assert layer.shared == (
        SharedPackage("base", "1.0", "py"),
        SharedPackage("gone", "2.0", None),
    )
    assert layer.target_platforms == ("linux_x86_64", "macosx_arm64")
    assert layer.python_implementation == "cpython@3.11.13"
    assert layer.description == "What it is."
    assert layer.weighed_by == "wheel_size"
    assert not layer.is_built


def test_a_platform_that_the_layer_is_not_made_for() -> None:
    built = BuiltLayer("a.tar.zst", 1, 2, (("layer", 2),))
    layer = summarize_layer(FRAMEWORK, replace(CONTEXT, built=built), WIN_AMD64)
    assert not layer.offered
    assert (layer.packages, layer.shared, layer.download_size) == ((), (), None)
    assert not layer.is_built


def test_no_wheel_for_the_platform() -> None:
    lock = Lockfile("==3.11.*", (package("both", wheel("both", MAC, 20)),))
    layer = summarize_layer(FRAMEWORK, replace(CONTEXT, lockfile=lock), LINUX_X86_64)
    assert layer.packages == (OwnPackage("both", "1.0", None, None, None),)
    assert layer.download_size == 0


def test_a_lock_without_sizes() -> None:
    lock = Lockfile("==3.11.*", (package("both", wheel("both", LINUX, 0)),))
    layer = summarize_layer(FRAMEWORK, replace(CONTEXT, lockfile=lock), LINUX_X86_64)
    assert [p.wheel_size for p in layer.packages] == [None]
    assert layer.download_size is None


def test_sizes_of_a_build() -> None:
    built = BuiltLayer(
        "py.tar.zst",
        400,
        9_100,
        (("interpreter", 6_000), ("base-1.0-py3-none-any.whl", 3_000), ("layer", 100)),
    )
    lock = replace(LOCK, version=1)
    context = LayerContext(lock, RUNTIME_LOCK, (), "src", built=built)
    layer = summarize_layer(RUNTIME, context, LINUX_X86_64)
    assert layer.packages == (OwnPackage("base", "1.0", "base-1.0-py3-none-any.whl", 1_000, 3_000),)
    assert layer.interpreter == InterpreterSummary(5_000, 6_000)
    assert (layer.unpacked_size, layer.archive_size, layer.own_files_size) == (9_100, 400, 100)
    assert layer.download_size == 6_000
    assert layer.weighed_by == "unpacked_size"


def test_ten_are_the_heaviest() -> None:
    layer = a_layer(LayerKind.FRAMEWORK, "x", (), [(f"p{i:02}", i) for i in range(1, 13)])
    heaviest = layer.to_dict()["heaviest_packages"]
    assert heaviest == {"by": "unpacked_size", "names": [f"p{i:02}" for i in range(12, 2, -1)]}
    assert len(layer.to_dict()["packages"]) == 12


def test_layers_without_a_lock_have_no_sizes() -> None:
    layer: LayerSummary = a_layer(LayerKind.FRAMEWORK, "x", state=LockState.MISSING, built=False)
    assert layer.download_size is None
    assert layer.to_dict()["sizes"] == {
        "download": None,
        "unpacked": None,
        "archive": None,
        "excluded": None,
        "interpreter_download": None,
        "interpreter_unpacked": None,
        "own_files_unpacked": None,
    }

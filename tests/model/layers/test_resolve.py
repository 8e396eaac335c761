"""Definitions of layers, right and wrong."""

from __future__ import annotations

import pytest

from tests.support.definitions import (
    application,
    framework,
    problems,
    reference,
    resolve_layers,
    runtime,
)
from venvstacks_rules.model.layers.definitions import ModuleDefinition, Reference
from venvstacks_rules.model.platforms.target_platforms import LINUX_X86_64, PLATFORMS, WIN_AMD64


def test_a_sound_stack() -> None:
    layers, found = resolve_layers(
        [
            runtime(platforms=("win_amd64", "linux_x86_64"), linux_target="glibc@2.31"),
            framework("low"),
            framework("left", "low"),
            framework("right", "low", platforms=("linux_x86_64",)),
            application("app", "left", "right", requirements=("rich>=13",)),
        ],
        patch_release_needed=True,
    )
    assert found == ()
    app = layers["src:app"]
    assert app.layer_name == "app-app"
    assert app.lower == ("src:left", "src:right", "src:low", "src:py")
    assert app.runtime == "src:py"
    assert app.python_implementation == "cpython@3.11.13"
    assert app.platforms == (LINUX_X86_64,)
    assert app.linux_target == "glibc@2.31"
    assert app.macosx_target == "13.0"
    assert layers["src:left"].platforms == (LINUX_X86_64, WIN_AMD64)
    assert layers["src:py"].lower == ()
    assert layers["src:py"].runtime == "src:py"
    assert layers["src:left"].install_target(3) == "framework-left"


@pytest.mark.parametrize(
    ("below", "above"),
    [("musl@1.1", "musl"), ("musl", "musl@1.1"), ("glibc@2.17", "glibc"), ("glibc", "glibc@2.17")],
)
def test_the_version_of_the_c_library_is_each_layers_own(below: str, above: str) -> None:
    definitions = [runtime(linux_target=below), framework("fw", linux_target=above)]
    layers, found = resolve_layers(definitions, patch_release_needed=True)
    assert found == ()
    assert [layers[name].linux_target for name in ("src:py", "src:fw")] == [below, above]


@pytest.mark.parametrize("version", ["3.13.1t", "3.14.0t"])
def test_a_free_threaded_runtime(version: str) -> None:
    implementation = f"cpython@{version}"
    definitions = [runtime(python_implementation=implementation), framework("fw")]
    layers, found = resolve_layers(definitions, patch_release_needed=True)
    assert found == ()
    assert layers["src:fw"].python_version == version
    assert layers["src:fw"].python_implementation == implementation


def test_a_layer_takes_the_c_library_of_the_one_below() -> None:
    definitions = [runtime(linux_target="musl"), framework("fw"), application("app", "fw")]
    layers, found = resolve_layers(definitions, patch_release_needed=True)
    assert found == ()
    assert {str(layer.parsed_linux_target) for layer in layers.values()} == {"musl@1.2"}


def test_a_layer_that_is_not_for_linux_may_name_any_c_library() -> None:
    fw = framework("fw", linux_target="glibc@2.28", platforms=("macosx_arm64",))
    assert problems(runtime(linux_target="musl"), fw) == []


def test_the_install_target_of_a_versioned_layer_has_the_version_of_its_lock() -> None:
    layers, _ = resolve_layers([runtime(versioned=True)], patch_release_needed=True)
    assert layers["src:py"].install_target(3) == "py@3"


def test_all_platforms_by_default() -> None:
    layers, _ = resolve_layers([runtime()], patch_release_needed=True)
    assert layers["src:py"].platforms == tuple(PLATFORMS.values())


def test_a_patch_release_may_be_open_where_the_provider_allows() -> None:
    definition = runtime(python_implementation="cpython@3.11")
    layers, found = resolve_layers([definition], patch_release_needed=False)
    assert found == ()
    assert layers["src:py"].python_version == "3.11"


COMMIT = "0123456789abcdef0123456789abcdef01234567"
ALL = "linux_x86_64, linux_aarch64, macosx_arm64, macosx_x86_64, win_amd64, win_arm64"
WRONG = {
    "no implementation": (
        [runtime(python_implementation=None)],
        "src:py: `python_implementation` is '', which is not of the form 'cpython@X.Y.Z'. "
        "Write it as, for example, 'cpython@3.11.13'.",
    ),
    "a free-threaded build of a Python that has none": (
        [runtime(python_implementation="cpython@3.12.4t")],
        "src:py: `python_implementation` is 'cpython@3.12.4t', but CPython has free-threaded "
        "builds only since 3.13. Use a newer version, or remove the `t`.",
    ),
    "a free-threaded build without a patch release": (
        [runtime(python_implementation="cpython@3.14t")],
        "src:py: `python_implementation` is 'cpython@3.14t', but the `archive` "
        "provider needs the patch release of its archives. Write it as, for example, "
        "'cpython@3.11.13'.",
    ),
    "another implementation": (
        [runtime(python_implementation="pypy@3.10.1")],
        "src:py: `python_implementation` is 'pypy@3.10.1', which is not of the form "
        "'cpython@X.Y.Z'. Write it as, for example, 'cpython@3.11.13'.",
    ),
    "an open patch release": (
        [runtime(python_implementation="cpython@3.11")],
        "src:py: `python_implementation` is 'cpython@3.11', but the `archive` "
        "provider needs the patch release of its archives. Write it as, for example, "
        "'cpython@3.11.13'.",
    ),
    "neither runtime nor frameworks": (
        [runtime(), framework("fw", runtime=None)],
        "src:fw: neither `runtime` nor `frameworks` is set. Set `runtime` for a layer directly "
        "on a runtime, or `frameworks` for a layer on frameworks.",
    ),
    "both runtime and frameworks": (
        [runtime(), framework("low"), framework("fw", "low", runtime=reference("src:py"))],
        "src:fw: `runtime` and `frameworks` are both set. Set `runtime` for a layer directly "
        "on a runtime, or `frameworks` for a layer on frameworks.",
    ),
    "no such target": (
        [framework("fw", runtime=Reference(":nope", None))],
        "src:fw: `runtime` names ':nope', but there is no such target. "
        "Name a `venvstacks_runtime` target.",
    ),
    "not a layer": (
        [framework("fw", runtime=Reference(":files", "src:files"))],
        "src:fw: `runtime` names ':files', but src:files is not a layer. "
        "Name a `venvstacks_runtime` target.",
    ),
    "a framework as the runtime": (
        [runtime(), framework("low"), framework("fw", runtime=reference("src:low"))],
        "src:fw: `runtime` names ':low', but src:low is a framework, not a runtime. "
        "Name a `venvstacks_runtime` target.",
    ),
    "a runtime as a framework": (
        [runtime(), framework("fw", "py")],
        "src:fw: `frameworks[0]` names ':py', but src:py is a runtime, not a framework. "
        "Name a `venvstacks_framework` target.",
    ),
    "a framework twice": (
        [runtime(), framework("low"), framework("fw", "low", "low")],
        "src:fw: `frameworks[1]` names ':low', which is listed already. Remove one of them.",
    ),
    "a framework of another runtime": (
        [
            runtime(),
            runtime("other"),
            framework("left"),
            framework("right", runtime=reference("src:other")),
            application("app", "left", "right"),
        ],
        "src:app: `frameworks[1]` names src:right, whose runtime is src:other, but src:left is on "
        "src:py. All frameworks of a layer share one runtime.",
    ),
    "a cycle": (
        [framework("a", "b"), framework("b", "c"), framework("c", "a")],
        "src:a: the layers depend on each other in a cycle: src:a -> src:b -> src:c -> src:a. "
        "Remove src:b from the `frameworks` of src:a, src:c from the `frameworks` of src:b, or "
        "src:a from the `frameworks` of src:c. A layer that is left without frameworks needs a "
        "`runtime`.",
    ),
    "a cycle of layers that have other frameworks": (
        [
            runtime(),
            framework("x"),
            framework("a", "x", "b"),
            framework("b", "a", "x"),
        ],
        "src:a: the layers depend on each other in a cycle: src:a -> src:b -> src:a. Remove src:b "
        "from the `frameworks` of src:a, or src:a from the `frameworks` of src:b.",
    ),
    "an inconsistent order": (
        [
            runtime(),
            framework("a"),
            framework("b"),
            framework("x", "a", "b"),
            framework("y", "b", "a"),
            application("app", "x", "y"),
        ],
        "src:app: `frameworks` is [src:x, src:y], for which there is no consistent import order: "
        "each of src:a and src:b has to come before the other. List a framework before those that "
        "it builds on, in the same order everywhere.",
    ),
    "a bad requirement": (
        [runtime(requirements=("numpy", "rich>>13"))],
        None,
    ),
    "a branch of a repository": (
        [runtime(requirements=("rich @ git+https://example.org/rich.git@main",))],
        "src:py: `requirements[0]` is 'rich @ git+https://example.org/rich.git@main', whose 'main' "
        "is not a commit of 40 hexadecimal digits, so that it may move. Name a commit, for example "
        f"'rich @ git+https://example.org/rich.git@{COMMIT}' (`#subdirectory=folder` follows if "
        "the project is not at the top), and the package in `build_from_source`; or put a wheel of "
        "it into a folder of `local_wheels`.",
    ),
    "a commit that is not built": (
        [runtime(requirements=(f"rich @ git+https://example.org/rich.git@{COMMIT}",))],
        "src:py: `build_from_source` lacks 'rich': 'rich @ git+https://example.org/rich.git@"
        f"{COMMIT}' names a commit, of which a wheel has to be built. Add the name.",
    ),
    "a direct reference to something other than a wheel": (
        [runtime(requirements=("rich @ https://example.org/rich.git",))],
        "src:py: `requirements[0]` is 'rich @ https://example.org/rich.git', a direct "
        "reference to something other than a wheel on a web server. Build a wheel of it and put it "
        "into a folder of `local_wheels`, or name the URL of a wheel, for example "
        "'rich @ https://example.org/rich-13.9.4-py3-none-any.whl'.",
    ),
    "an unknown platform": (
        [runtime(platforms=("linux_x86_64", "solaris"))],
        f"src:py: `platforms[1]` is 'solaris', which is not a target platform. Choose from {ALL}.",
    ),
    "a misspelt platform": (
        [runtime(platforms=("linux_x86_64", "macos_arm64"))],
        "src:py: `platforms[1]` is 'macos_arm64', which is not a target platform. Did you mean "
        "'macosx_arm64'?",
    ),
    "a misspelt word among accepted libraries": (
        [runtime(accepted_libraries=("desktop", "desktops"))],
        "src:py: `accepted_libraries[1]` is 'desktops', which is neither the name of a library nor "
        "'desktop'. Write, for example, 'libpq.so.5'.",
    ),
    "a wider platform": (
        [runtime(platforms=("linux_x86_64",)), framework("fw", platforms=("win_arm64",))],
        "src:fw: `platforms[0]` is 'win_arm64', which src:py below does not have. "
        "A layer can only narrow the platforms of the layers below.",
    ),
    "a bad linux_target": (
        [runtime(linux_target="uclibc")],
        "src:py: `linux_target` is 'uclibc', which is not `glibc@X.Y` or `musl@X.Y`. "
        "Write it as, for example, 'glibc@2.28'.",
    ),
    "musl on glibc": (
        [
            runtime(linux_target="glibc@2.17"),
            framework("fw", linux_target="musl"),
            application("app", "fw"),
        ],
        "src:fw: `linux_target` is 'musl', but its runtime src:py is for glibc. A process has one "
        "C library: write, for example, 'glibc@2.17', or change that of the runtime.",
    ),
    "glibc on musl, above a framework": (
        [
            runtime(linux_target="musl"),
            framework("fw"),
            application("app", "fw", linux_target="glibc@2.28"),
        ],
        "src:app: `linux_target` is 'glibc@2.28', but its runtime src:py is for musl. A process "
        "has one C library: write, for example, 'musl@1.2', or change that of the runtime.",
    ),
    "a bad macosx_target": (
        [runtime(macosx_target="ventura")],
        "src:py: `macosx_target` is 'ventura', which is not a macOS version `X.Y`. "
        "Write it as, for example, '13.0'.",
    ),
    "no launch module": (
        [runtime(), application(launch_module=None)],
        "src:app: `launch_module` is not set. Name a `.py` file or a package directory.",
    ),
    "a missing launch module": (
        [runtime(), application(launch_module=ModuleDefinition("gone.py", ()))],
        "src:app: `launch_module` names 'gone.py', but there is no such file or directory beside "
        "the BUILD file. Create it, or correct the path.",
    ),
    "a launch module that cannot be imported": (
        [runtime(), application(launch_module=ModuleDefinition("app.v2.py", ("app.v2.py",)))],
        "src:app: `launch_module` names 'app.v2.py', which cannot be imported by that name. "
        "Rename it.",
    ),
    "a launch package that cannot be run": (
        [runtime(), application(launch_module=ModuleDefinition("pkg", ("pkg/__init__.py",)))],
        "src:app: `launch_module` names 'pkg', a directory without a `__main__.py`, which "
        "`python -m` needs. Add one.",
    ),
    "clashing modules": (
        [
            runtime(),
            application(support_modules=(ModuleDefinition("lib/main", ("lib/main/__init__.py",)),)),
        ],
        "src:app: `support_modules` names 'lib/main', which would be imported as `main`, like "
        "'main.py'. Rename one of them.",
    ),
    "a reserved name": (
        [runtime("app-x")],
        "src:app-x: `name` is 'app-x', which cannot be used: `app-` at the start is reserved for "
        "application layers. Rename the target.",
    ),
    "an impossible name": (
        [runtime("py x")],
        "src:py x: `name` is 'py x', which cannot be used: a layer's name may contain only "
        "ASCII letters, digits, `.`, `_`, `-`, `@` and `+`, and must start and end with a letter "
        "or digit. Rename the target.",
    ),
    "one install target in a stack": (
        [
            runtime(),
            framework("fw"),
            framework("fw", "fw", address="other:fw"),
        ],
        "src:fw: it would be deployed to `framework-fw`, as other:fw is. Rename one of them.",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_definition_is_one_message(case: str) -> None:
    definitions, message = WRONG[case]
    found = problems(*definitions)
    assert len(found) == 1
    if message is not None:
        assert found == [message]


def test_indexes_are_inherited_and_normalised() -> None:
    layers, found = resolve_layers(
        [
            runtime(package_indexes=(("Torch", "cpu"),)),
            framework("low", package_indexes=(("rich", "main"),), priority_indexes=("main",)),
            framework(
                "gpu",
                "low",
                package_indexes=(("torch", "gpu"),),
                index_overrides=(("cpu", "gpu"),),
            ),
            application("app", "gpu", index_overrides=(("cpu", "gpu"),)),
        ],
        patch_release_needed=True,
    )
    assert found == ()
    assert layers["src:py"].package_indexes == (("torch", "cpu"),)
    assert layers["src:low"].package_indexes == (("rich", "main"), ("torch", "cpu"))
    assert layers["src:app"].package_indexes == (("rich", "main"), ("torch", "gpu"))
    assert layers["src:app"].priority_indexes == ()


def test_indexes_of_lower_layers_that_contradict_each_other() -> None:
    assert problems(
        runtime(),
        framework("cpu", package_indexes=(("torch", "cpu"),)),
        framework("gpu", package_indexes=(("torch", "gpu"), ("Torch", "gpu"))),
        framework("gpu2", package_indexes=(("torch", "gpu"),)),
        application("app", "gpu2", "cpu"),
        application("app2", "cpu", package_indexes=(("torch", "gpu"),)),
    ) == [
        "src:app: `frameworks` brings together src:gpu2, which takes torch from 'gpu', and "
        "src:cpu, which takes it from 'cpu'. To take it from 'gpu', write "
        '`index_overrides={"cpu": "gpu"}`.',
        "src:app2: `package_indexes.torch` is 'gpu', but src:cpu below takes torch from 'cpu'. "
        'Name the same index, or accept the difference: `index_overrides={"cpu": "gpu"}`.',
        "src:gpu: `package_indexes.Torch` is for the same distribution as `package_indexes.torch`: "
        "both names are spellings of torch. Remove one of them.",
    ]


def test_a_launch_module_needs_no_identifier() -> None:
    # `python -m my-app` finds it.
    module = ModuleDefinition("my-app.py", ("my-app.py",))
    assert problems(runtime(), application(launch_module=module)) == []


def test_a_bad_requirement_names_the_value_and_the_remedy() -> None:
    (problem,) = problems(runtime(requirements=("rich>>13",)))
    # The reason in the middle is that of the release of `packaging` at hand.
    assert problem.startswith(
        "src:py: `requirements[0]` is 'rich>>13', which is not a requirement: "
    )
    assert problem.endswith("Write it as in PEP 508, for example 'scikit-learn>=1.5'.")


def test_several_wrong_definitions_are_reported_together() -> None:
    found = problems(
        runtime(python_implementation="jython", platforms=("solaris",)),
        framework("fw", runtime=None),
        application(launch_module=None),
    )
    assert sorted(problem.split(": ")[0] for problem in found) == [
        "src:app",
        "src:fw",
        "src:py",
        "src:py",
    ]


def test_a_layer_above_a_broken_one_is_left_out_silently() -> None:
    layers, found = resolve_layers(
        [runtime(platforms=("solaris",)), framework("fw")], patch_release_needed=True
    )
    assert layers == {}
    assert len(found) == 1

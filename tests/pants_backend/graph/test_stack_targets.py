"""From a stack file to targets, their files and their edges."""

from __future__ import annotations

from textwrap import dedent

import pytest
from pants.engine.addresses import Address
from pants.engine.internals.graph import Owners, OwnersRequest
from pants.engine.target import InferredDependencies
from pants.testutil.rule_runner import RuleRunner
from pants.util.frozendict import FrozenDict

from tests.pants_backend.stack_runner import (
    CLASSIFY,
    FILES,
    MANIFEST,
    MORE,
    PLAIN,
    RUNTIME,
    SKLEARN,
    fields,
    find,
    generated,
    layer_address,
    stack_runner,
)
from venvstacks_rules.pants_backend.graph.dependencies import (
    InferLayerDependencies,
    InferManifestDependencies,
    LayerDependenciesFieldSet,
    ManifestDependenciesFieldSet,
)
from venvstacks_rules.pants_backend.graph.module_owners import InferModuleOwners, ModulesFieldSet


@pytest.fixture
def runner() -> RuleRunner:
    return stack_runner()


def test_one_target_for_each_layer(runner: RuleRunner) -> None:
    runner.write_files(FILES)
    targets = generated(runner)
    assert {spec: target.alias for spec, target in targets.items()} == {
        RUNTIME: "venvstacks_runtime",
        SKLEARN: "venvstacks_framework",
        MORE: "venvstacks_framework",
        CLASSIFY: "venvstacks_application",
        MANIFEST: "venvstacks_manifest",
    }
    assert fields(targets[RUNTIME]) == {
        "python_implementation": "cpython@3.11.13",
        "requirements": ("numpy",),
        "platforms": ("linux_x86_64", "macosx_arm64"),
        "linux_target": "glibc@2.28",
        "macosx_target": "13.0",
        "package_indexes": FrozenDict({"torch": "cpu"}),
        "uv_config": "venvstacks.toml",
        "stack_file": "venvstacks.toml",
        "files": ("venvstacks.toml",),
    }
    assert fields(targets[SKLEARN]) == {
        "runtime": RUNTIME,
        "requirements": ("scikit-learn",),
        "linux_target": "glibc@2.28",
        "macosx_target": "13.0",
        "dynlib_exclude": ("lib*.so",),
        "priority_indexes": ("cpu",),
        "versioned": True,
        "uv_config": "venvstacks.toml",
        "stack_file": "venvstacks.toml",
        "files": ("venvstacks.toml",),
    }
    assert fields(targets[MORE])["frameworks"] == (SKLEARN,)
    assert fields(targets[MORE])["linux_target"] == "glibc@2.34"
    assert fields(targets[MORE])["macosx_target"] == "14.0"
    assert fields(targets[CLASSIFY]) == {
        "frameworks": (MORE, SKLEARN),
        "requirements": ("scikit-learn",),
        "launch_module": "classify/",
        "support_modules": ("../shared/words.py", "support/figures.py"),
        "linux_target": "glibc@2.28",
        "macosx_target": "13.0",
        "uv_config": "venvstacks.toml",
        "stack_file": "venvstacks.toml",
        "files": (
            "venvstacks.toml",
            "classify/**",
            "!classify/**/__pycache__/**",
            "support/figures.py",
        ),
    }
    assert fields(targets[MANIFEST]) == {
        "layers": (RUNTIME, SKLEARN, MORE, CLASSIFY),
        "stack_file": "venvstacks.toml",
    }


def test_the_layers_of_a_stack_file_are_layers(runner: RuleRunner) -> None:
    runner.write_files(FILES)
    found = find(runner, layer_address("app-classify"))
    assert found.layer.layer_name == "app-classify"
    assert found.layer.lower == (MORE, SKLEARN, RUNTIME)
    assert [layer.layer_name for layer in found.lower] == [
        "framework-more",
        "framework-sklearn@2",
        "cpython-3.11",
    ]
    assert found.lower[1].install_target(3) == "framework-sklearn@2@3"
    assert found.lockfile(found.lower[1]) == (
        "src/requirements/framework-sklearn@2/pylock.framework-sklearn@2.toml"
    )
    assert found.uv_config(found.layer) == "src/venvstacks.toml"
    modules = (found.layer.launch_module, *found.layer.support_modules)
    assert [module.path for module in modules if module] == [
        "classify",
        "../shared/words.py",
        "support/figures.py",
    ]


@pytest.mark.parametrize(
    ("file", "owners"),
    [
        ("src/venvstacks.toml", {RUNTIME, SKLEARN, MORE, CLASSIFY}),
        ("src/requirements/framework-more/pylock.framework-more.toml", {MORE}),
        ("src/requirements/framework-sklearn@2/pylock.framework-sklearn@2.toml", {SKLEARN}),
        ("src/classify/__main__.py", {CLASSIFY}),
        ("src/support/figures.py", {CLASSIFY}),
        ("src/classify/__pycache__/x.pyc", set()),
        ("src/other.py", set()),
    ],
)
def test_who_owns_what(runner: RuleRunner, file: str, owners: set[str]) -> None:
    runner.write_files({**FILES, file: FILES.get(file, "")})
    found = runner.request(Owners, [OwnersRequest((file,))])
    assert {address.spec for address in found} == owners


def test_edges(runner: RuleRunner) -> None:
    runner.write_files(FILES)
    targets = generated(runner)
    for spec, below in ((SKLEARN, [RUNTIME]), (CLASSIFY, [MORE, SKLEARN]), (RUNTIME, [])):
        field_set = LayerDependenciesFieldSet.create(targets[spec])
        found = runner.request(InferredDependencies, [InferLayerDependencies(field_set)])
        assert [address.spec for address in found.include] == below
    manifest = ManifestDependenciesFieldSet.create(targets[MANIFEST])
    found = runner.request(InferredDependencies, [InferManifestDependencies(manifest)])
    assert {address.spec for address in found.include} == {RUNTIME, SKLEARN, MORE, CLASSIFY}


def test_edges_to_the_owners_of_modules(runner: RuleRunner) -> None:
    app = (
        'venvstacks_application(name="app", runtime=":rt", launch_module="app.py", '
        'support_modules=["util.py", "../shared/words.py"])\n'
    )
    files = {
        **FILES,
        "shared/BUILD": 'files(name="words", sources=["*.py"])\n',
        "plain/BUILD": PLAIN + app + 'files(name="util", sources=["util.py"])\n',
        "plain/app.py": "",
        "plain/util.py": "",
    }
    runner.write_files(files)
    words = "shared/words.py:words"
    for target, owners in (
        (generated(runner)[CLASSIFY], [words]),
        (runner.get_target(Address("plain", target_name="app")), ["plain/util.py:util", words]),
    ):
        request = InferModuleOwners(ModulesFieldSet.create(target))
        found = runner.request(InferredDependencies, [request])
        assert [address.spec for address in found.include] == owners


def test_fields_of_the_generator_and_overrides(runner: RuleRunner) -> None:
    build = """\
    venvstacks_stack(
        name="stack",
        tags=["big"],
        archive_format="tar.xz",
        compression_level=1,
        output_path="out",
        local_wheels=["wheels"],
        overrides={
            ("framework-sklearn@2", "app-classify"): {"archive_format": "tar.gz"},
            "app-classify": {
                "tags": ["small"], "requirements": ["rich"], "console_scripts": ["rich"],
            },
        },
    )
    """
    runner.write_files({**FILES, "src/BUILD": dedent(build)})
    targets = generated(runner)
    formats = {spec: fields(target).get("archive_format") for spec, target in targets.items()}
    assert formats == {
        RUNTIME: "tar.xz",
        SKLEARN: "tar.gz",
        MORE: "tar.xz",
        CLASSIFY: "tar.gz",
        MANIFEST: None,
    }
    assert fields(targets[MANIFEST])["output_path"] == "out"
    assert fields(targets[MANIFEST])["tags"] == ("big",)
    assert fields(targets[CLASSIFY])["tags"] == ("small",)
    assert fields(targets[CLASSIFY])["requirements"] == ("rich",)
    assert fields(targets[CLASSIFY])["console_scripts"] == ("rich",)
    assert fields(targets[CLASSIFY])["local_wheels"] == ("wheels",)
    assert fields(targets[RUNTIME])["compression_level"] == 1


@pytest.mark.parametrize(
    ("inline", "beside", "expected"),
    [
        (True, True, "other.toml"),
        (True, False, "other.toml"),
        (False, True, "venvstacks.uv.toml"),
        (False, False, None),
    ],
)
def test_where_the_settings_for_locking_are(
    runner: RuleRunner, inline: bool, beside: bool, expected: str | None
) -> None:
    stack = '[[runtimes]]\nname = "rt"\npython_implementation = "cpython@3.11.13"\n'
    stack += "requirements = []\n" + ("[tool.uv]\n" if inline else "")
    runner.write_files(
        {
            "src/BUILD": 'venvstacks_stack(name="stack", source="other.toml")\n',
            "src/other.toml": stack,
            **({"src/venvstacks.uv.toml": ""} if beside else {}),
        }
    )
    found = find(runner, layer_address("rt"))
    path = None if expected is None else f"src/{expected}"
    assert found.uv_config(found.layer) == path

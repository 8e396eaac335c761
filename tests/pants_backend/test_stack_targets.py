"""From a stack file to targets, their files and their edges."""

from __future__ import annotations

from textwrap import dedent

import pytest
from pants.core.target_types import FilesGeneratorTarget
from pants.engine.addresses import Address, Addresses
from pants.engine.internals.graph import Owners, OwnersRequest
from pants.engine.internals.scheduler import ExecutionError
from pants.engine.rules import QueryRule
from pants.engine.target import AllTargets, InferredDependencies, Target, Targets
from pants.testutil.rule_runner import RuleRunner
from pants.util.frozendict import FrozenDict

from venvstacks_rules.pants_backend import (
    dependency_inference,
    manifest_target,
    module_owners,
    stack_targets,
)
from venvstacks_rules.pants_backend.backend import target_types
from venvstacks_rules.pants_backend.dependency_inference import (
    InferLayerDependencies,
    LayerDependenciesFieldSet,
)
from venvstacks_rules.pants_backend.manifest_target import (
    InferManifestDependencies,
    ManifestDependenciesFieldSet,
)
from venvstacks_rules.pants_backend.module_owners import InferModuleOwners, ModulesFieldSet
from venvstacks_rules.pants_backend.subsystem import VenvstacksSubsystem
from venvstacks_rules.pants_backend.util_rules import (
    layer_graph,
    module_listings,
    stack_files,
)
from venvstacks_rules.pants_backend.util_rules.layer_graph import LayerInGraph, LayerRequest

STACK = """\
[[runtimes]]
name = "cpython-3.11"
python_implementation = "cpython@3.11.13"
requirements = ["numpy"]
platforms = ["linux_x86_64", "macosx_arm64"]
package_indexes = { torch = "cpu" }

[[frameworks]]
name = "sklearn@2"
runtime = "cpython-3.11"
requirements = ["scikit-learn"]
versioned = true
dynlib_exclude = ["lib*.so"]
priority_indexes = ["cpu"]

[[frameworks]]
name = "more"
frameworks = ["sklearn@2"]
requirements = []
linux_target = "glibc@2.34"
macosx_target = "14.0"

[[applications]]
name = "classify"
frameworks = ["more", "sklearn@2"]
launch_module = "classify/"
support_modules = ["../shared/words.py", "support/numbers.py"]
requirements = ["scikit-learn"]

[[tool.uv.index]]
name = "cpu"
url = "https://example.org/simple"
"""
FILES = {
    "src/BUILD": 'venvstacks_stack(name="stack")\n',
    "src/venvstacks.toml": STACK,
    "src/classify/__main__.py": "",
    "src/classify/.gitignore": "*.tmp\n",
    "src/support/numbers.py": "",
    "shared/words.py": "",
}
RUNTIME, SKLEARN = "src:stack#cpython-3.11", "src:stack#framework-sklearn%402"
MORE, CLASSIFY = "src:stack#framework-more", "src:stack#app-classify"
MANIFEST = "src:stack#__venvstacks__"
PLAIN = 'venvstacks_runtime(name="rt", python_implementation="cpython@3.11.13")\n'


@pytest.fixture
def runner() -> RuleRunner:
    return RuleRunner(
        rules=[
            *dependency_inference.rules(),
            *layer_graph.rules(),
            *manifest_target.rules(),
            *module_owners.rules(),
            *module_listings.rules(),
            *stack_files.rules(),
            *stack_targets.rules(),
            *VenvstacksSubsystem.rules(),
            QueryRule(AllTargets, []),
            QueryRule(InferredDependencies, [InferLayerDependencies]),
            QueryRule(InferredDependencies, [InferModuleOwners]),
            QueryRule(InferredDependencies, [InferManifestDependencies]),
            QueryRule(LayerInGraph, [LayerRequest]),
            QueryRule(Owners, [OwnersRequest]),
            QueryRule(Targets, [Addresses]),
        ],
        target_types=[*target_types(), FilesGeneratorTarget],
    )


def generated(runner: RuleRunner, folder: str = "src") -> dict[str, Target]:
    found = runner.request(Targets, [Addresses([Address(folder, target_name="stack")])])
    return {target.address.spec: target for target in found}


def fields(target: Target) -> dict[str, object]:
    """The fields that have a value of their own."""
    return {
        field.alias: field.value
        for field in target.field_values.values()
        if field.value != field.default
    }


def find(runner: RuleRunner, address: Address) -> LayerInGraph:
    found = runner.request(LayerInGraph, [LayerRequest(address)])
    assert isinstance(found, LayerInGraph)
    return found


def layer_address(layer: str) -> Address:
    return Address("src", target_name="stack", generated_name=layer)


def refused(runner: RuleRunner, address: Address) -> str:
    with pytest.raises(ExecutionError) as caught:
        find(runner, address)
    errors = list(caught.value.wrapped_exceptions)
    assert len(errors) == 1
    return str(errors[0])


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
        "support_modules": ("../shared/words.py", "support/numbers.py"),
        "linux_target": "glibc@2.28",
        "macosx_target": "13.0",
        "uv_config": "venvstacks.toml",
        "stack_file": "venvstacks.toml",
        "files": (
            "venvstacks.toml",
            "classify/**",
            "!classify/**/__pycache__/**",
            "support/numbers.py",
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
        "support/numbers.py",
    ]


@pytest.mark.parametrize(
    ("file", "owners"),
    [
        ("src/venvstacks.toml", {RUNTIME, SKLEARN, MORE, CLASSIFY}),
        ("src/requirements/framework-more/pylock.framework-more.toml", {MORE}),
        ("src/requirements/framework-sklearn@2/pylock.framework-sklearn@2.toml", {SKLEARN}),
        ("src/classify/__main__.py", {CLASSIFY}),
        ("src/support/numbers.py", {CLASSIFY}),
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
            "app-classify": {"tags": ["small"], "requirements": ["rich"]},
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
    assert fields(targets[CLASSIFY])["local_wheels"] == ("wheels",)
    assert fields(targets[RUNTIME])["compression_level"] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            'overrides={("sklearn@2", "framework-moer", "zzz"): {"tags": ["x"]}}',
            "The `overrides` field in target src:stack names layers that the stack file does not "
            "have: 'framework-moer' (did you mean 'framework-more'?), 'sklearn@2' (did you mean "
            "'framework-sklearn@2'?), 'zzz'. Choose from 'app-classify', 'cpython-3.11', "
            "'framework-more', 'framework-sklearn@2'.",
        ),
        (
            'source="sub/venvstacks.toml"',
            "src/BUILD:1: The `source` field in target src:stack must be the name of a file beside "
            "the BUILD file, but was 'sub/venvstacks.toml'. Write the target in a BUILD file "
            "beside the stack file.",
        ),
    ],
)
def test_fields_that_are_refused(runner: RuleRunner, arguments: str, message: str) -> None:
    build = f'venvstacks_stack(name="stack", {arguments})\n'
    runner.write_files({**FILES, "src/BUILD": build})
    assert refused(runner, layer_address("app-classify")) == message


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


def test_the_default_of_macos_is_an_option(runner: RuleRunner) -> None:
    runner.write_files({**FILES, "plain/BUILD": PLAIN})
    runner.set_options(["--venvstacks-macosx-target=15.1"])
    macosx = {spec: fields(t).get("macosx_target") for spec, t in generated(runner).items()}
    assert macosx[RUNTIME] == "15.1"
    assert macosx[MORE] == "14.0"
    assert find(runner, Address("plain", target_name="rt")).layer.macosx_target == "15.1"
    runner.set_options(["--venvstacks-macosx-target=new"])
    assert refused(runner, Address("plain", target_name="rt")) == (
        "`[venvstacks].macosx_target` cannot be used:\n"
        "  * `new` is not a macOS version `X.Y`. Write it as, for example, '13.0'."
    )


def test_all_that_is_wrong_with_a_stack_file_is_said_once(runner: RuleRunner) -> None:
    stack = STACK.replace('"macosx_arm64"', '"macos_arm64"').replace("versioned = true", "x = 1")
    stack = stack.replace('["more", "sklearn@2"]', '["more", "sklearn"]')
    runner.write_files({**FILES, "src/venvstacks.toml": stack, "plain/BUILD": PLAIN})
    message = refused(runner, layer_address("app-classify"))
    assert message.splitlines()[0] == "A stack file cannot be built as written:"
    assert [line.split("`")[1] for line in message.splitlines()[1:]] == [
        "runtimes[0].platforms[1]",
        "frameworks[0].x",
        "applications[0].frameworks[1]",
    ]
    assert all("src/venvstacks.toml: `" in line for line in message.splitlines()[1:])
    # All targets can still be listed, with the edges that there are, and other folders be built.
    targets = {target.address.spec: target for target in runner.request(AllTargets, [])}
    assert {*targets} == {RUNTIME, SKLEARN, MORE, CLASSIFY, MANIFEST, "plain:rt"}
    assert fields(targets[CLASSIFY])["frameworks"] == (MORE,)
    assert find(runner, Address("plain", target_name="rt")).layer.name == "rt"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "[[runtimes]]\nname =\n",
            "src/venvstacks.toml: it is not TOML: Invalid value (at line 2, column 7). "
            "Correct it there.",
        ),
        (
            None,
            "src/venvstacks.toml: there is no such file. Create it, or correct the field `source`.",
        ),
    ],
)
def test_a_file_that_cannot_be_read_breaks_its_own_stack_only(
    runner: RuleRunner, content: str | None, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    files = {"src/BUILD": FILES["src/BUILD"], "plain/BUILD": PLAIN}
    runner.write_files({**files, **({} if content is None else {"src/venvstacks.toml": content})})
    assert {*generated(runner)} == {MANIFEST}
    assert [record.message for record in caplog.records] == [message]
    assert find(runner, Address("plain", target_name="rt")).layer.name == "rt"
    app = 'venvstacks_application(name="app", launch_module="a.py", runtime="src:stack#rt")\n'
    runner.write_files({"top/BUILD": app, "top/a.py": ""})
    lines = refused(runner, Address("top", target_name="app")).splitlines()
    assert lines[0] == "A stack file and a layer definition cannot be built as written:"
    assert lines[1] == f"  * {message}"


def test_old_keys_are_warned_about_once(
    runner: RuleRunner, caplog: pytest.LogCaptureFixture
) -> None:
    stack = STACK.replace("python_implementation", "fully_versioned_name")
    stack = stack.replace("[[frameworks]]", "[[frameworks]]\nbuild_requirements = []", 1)
    runner.write_files({**FILES, "src/venvstacks.toml": stack})
    assert find(runner, layer_address("app-classify")).layer.python_version == "3.11.13"
    assert [record.message for record in caplog.records] == [
        "src/venvstacks.toml: `runtimes[0].fully_versioned_name` is now called "
        "`python_implementation`. Rename it.",
        "src/venvstacks.toml: `frameworks[0].build_requirements` is not used any more. Remove it.",
    ]

"""From BUILD files to layers: addresses that lead nowhere, fields of the wrong type, inference."""

from __future__ import annotations

import pytest
from pants.engine.addresses import Address
from pants.engine.internals.scheduler import ExecutionError
from pants.engine.rules import QueryRule
from pants.engine.target import InferredDependencies
from pants.testutil.rule_runner import RuleRunner

from tests.pants_backend.module_rules import module_rules
from venvstacks_rules.pants_backend.backend import target_types
from venvstacks_rules.pants_backend.graph.dependencies import (
    InferLayerDependencies,
    LayerDependenciesFieldSet,
)
from venvstacks_rules.pants_backend.graph.dependencies import rules as inference_rules
from venvstacks_rules.pants_backend.graph.layer_targets import rules as layer_target_rules
from venvstacks_rules.pants_backend.graph.layers import LayerInGraph, LayerRequest
from venvstacks_rules.pants_backend.graph.layers import rules as graph_rules
from venvstacks_rules.pants_backend.graph.stack_files import rules as stack_file_rules
from venvstacks_rules.pants_backend.subsystems.venvstacks import VenvstacksSubsystem

RUNTIME = (
    'venvstacks_runtime(name="rt", python_implementation="cpython@3.11.13", '
    'requirements=["numpy"])\n'
)
APP = 'venvstacks_application(name="app", launch_module="app.py", runtime="{}")\n'


@pytest.fixture
def runner() -> RuleRunner:
    return RuleRunner(
        rules=[
            *graph_rules(),
            *layer_target_rules(),
            *inference_rules(),
            *module_rules(),
            *stack_file_rules(),
            *VenvstacksSubsystem.rules(),
            QueryRule(LayerInGraph, [LayerRequest]),
            QueryRule(InferredDependencies, [InferLayerDependencies]),
        ],
        target_types=[*target_types()],
    )


def find(runner: RuleRunner, address: Address) -> LayerInGraph:
    found = runner.request(LayerInGraph, [LayerRequest(address)])
    assert isinstance(found, LayerInGraph)
    return found


def refused(runner: RuleRunner, address: Address) -> str:
    with pytest.raises(ExecutionError) as caught:
        find(runner, address)
    errors = list(caught.value.wrapped_exceptions)
    assert len(errors) == 1
    return str(errors[0])


def test_layers_of_other_folders_are_found(runner: RuleRunner) -> None:
    runner.write_files(
        {
            "base/BUILD": RUNTIME,
            "mid/BUILD": 'venvstacks_framework(name="fw", runtime="base:rt")\n',
            "top/BUILD": (
                'venvstacks_application(name="app", launch_module="pkg/", frameworks=["mid:fw"], '
                'support_modules=["util.py"])\n'
            ),
            "top/pkg/__main__.py": "",
            "top/pkg/__pycache__/x.pyc": "",
            "top/util.py": "",
        }
    )
    found = find(runner, Address("top", target_name="app"))
    assert found.layer.lower == ("mid:fw", "base:rt")
    assert [layer.layer_name for layer in found.lower] == ["framework-fw", "rt"]
    assert found.lockfile(found.layer) == "top/requirements/app-app/pylock.app-app.toml"
    assert found.layer.launch_module is not None
    assert found.layer.launch_module.files == ("pkg/__main__.py",)
    assert [module.path for module in found.layer.support_modules] == ["util.py"]
    assert found.layer.python_version == "3.11.13"


@pytest.mark.parametrize(
    "written", [":nothing", "missing:rt", "missing", "empty", "a b//:", "", "rt.txt:rt#x#y"]
)
def test_an_address_that_leads_nowhere_is_one_problem(runner: RuleRunner, written: str) -> None:
    runner.write_files(
        {"src/BUILD": RUNTIME + APP.format(written), "src/app.py": "", "empty/readme": ""}
    )
    assert refused(runner, Address("src", target_name="app")) == (
        "A layer definition cannot be built as written:\n"
        f"  * src:app: `runtime` names {written!r}, but there is no such target. "
        "Name a `venvstacks_runtime` target."
    )


@pytest.mark.parametrize(
    ("written", "meant"),
    [(":rtt", ":rt"), ("src:rtt", "src:rt"), ("scr:rt", "src:rt"), ("other:rt2", "others:rt2")],
)
def test_a_misspelt_address(runner: RuleRunner, written: str, meant: str) -> None:
    # Wherever it is in the repository, but only if it is of the right kind.
    runner.write_files(
        {
            "src/BUILD": RUNTIME + APP.format(written),
            "src/app.py": "",
            "others/BUILD": RUNTIME.replace('"rt"', '"rt2"')
            + 'venvstacks_framework(name="rtt", runtime=":rt2")\n',
        }
    )
    assert refused(runner, Address("src", target_name="app")) == (
        "A layer definition cannot be built as written:\n"
        f"  * src:app: `runtime` names {written!r}, but there is no such target. Did you mean "
        f"{meant!r}?"
    )


def test_interpreter_archives_for_what_is_no_platform(runner: RuleRunner) -> None:
    archives = ', python_archives={"macos_arm64": ":x", "linux_x86_64": ":x"})'
    runner.write_files({"src/BUILD": RUNTIME.rstrip().rstrip(")") + archives})
    assert refused(runner, Address("src", target_name="rt")).splitlines()[1:] == [
        "  * src:rt: `python_archives` has 'macos_arm64', which is not a target platform. Did you "
        "mean 'macosx_arm64'?"
    ]


def test_what_is_no_layer_is_refused_as_one(runner: RuleRunner) -> None:
    runner.write_files({"src/BUILD": RUNTIME + APP.format(":app"), "src/app.py": ""})
    assert refused(runner, Address("src", target_name="app")).splitlines()[1:] == [
        "  * src:app: it names itself in `runtime`. Remove that.",
        "  * src:app: `runtime` names ':app', but src:app is an application, not a runtime. "
        "Name a `venvstacks_runtime` target.",
    ]


def test_several_wrong_definitions_are_reported_together(runner: RuleRunner) -> None:
    runner.write_files(
        {"src/BUILD": RUNTIME.replace("3.11.13", "three") + APP.format(":rt"), "src/x.py": ""}
    )
    assert refused(runner, Address("src", target_name="rt")) == (
        "2 layer definitions cannot be built as written:\n"
        "  * src:rt: `python_implementation` is 'cpython@three', which is not of the form "
        "'cpython@X.Y.Z'. Write it as, for example, 'cpython@3.11.13'.\n"
        "  * src:app: `launch_module` names 'app.py', but there is no such file or directory "
        "beside the BUILD file. Create it, or correct the path."
    )


# The sentences are Pants', and differ between its versions.
@pytest.mark.parametrize(
    ("build", "parts"),
    [
        (
            'venvstacks_application(name="app", launch_module=1, runtime=":rt")',
            ("launch_module", "src:app", "must be a string", "`1`"),
        ),
        (
            'venvstacks_application(name="app", runtime=":rt")',
            ("launch_module", "src:app", "must be defined"),
        ),
        (
            'venvstacks_framework(name="app", runtime=":rt", archive_format="rar")',
            ("archive_format", "src:app", "'tar.gz', 'tar.xz', 'tar.zst', 'zip'", "'rar'"),
        ),
    ],
)
def test_fields_that_pants_refuses(runner: RuleRunner, build: str, parts: tuple[str, ...]) -> None:
    runner.write_files({"src/BUILD": build + "\n"})
    message = refused(runner, Address("src", target_name="app"))
    assert [part for part in parts if part not in message] == []


def test_a_field_that_cannot_be_set(runner: RuleRunner) -> None:
    build = 'venvstacks_framework(name="app", runtime=":rt", lockfile="x")\n'
    runner.write_files({"src/BUILD": build})
    assert refused(runner, Address("src", target_name="app")) == (
        "src/BUILD:1: The `lockfile` field in target src:app cannot be set: the lockfile of a "
        "layer has a fixed place. Remove the field."
    )


def test_edges_come_from_the_fields(runner: RuleRunner) -> None:
    runner.write_files(
        {
            "base/BUILD": RUNTIME
            + 'venvstacks_framework(name="a", runtime=":rt")\n'
            + 'venvstacks_framework(name="b", frameworks=[":a"])\n',
            "src/BUILD": 'venvstacks_framework(name="c", frameworks=["base:b", "base:a"])\n',
        }
    )
    expected = {
        ("base", "a"): ["base:rt"],
        ("base", "b"): ["base:a"],
        ("base", "rt"): [],
        ("src", "c"): ["base:a", "base:b"],
    }
    for (folder, name), below in expected.items():
        target = runner.get_target(Address(folder, target_name=name))
        inferred = runner.request(
            InferredDependencies,
            [InferLayerDependencies(LayerDependenciesFieldSet.create(target))],
        )
        assert sorted(address.spec for address in inferred.include) == below


def test_a_sound_layer_among_broken_ones_is_found_when_that_will_do(runner: RuleRunner) -> None:
    runner.write_files(
        {"src/BUILD": RUNTIME + 'venvstacks_framework(name="fw")\n' + APP.format(":rt")}
    )
    address = Address("src", target_name="rt")
    assert "src:fw: neither `runtime` nor `frameworks` is set." in refused(runner, address)
    found = runner.request(LayerInGraph, [LayerRequest(address, among_broken=True)])
    assert isinstance(found, LayerInGraph)
    assert found.layer.layer_name == "rt"
    broken = Address("src", target_name="fw")
    with pytest.raises(ExecutionError, match="src:fw: neither `runtime` nor `frameworks`"):
        runner.request(LayerInGraph, [LayerRequest(broken, among_broken=True)])


def test_a_definition_with_several_problems_is_counted_once(runner: RuleRunner) -> None:
    runner.write_files({"src/BUILD": RUNTIME.replace("3.11.13", "3.11")})
    runner.set_options(["--venvstacks-python-provider=archive"])
    assert refused(runner, Address("src", target_name="rt")).splitlines()[::2] == [
        "A layer definition cannot be built as written:",
        "  * src:rt: `python_archives` is not set, which `[venvstacks].python_provider = "
        '"archive"` needs. Map each platform to a `file` target, for example '
        "{'linux_x86_64': ':cpython-linux'}.",
    ]

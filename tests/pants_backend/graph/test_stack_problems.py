"""What is said of stack files, and of the options and fields around them, that cannot be used."""

from __future__ import annotations

import pytest
from pants.engine.addresses import Address
from pants.engine.target import AllTargets
from pants.testutil.rule_runner import RuleRunner

from tests.pants_backend.stack_runner import (
    CLASSIFY,
    FILES,
    MANIFEST,
    MORE,
    PLAIN,
    RUNTIME,
    SKLEARN,
    STACK,
    fields,
    find,
    generated,
    layer_address,
    refused,
    stack_runner,
)


@pytest.fixture
def runner() -> RuleRunner:
    return stack_runner()


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
            'overrides={"framework-more": {"archive_fomat": "zip", "tag": ["x"], "tags": ["x"]}}',
            "The `overrides` field in target src:stack sets fields of 'framework-more' that it "
            "does not have: 'archive_fomat' (did you mean 'archive_format'?), 'tag' (did you mean "
            "'tags'?).",
        ),
        (
            'overrides={"nothing": {"tags": ["x"]}, "framework-more": {"tag": ["x"]}, '
            '"app-classify": {"tag": ["x"]}}',
            "The `overrides` field in target src:stack names layers that the stack file does not "
            "have: 'nothing'. Choose from 'app-classify', 'cpython-3.11', 'framework-more', "
            "'framework-sklearn@2'. It sets fields of 'framework-more' that it does not have: "
            "'tag' (did you mean 'tags'?). It sets fields of 'app-classify' that it does not have: "
            "'tag' (did you mean 'tags'?).",
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
    ("old", "new"), [('name = "more"', 'name = "sklearn@2"'), ('name = "more"', 'name = "mo/re"')]
)
def test_overrides_of_a_layer_that_cannot_be_used(runner: RuleRunner, old: str, new: str) -> None:
    build = 'venvstacks_stack(name="stack", overrides={"framework-more": {"tags": ["x"]}})\n'
    stack = STACK.replace(old, new)
    assert stack != STACK
    runner.write_files({**FILES, "src/BUILD": build, "src/venvstacks.toml": stack})
    message = refused(runner, layer_address("app-classify"))
    assert message.startswith("A stack file cannot be built as written:\n")
    assert "src/venvstacks.toml: `frameworks[1]" in message.splitlines()[1]


def test_all_that_is_wrong_with_a_stack_file_is_said_once(runner: RuleRunner) -> None:
    stack = STACK.replace('"macosx_arm64"', '"macos_arm64"').replace("versioned = true", "x = 1")
    stack = stack.replace('["more", "sklearn@2"]', '["more", "sklearn"]')
    stack = stack.replace('["sklearn@2"]', '["sklearn@2", "more"]')
    runner.write_files({**FILES, "src/venvstacks.toml": stack, "plain/BUILD": PLAIN})
    message = refused(runner, layer_address("app-classify"))
    assert message.splitlines()[0] == "A stack file cannot be built as written:"
    assert [line.split("`")[1] for line in message.splitlines()[1:]] == [
        "runtimes[0].platforms[1]",
        "frameworks[0].x",
        "frameworks[1].frameworks[1]",
        "applications[0].frameworks[1]",
    ]
    assert all("src/venvstacks.toml: `" in line for line in message.splitlines()[1:])
    # All targets can still be listed, with the edges that there are, and other folders be built.
    targets = {target.address.spec: target for target in runner.request(AllTargets, [])}
    assert {*targets} == {RUNTIME, SKLEARN, MORE, CLASSIFY, MANIFEST, "plain:rt"}
    assert fields(targets[CLASSIFY])["frameworks"] == (MORE,)
    assert fields(targets[MORE])["frameworks"] == (SKLEARN,)
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
    runner: RuleRunner, content: str | None, message: str
) -> None:
    files = {"src/BUILD": FILES["src/BUILD"], "plain/BUILD": PLAIN}
    runner.write_files({**files, **({} if content is None else {"src/venvstacks.toml": content})})
    assert {*generated(runner)} == {MANIFEST}
    assert find(runner, Address("plain", target_name="rt")).layer.name == "rt"
    app = 'venvstacks_application(name="app", launch_module="a.py", runtime="src:stack#rt")\n'
    runner.write_files({"top/BUILD": app, "top/a.py": ""})
    lines = refused(runner, Address("top", target_name="app")).splitlines()
    assert lines[0] == "A stack file and a layer definition cannot be built as written:"
    assert lines[1] == f"  * {message}"


def test_old_keys_are_warned_about_when_the_stack_is_used(
    runner: RuleRunner, caplog: pytest.LogCaptureFixture
) -> None:
    stack = STACK.replace("python_implementation", "fully_versioned_name")
    stack = stack.replace("[[frameworks]]", "[[frameworks]]\nbuild_requirements = []", 1)
    runner.write_files({**FILES, "src/venvstacks.toml": stack})
    generated(runner)
    assert caplog.records == []
    assert find(runner, layer_address("app-classify")).layer.python_version == "3.11.13"
    assert [record.message for record in caplog.records] == [
        "src/venvstacks.toml: `runtimes[0].fully_versioned_name` is now called "
        "`python_implementation`. Rename it.",
        "src/venvstacks.toml: `frameworks[0].build_requirements` is not used any more. Remove it.",
    ]


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


@pytest.mark.parametrize(
    ("settings", "option", "problem"),
    [
        ('[[index]]\nname = "cpu"\nurl = "https://example.org"\n', None, None),
        ('[[index]]\nname = "cpU2"\nurl = "https://example.org"\n', None, "Did you mean 'cpU2'?"),
        ("index = [", None, None),
        (None, None, "Define it as `[[tool.uv.index]]`."),
        (None, "uv.toml", None),
    ],
)
def test_indexes_are_those_of_the_settings_that_are_used(
    runner: RuleRunner, settings: str | None, option: str | None, problem: str | None
) -> None:
    stack = STACK[: STACK.index("[[tool.uv.index]]")]
    beside = {} if settings is None else {"src/venvstacks.uv.toml": settings}
    runner.write_files({**FILES, "src/venvstacks.toml": stack, **beside})
    if option is not None:
        runner.set_options([f"--venvstacks-uv-config={option}"])
    if problem is None:
        assert find(runner, layer_address("app-classify")).layer.package_indexes == (
            ("torch", "cpu"),
        )
        return
    lines = refused(runner, layer_address("app-classify")).splitlines()
    assert lines == [
        "A stack file cannot be built as written:",
        "  * src/venvstacks.toml: `runtimes[0].package_indexes.torch` is 'cpu', but no index has "
        f"that name. {problem}",
        "  * src/venvstacks.toml: `frameworks[0].priority_indexes[0]` is 'cpu', but no index has "
        f"that name. {problem}",
    ]

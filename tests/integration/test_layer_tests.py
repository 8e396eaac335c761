"""Tests that run in the layers of an application, as they are deployed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.support.build_root import NATIVE, REPOSITORY, BuildRoot, Finished
from tests.support.pants_under_test import pants_minor
from tests.support.reader import Reader
from tests.support.shared_roots import shared_root

STACKS = """\
venvstacks_runtime(name="py", python_implementation="cpython@3.9")
venvstacks_framework(name="acme", runtime=":py", dependencies=["src/python/acme/util"])
venvstacks_application(
    name="server", frameworks=[":acme"], launch_module="acme.server.main", requirements=["idna"]
)
venvstacks_framework(
    name="pytest", runtime=":py", requirements=["pytest==8.3.5", "coverage", "idna==3.6"]
)
"""
CONFIG = """
[source]
root_patterns = ["/src/python"]

[test]
extra_env_vars = ["LAYER=server"]
"""
# Layers for mistakes, and the locks that they need.
BROKEN = """\
venvstacks_framework(name="bare", runtime=":py")
venvstacks_runtime(name="other", python_implementation="cpython@3.9")
venvstacks_framework(name="pytest-other", runtime=":other")
venvstacks_runtime(name="mac", python_implementation="cpython@3.9", platforms=["macosx_arm64"])
venvstacks_framework(name="mac-layer", runtime=":mac")
"""
TREE = {
    "BUILD": (
        '__defaults__({venvstacks_tests: dict(layer="stacks:server", tools="stacks:pytest")})\n'
    ),
    "pytest.ini": "[pytest]\naddopts = -p no:cacheprovider\n",
    ".coveragerc": "[run]\nbranch = true\n",
    "stacks/BUILD": STACKS + BROKEN,
    "src/python/acme/__init__.py": "",
    "src/python/acme/BUILD": "python_sources()\n",
    "src/python/acme/util/BUILD": "python_sources()\n",
    "src/python/acme/util/__init__.py": "",
    "src/python/acme/util/text.py": (
        'def shout(text):\n    if not text:\n        return "?"\n    return text.upper()\n'
    ),
    "src/python/acme/server/BUILD": "python_sources()\n",
    "src/python/acme/server/__init__.py": "",
    "src/python/acme/server/main.py": (
        "import idna\n\nfrom acme.util.text import shout\n\n\n"
        'def main():\n    return shout(idna.__version__) + "!"\n\n\n'
        'if __name__ == "__main__":\n    print(main())\n'
    ),
    "src/python/acme/server/tests/BUILD": ("venvstacks_tests()\npython_test_utils(name='utils')\n"),
    "src/python/acme/server/tests/__init__.py": "",
    "src/python/acme/server/tests/conftest.py": (
        "import pytest\n\nfrom acme.testing.helpers import expected\n\n\n"
        "@pytest.fixture\ndef wanted():\n    return expected()\n"
    ),
    "src/python/acme/server/tests/test_main.py": (
        "import os\n\nimport acme\nimport idna\n\nfrom acme.server import main\n"
        "from acme.testing import helpers\nfrom acme.util import text\n\n\n"
        "def test_what_is_deployed():\n"
        "    for module in (acme, main, text, idna):\n"
        '        assert "/stacks/" in module.__file__, module.__file__\n'
        '    assert "/stacks/" not in helpers.__file__\n'
        "    assert not os.path.exists('src/python/acme/util/text.py')\n\n\n"
        "def test_versions_are_those_of_the_application(wanted):\n"
        "    assert main.main() == wanted + '!'\n"
        '    assert idna.__version__ != "3.6"\n\n\n'
        "def test_environment():\n"
        '    assert os.environ.get("LAYER") == "server"\n'
    ),
    "src/python/acme/server/tests/test_more.py": (
        "from .test_main import test_what_is_deployed\n\n\n"
        'def test_more():\n    assert __name__ == "acme.server.tests.test_more"\n'
    ),
    "src/python/acme/testing/BUILD": "python_sources()\n",
    "src/python/acme/testing/__init__.py": "",
    "src/python/acme/testing/helpers.py": (
        "import idna\n\n\ndef expected():\n    return idna.__version__.upper()\n\n\n"
        "def unused():\n    return 1\n"
    ),
}
TESTS = "src/python/acme/server/tests"
ALL = f"{TESTS}:"
MAIN, MORE = f"{TESTS}/test_main.py", f"{TESTS}/test_more.py"
LOCKED = ("server", "pytest", "bare", "pytest-other", "mac-layer")


@pytest.fixture(scope="module")
def root() -> Iterator[BuildRoot]:
    with shared_root(config=CONFIG) as made:
        for path, content in TREE.items():
            made.write(path, content)
        made.succeed("generate-lockfiles", *(f"--resolve=stacks:{name}" for name in LOCKED))
        yield made


@pytest.fixture(autouse=True)
def restored(root: BuildRoot) -> Iterator[None]:
    """The build root's files are put back after each test."""
    yield
    for path, content in TREE.items():
        if root.read(path) != content:
            root.write(path, content)


def outcomes(done: Finished) -> dict[str, str]:
    """What Pants says of each file of tests: succeeded or failed, and from where."""
    rows = re.findall(r"^[✓✕] (\S+) (.*?) in [\d.]+s(.*)\.$", done.stderr, re.MULTILINE)
    return {address.rpartition("/")[2]: f"{how}{where}" for address, how, where in rows}


def edited(root: BuildRoot, path: str, old: str, new: str) -> None:
    text = root.read(path)
    assert old in text
    root.write(path, text.replace(old, new))


def test_tests_see_the_layers_as_deployed(root: BuildRoot) -> None:
    done = root.succeed("test", ALL)
    assert outcomes(done) == {"test_main.py": "succeeded", "test_more.py": "succeeded"}
    # Unchanged, they do not run again, except when they are told to.
    assert set(outcomes(root.succeed("test", ALL)).values()) == {"succeeded (memoized)"}
    assert set(outcomes(root.succeed("test", "--force", ALL)).values()) == {"succeeded"}


@pytest.mark.slow  # Locks, and captures an interpreter, of its own.
def test_the_how_to(root: BuildRoot, tmp_path: Path) -> None:
    """Its layers, on the CPython 3.11 of this machine."""
    root.write(
        "src/python/acme/server/layer_tests/test_start.py",
        "from acme.server import main\n\n\ndef test_start():\n    assert main\n",
    )
    edited(root, "src/python/acme/server/main.py", "import idna", "import uvicorn")
    edited(root, "src/python/acme/server/main.py", "idna.", "uvicorn.")
    reader = Reader.of(root, tmp_path, {"cpython@3.11.13": "cpython@3.11"})
    try:
        assert len(reader.follow(REPOSITORY / "docs/how-to/test-layers.md")) == 2
    finally:
        shutil.rmtree(root.path / "src/python/acme/server/layer_tests")
        root.write("stacks/BUILD", TREE["stacks/BUILD"])
        root.succeed("generate-lockfiles", "--if-needed")


def test_pytest_is_in_no_archive_of_the_application(root: BuildRoot) -> None:
    root.succeed("package", "stacks:server")
    made = sorted(path.name for path in (root.path / f"dist/stacks/{NATIVE}").glob("*.json"))
    assert made == ["app-server.json", "app-server.segments.json"]
    assert "pytest" not in root.read(f"dist/stacks/{NATIVE}/app-server.json")
    shutil.rmtree(root.path / "dist")


def test_results_are_those_of_pytest(root: BuildRoot) -> None:
    edited(root, MORE, '"acme.server.tests.test_more"', '"another"')
    done = root.pants("test", "--report", ALL)
    assert (done.code, outcomes(done)) == (
        1,
        {"test_main.py": "succeeded (memoized)", "test_more.py": "failed"},
    )
    assert "AssertionError: assert 'acme.server.tests.test_more' == 'another'" in done.stderr
    reports = root.path / "dist/test/reports"
    cases = {
        case.get("name"): [each.tag for each in case]
        for file in reports.iterdir()
        for case in ET.parse(file).iter("testcase")
    }
    assert cases == {
        "test_what_is_deployed": [],
        "test_versions_are_those_of_the_application": [],
        "test_environment": [],
        "test_more": ["failure"],
    }
    # A failure is not remembered.
    assert outcomes(root.pants("test", MORE)) == {"test_more.py": "failed"}
    # As with Pants' own tests, no test at all is a failure.
    assert root.pants("test", MORE, "--", "-k", "no_such_test").code == 5


def test_arguments_reach_pytest(root: BuildRoot) -> None:
    done = root.succeed("test", "--output=all", MAIN, "--", "-k", "environment", "-q")
    assert "1 passed, 2 deselected" in done.stderr
    done = root.pants("test", MAIN, "--test-extra-env-vars=['LAYER=other']")
    assert done.code == 1
    assert "assert 'other' == 'server'" in done.stderr


def test_shards_divide_the_files(root: BuildRoot) -> None:
    more = [f"{TESTS}/test_{name}.py" for name in ("deep", "wide")]
    for path in more:
        root.write(path, "def test_one():\n    pass\n")
    try:
        shards = [
            set(outcomes(root.succeed("test", f"--shard={number}/2", ALL))) for number in (0, 1)
        ]
    finally:
        for path in more:
            (root.path / path).unlink()
    assert all(shards)
    assert not shards[0] & shards[1]
    assert shards[0] | shards[1] == {
        *("test_main.py", "test_more.py", "test_deep.py", "test_wide.py"),
    }


def test_coverage_has_the_paths_of_the_repository(root: BuildRoot) -> None:
    covered = ["test", "--use-coverage"]
    if pants_minor() >= (2, 33):
        # The coverage that this Pants locks needs it, and Pants takes the first Python it finds.
        covered.append("--coverage-py-interpreter-constraints=['CPython>=3.10']")
    done = root.succeed(*covered, "--coverage-py-report=['console', 'json']", ALL)
    report = json.loads(root.read("dist/coverage/python/coverage.json"))
    missing = {file: data["missing_lines"] for file, data in report["files"].items()}
    assert missing == {
        "src/python/acme/server/main.py": [11],
        "src/python/acme/util/text.py": [3],
        "src/python/acme/testing/helpers.py": [9],
        f"{TESTS}/conftest.py": [],
        MAIN: [],
        MORE: [],
    }
    assert "src/python/acme/util/text.py" in done.stderr
    of_one = "--coverage-py-filter=['acme.util']"
    filtered = root.succeed(*covered, of_one, "--coverage-py-report=json", ALL)
    assert filtered.code == 0
    report = json.loads(root.read("dist/coverage/python/coverage.json"))
    assert list(report["files"]) == ["src/python/acme/util/text.py"]


def test_an_edit_builds_its_layer_and_runs_the_tests_again(root: BuildRoot) -> None:
    root.succeed("test", ALL)
    edited(root, "src/python/acme/util/text.py", "text.upper()", "text.upper() + ''")
    done = root.succeed("test", MAIN)
    assert done.work == ["Assembled framework-acme.tar.zst"]
    assert outcomes(done) == {"test_main.py": "succeeded"}
    # A test is no part of a layer.
    edited(root, MAIN, '== "server"', "in ['server']")
    done = root.succeed("test", MAIN)
    assert done.work == []
    assert outcomes(done) == {"test_main.py": "succeeded"}


def test_changed_files_concern_the_tests_of_their_layers(root: BuildRoot) -> None:
    subprocess.run(["git", "init", "-q"], cwd=root.path, check=True)
    commit = "git -c user.name=x -c user.email=x@x.example commit -qm x"
    subprocess.run(f"git add -A && {commit}", shell=True, cwd=root.path, check=True)
    changed = ("list", "--changed-since=HEAD", "--changed-dependents=transitive")
    for path, tests in {
        "src/python/acme/util/text.py": {MAIN, MORE},
        "stacks/requirements/framework-pytest/pylock.framework-pytest.toml": {MAIN, MORE},
        MORE: {MORE},
    }.items():
        before = root.read(path)
        root.write(path, before + "\n")
        found = set(root.succeed(*changed).stdout.split())
        root.write(path, before)
        assert found & {MAIN, MORE} == tests


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            'tools="stacks:bare"',
            f"stacks:bare has no pytest, which {MAIN} needs. Add 'pytest' to its `requirements`, "
            "and lock it again.",
        ),
        (
            'tools="stacks:pytest-other"',
            f"{MAIN}: `tools` is stacks:pytest-other, on the runtime stacks:other, but `layer` is "
            "stacks:server, on stacks:py. Name a layer with pytest on stacks:py.",
        ),
        (
            'layer="stacks:sever"',
            f"{MAIN}: `layer` names 'stacks:sever', but there is no such target. Did you mean "
            "'stacks:server'?",
        ),
        (
            'tools="src/python/acme/util"',
            f"{MAIN}: `tools` names 'src/python/acme/util', which is not a layer. Name a layer.",
        ),
    ],
)
def test_mistakes_are_named(root: BuildRoot, fields: str, message: str) -> None:
    edited(root, f"{TESTS}/BUILD", "venvstacks_tests()", f"venvstacks_tests({fields})")
    done = root.pants("test", MAIN)
    assert done.code == 1
    assert done.error == (f"DefinitionError: Tests cannot be run as written:\n  * {message}")


def test_a_layer_for_another_platform_is_passed_over(root: BuildRoot) -> None:
    fields = 'layer="stacks:mac-layer", tools="stacks:mac-layer"'
    edited(root, f"{TESTS}/BUILD", "venvstacks_tests()", f"venvstacks_tests({fields})")
    done = root.succeed("test", MAIN)
    assert outcomes(done) == {}
    assert (
        f"{MAIN} is not tested on {NATIVE}: stacks:mac-layer: its platforms are macosx_arm64."
        in done.stderr
    )


def test_unowned_conftest_is_named(root: BuildRoot) -> None:
    edited(root, f"{TESTS}/BUILD", "python_test_utils(name='utils')\n", "")
    done = root.pants("test", MAIN)
    assert done.error == (
        "DefinitionError: Tests cannot be run as written:\n"
        f"  * {MAIN}: no target owns {TESTS}/conftest.py. Add `python_test_utils()` to the BUILD "
        "file beside it."
    )


def test_skipped_tests_do_not_run(root: BuildRoot) -> None:
    edited(root, f"{TESTS}/BUILD", "venvstacks_tests()", "venvstacks_tests(skip_tests=True)")
    assert outcomes(root.succeed("test", ALL)) == {}
    assert outcomes(root.succeed("test", "--venvstacks-pytest-skip", MAIN)) == {}


def test_a_test_that_takes_too_long_is_stopped(root: BuildRoot) -> None:
    fields = 'overrides={"test_more.py": {"timeout": 2}}'
    edited(root, f"{TESTS}/BUILD", "venvstacks_tests()", f"venvstacks_tests({fields})")
    edited(root, MORE, "def test_more():\n", "def test_more():\n    import time; time.sleep(60)\n")
    done = root.pants("test", ALL)
    assert outcomes(done)["test_more.py"] == "failed"
    assert outcomes(done)["test_main.py"].startswith("succeeded")
    assert "Exceeded timeout of 2.0 seconds" in done.stderr


def test_debug_runs_on_the_terminal(root: BuildRoot) -> None:
    done = root.succeed("test", "--debug", MAIN)
    assert "3 passed" in done.stdout

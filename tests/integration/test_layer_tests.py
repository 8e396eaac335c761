"""Tests that run in the layers of an application, as they are deployed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest

from tests.support.build_root import BuildRoot, build_root

BUILD = """\
__defaults__({venvstacks_tests: dict(layer="stacks:server", tools="stacks:pytest")})
"""
STACKS = """\
venvstacks_runtime(name="py", python_implementation="cpython@3.9")
venvstacks_framework(name="acme", runtime=":py", dependencies=["src/python/acme/util"])
venvstacks_application(
    name="server", frameworks=[":acme"], launch_module="acme.server.main", requirements=["idna"]
)
venvstacks_framework(
    name="pytest", runtime=":py", requirements=["pytest==8.3.5", "coverage", "idna==3.6"]
)
venvstacks_framework(name="bare", runtime=":py")
venvstacks_runtime(name="other", python_implementation="cpython@3.9")
venvstacks_framework(name="pytest-other", runtime=":other", requirements=["pytest==8.3.5"])
venvstacks_runtime(name="mac", python_implementation="cpython@3.9", platforms=["macosx_arm64"])
venvstacks_application(name="mac-server", runtime=":mac", launch_module="../src/python/acme/mac.py")
"""
TREE = {
    "BUILD": BUILD,
    "pytest.ini": "[pytest]\naddopts = -p no:cacheprovider\n",
    ".coveragerc": "[run]\nbranch = true\n",
    "stacks/BUILD": STACKS,
    "src/python/acme/__init__.py": "",
    "src/python/acme/BUILD": "python_sources()\n",
    "src/python/acme/mac.py": "",
    "src/python/acme/util/BUILD": "python_sources()\n",
    "src/python/acme/util/__init__.py": "",
    "src/python/acme/util/text.py": (
        'def shout(text):\n    if not text:\n        return "?"\n    return text.upper()\n'
    ),
    "src/python/acme/server/BUILD": "python_sources()\n",
    "src/python/acme/server/main.py": (
        "import idna\n\nfrom acme.util.text import shout\n\n\n"
        'def main():\n    return shout(idna.__version__) + "!"\n\n\n'
        'if __name__ == "__main__":\n    print(main())\n'
    ),
    "src/python/acme/server/tests/BUILD": (
        "venvstacks_tests()\npython_test_utils(name='utils')\n"
        "files(name='data', sources=['*.txt'])\n"
    ),
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


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BuildRoot]:
    with build_root(tmp_path_factory.mktemp("layer-tests") / "root") as made:
        config = made.read("pants.toml")
        made.write(
            "pants.toml",
            config.replace('root_patterns = ["/"]', 'root_patterns = ["/src/python"]')
            + '\n[test]\nextra_env_vars = ["LAYER=server"]\n',
        )
        for path, content in TREE.items():
            made.write(path, content)
        made.succeed("generate-lockfiles", "--resolve=stacks:server", "--resolve=stacks:pytest", "--resolve=stacks:bare", "--resolve=stacks:pytest-other")
        yield made


@pytest.fixture(autouse=True)
def restored(root: BuildRoot) -> Iterator[None]:
    """The build root's files are put back after each test."""
    yield
    for path, content in TREE.items():
        if root.read(path) != content:
            root.write(path, content)


def test_it_passes(root: BuildRoot) -> None:
    done = root.succeed("test", "--report", ALL)
    print(done.stderr)

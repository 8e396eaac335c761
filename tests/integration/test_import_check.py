"""``./pants test``: whether a deployed application finds what it imports."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.support.build_root import BuildRoot
from tests.support.shared_roots import shared_root


@pytest.fixture(scope="module")
def root() -> Iterator[BuildRoot]:
    with shared_root() as made:
        made.copy_example("hello")
        yield made


@pytest.fixture
def module(root: BuildRoot) -> Iterator[str]:
    """The launch module of the example, put back after the test."""
    path = "examples/hello/hello.py"
    source = root.read(path)
    yield path
    root.write(path, source)


def test_an_application_that_finds_all(root: BuildRoot) -> None:
    done = root.pants("test", "examples/hello:hello")
    assert done.code == 0
    assert "✓ examples/hello:hello succeeded in " in done.stderr


def test_imports_that_may_never_run_are_not_tried(root: BuildRoot, module: str) -> None:
    root.write(
        module,
        "try:\n    import absent_package\nexcept ImportError:\n    pass\n"
        "def later():\n    import absent_package  # pants: no-infer-dep\n",
    )
    root.succeed("test", "examples/hello:hello")


def test_layers_below_are_no_tests(root: BuildRoot) -> None:
    done = root.succeed("test", "examples/hello:text")
    assert "[WARN] No applicable files or targets matched." in done.stderr


def test_a_launch_module_that_imports_what_no_layer_has(root: BuildRoot, module: str) -> None:
    root.write(module, "import sys\nimport rich\nimport absent_package.deep\n")
    done = root.pants("test", "examples/hello:hello")
    assert done.code == 1
    assert done.error == (
        "DefinitionError: Code imports what no layer provides:\n"
        "  * examples/hello/hello.py:3: it imports `absent_package.deep`, which neither "
        "examples/hello:hello nor a layer below provides. Add its distribution, probably "
        "'absent-package', to the `requirements` of examples/hello:hello. If the code does without "
        "it, add `# pants: no-infer-dep` to the line."
    )


def test_a_launch_module_that_imports_what_is_not_there(root: BuildRoot, module: str) -> None:
    root.write(
        module,
        "import sys\nimport absent_package.deep  # pants: no-infer-dep\n"
        'if __name__ == "__main__":\n    from rich import no_such_name\n',
    )
    done = root.pants("test", "examples/hello:hello")
    assert done.code == 1
    assert "✕ examples/hello:hello failed in " in done.stderr
    assert (
        "error: `examples/hello:hello`: not everything can be imported in the deployed "
        "application. What is missing belongs to its `requirements` or `dependencies`, or to those "
        "of a layer below:\n"
        "  * `import absent_package.deep` (examples/hello/hello.py:2): "
        "ModuleNotFoundError: No module named 'absent_package'\n"
        "  * `from rich import no_such_name` (examples/hello/hello.py:4): "
        "ImportError: cannot import name 'no_such_name' from 'rich'"
    ) in done.stderr
    assert "Traceback (most recent call last)" not in done.stderr


def test_a_declared_package_that_does_not_import(root: BuildRoot) -> None:
    """What fails lies in a support module that the launch module uses."""
    folder = "examples/broken"
    shutil.copytree(root.path / "examples/hello", root.path / folder)
    build = root.read(f"{folder}/BUILD")
    root.write(
        f"{folder}/BUILD",
        build.replace('"hello.py",', '"hello.py", support_modules=["helping.py"],'),
    )
    root.write(f"{folder}/hello.py", "import helping\n")
    root.write(f"{folder}/helping.py", "raise RuntimeError('no way to start')\n")
    done = root.pants("test", f"{folder}:hello")
    assert done.code == 1
    assert (
        "`import helping` (examples/broken/hello.py:1): RuntimeError: no way to start"
        in done.stderr
    )

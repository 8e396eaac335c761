"""Requirements that the repository has already: its targets, and the versions of its resolve."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import tomli

from tests.support.build_root import NATIVE, BuildRoot
from tests.support.shared_roots import shared_root
from tests.support.simple_index import SimpleIndex, package_wheel, simple_index

STACK = f"""
venvstacks_runtime(
    name="py",
    python_implementation="cpython@3.9",
    requirements=["3rdparty:reqs#base"],
    platforms=["{NATIVE}", "win_amd64"],
)
venvstacks_application(
    name="app", runtime=":py", requirements=["3rdparty:project", "plain"], launch_module="app.py",
)
"""
PROJECT = """
[project]
name = "project"
dependencies = ["mid"]

[project.optional-dependencies]
more = ["native"]
"""
POETRY = """
[tool.poetry]
name = "poetry"

[tool.poetry.dependencies]
python = "^3.9"
plain = "^1.0"
"""
CONFIG = """\
uv_config = "uv.toml"

[python-repos]
indexes.add = ["{index}"]

[python]
enable_resolves = true
resolves = {{main = "3rdparty/main.lock"}}
default_resolve = "main"
interpreter_constraints = ["CPython==3.9.*"]
"""
LOCK = "s/requirements/{0}/pylock.{0}.toml"


@dataclass(frozen=True)
class Monorepo:
    """A repository with requirements of its own, and a stack that names them."""

    root: BuildRoot
    index: SimpleIndex
    config: str

    def packages(self, layer: str) -> dict[str, tuple[str, list[str]]]:
        """The packages of a lock: version and files."""
        lock = tomli.loads(self.root.read(LOCK.format(layer)))
        return {
            package["name"]: (
                package["version"],
                sorted(wheel["url"].rpartition("/")[2] for wheel in package.get("wheels", ())),
            )
            for package in lock["packages"]
        }

    def changed(self) -> set[str]:
        """The layers that the files edited since the last commit reach."""
        done = self.root.succeed("--changed-since=HEAD", "--changed-dependents=transitive", "list")
        return {line for line in done.stdout.split() if line.startswith("s:")}


def git(root: BuildRoot, *arguments: str) -> None:
    """Run Git in a build root."""
    settings = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=m"]
    subprocess.run(["git", *settings, *arguments], cwd=root.path, check=True)


@pytest.fixture(scope="module")
def monorepo() -> Iterator[Monorepo]:
    wheels = (
        package_wheel("base"),
        package_wheel("mid", requires=("base", "onwindows ; sys_platform == 'win32'")),
        package_wheel("onwindows"),
        package_wheel("native", tag="cp39-cp39-win_amd64"),
        package_wheel("native", tag="cp39-cp39-manylinux_2_17_x86_64"),
        package_wheel("native", tag="cp39-cp39-manylinux_2_17_aarch64"),
        package_wheel("native", tag="cp39-cp39-macosx_11_0_universal2"),
        package_wheel("plain"),
    )
    with simple_index(*wheels) as index:
        config = CONFIG.format(index=index.url)
        with shared_root(config=config) as root:
            root.write("uv.toml", index.uv_config)
            root.write(
                "3rdparty/BUILD",
                'python_requirements(name="reqs")\n'
                'python_requirements(name="project", source="pyproject.toml")\n'
                'poetry_requirements(name="poetry", source="poetry.toml")\n',
            )
            root.write("3rdparty/requirements.txt", "base\n")
            root.write("3rdparty/pyproject.toml", PROJECT)
            root.write("3rdparty/poetry.toml", POETRY)
            root.write("s/BUILD", STACK)
            root.write("s/app.py", "import mid, native, plain\n")
            root.succeed("generate-lockfiles", "--resolve=main")
            # Newer than what the repository's tests ran with.
            index.wheels.update(package_wheel("base", "2.0"))
            git(root, "init", "--quiet")
            git(root, "add", ".")
            git(root, "commit", "--quiet", "-m", "start")
            yield Monorepo(root, index, config)


def test_targets_and_generators_are_requirements_and_edges(monorepo: Monorepo) -> None:
    root = monorepo.root
    root.succeed("generate-lockfiles", "--resolve=s:py", "--resolve=s:app")
    assert monorepo.packages("py") == {"base": ("2.0", ["base-2.0-py3-none-any.whl"])}
    assert sorted(monorepo.packages("app-app")) == ["base", "mid", "native", "onwindows", "plain"]
    shown = root.succeed("dependencies", "s:app").stdout.split()
    assert shown == ["3rdparty:project#mid", "3rdparty:project#native", "s:py"]
    root.write("s/BUILD", STACK.replace('"plain"', '"3rdparty:poetry"'))
    root.succeed("generate-lockfiles", "--resolve=s:app")
    assert "plain" in monorepo.packages("app-app")
    root.write("s/BUILD", STACK)


def test_what_first_party_code_imports_is_required(monorepo: Monorepo) -> None:
    root = monorepo.root
    root.write("acme/BUILD", "python_sources()\n")
    root.write("acme/main.py", "import acme.util\n")
    root.write("acme/util.py", "import plain\n")
    application = 'venvstacks_application(name="code", runtime=":py", launch_module="acme.main")\n'
    root.write("s/BUILD", STACK + application)
    root.succeed("generate-lockfiles", "--resolve=s:py", "--resolve=s:code")
    assert list(monorepo.packages("app-code")) == ["plain"]
    shown = root.succeed("dependencies", "--transitive", "s:code").stdout.split()
    assert "3rdparty:poetry#plain" in shown
    # What a new line of code needs, the lock has to have.
    root.write("acme/util.py", "import plain\nimport mid\n")
    assert ("    - requirement `mid` was added, of 3rdparty:project#mid") in root.pants(
        "package", "s:code"
    ).error
    root.write("s/BUILD", STACK)
    shutil.rmtree(root.path / "acme")


def test_an_edited_file_of_requirements_reaches_the_layers(monorepo: Monorepo) -> None:
    root = monorepo.root
    root.succeed("generate-lockfiles", "--resolve=s:py", "--resolve=s:app")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "locked")
    assert monorepo.changed() == set()
    root.write("3rdparty/pyproject.toml", PROJECT.replace('"mid"', '"mid<2"'))
    assert monorepo.changed() == {"s:app"}
    stale = root.pants("package", "s:app")
    assert stale.error == (
        "LockError: A lockfile does not match the layer definitions:\n"
        "  * s:app: the lockfile s/requirements/app-app/pylock.app-app.toml is stale. Run `pants "
        "generate-lockfiles --resolve=s:app`.\n"
        "    - requirement `mid` is now `mid<2`, of 3rdparty:project#mid"
    )
    root.write("3rdparty/pyproject.toml", PROJECT)


def test_the_versions_of_the_resolve_for_all_platforms(monorepo: Monorepo) -> None:
    root = monorepo.root
    root.configure('python_resolve = "main"\n' + monorepo.config)
    try:
        stale = root.pants("package", "s:py")
        assert (
            "    - `python_resolve` was none, is now `main`\n"
            "    - `base` is 2.0 in it, and 1.0 in resolve `main` (3rdparty/main.lock)\n"
        ) in stale.error
        root.succeed("generate-lockfiles", "--resolve=s:py", "--resolve=s:app")
        assert monorepo.packages("py") == {"base": ("1.0", ["base-1.0-py3-none-any.whl"])}
        app = monorepo.packages("app-app")
        # The resolve is for Linux and macOS.
        assert "onwindows-1.0" not in root.read("3rdparty/main.lock")
        assert "onwindows" in app
        assert "native-1.0-cp39-cp39-win_amd64.whl" in app["native"][1]
        root.succeed("package", "s:app")
        (metadata,) = root.path.glob("dist/**/app-app.json")
        assert '"lock_choices": {\n    "python_resolve": "main"\n  }' in metadata.read_text()
        # A file of the repository's own tests that an index has replaced.
        _replaced_file(monorepo)
        # The repository moves on.
        root.write("3rdparty/requirements.txt", "base==2.0\n")
        root.succeed("generate-lockfiles", "--resolve=main")
        stale = root.pants("package", "s:py")
        assert (
            "    - requirement `base` is now `base==2.0`, of 3rdparty:reqs#base\n"
            "    - `base` is 1.0 in it, and 2.0 in resolve `main` (3rdparty/main.lock)"
        ) in stale.error
        assert {"s:py", "s:app"} <= monorepo.changed()
        root.succeed("generate-lockfiles", "--resolve=s:py")
        assert monorepo.packages("py")["base"][0] == "2.0"
        # A resolve that there is not.
        root.write("s/BUILD", STACK.replace('name="py",', 'name="py", python_resolve="mian",'))
        assert root.pants("generate-lockfiles", "--resolve=s:py").error.splitlines() == [
            "LockError: `python_resolve` cannot be used:",
            "  * s:py: there is no resolve 'mian' in `[python].resolves`. Did you mean 'main'?",
        ]
    finally:
        root.configure(monorepo.config)
        root.write("s/BUILD", STACK)


def _replaced_file(monorepo: Monorepo) -> None:
    root, index = monorepo.root, monorepo.index
    kept = dict(index.wheels)
    index.wheels.update(package_wheel("base", files={"base/other.py": b""}))
    lock = root.path / LOCK.format("py")
    text = lock.read_text()
    lock.unlink()
    refused = root.pants("generate-lockfiles", "--resolve=s:py")
    assert refused.error == (
        "LockError: s:py: a lock that contradicts its `python_resolve`\n"
        "  * `base-1.0-py3-none-any.whl` has another hash in it than in resolve `main` "
        "(3rdparty/main.lock)\n"
        "  * lock that resolve again, and with the same indexes as the layer"
    )
    index.wheels.clear()
    index.wheels.update(kept)
    lock.write_text(text)


def test_a_package_without_what_it_asks_for(monorepo: Monorepo) -> None:
    root = monorepo.root
    needy = {"needy/__init__.py": b"import nowhere\n", "needy_part.py": b""}
    monorepo.index.wheels.update(package_wheel("needy", requires=("nowhere",), files=needy))
    root.write("s/needy_app.py", "import needy_part\n")
    root.write(
        "s/BUILD",
        STACK + 'venvstacks_application(name="needy", runtime=":py", launch_module="needy_app.py", '
        'requirements=["needy"], without_dependencies=["needy"])\n',
    )
    root.succeed("generate-lockfiles", "--resolve=s:py", "--resolve=s:needy")
    assert list(monorepo.packages("app-needy")) == ["needy"]
    root.succeed("package", "s:needy")
    (metadata,) = root.path.glob("dist/**/app-needy.json")
    choices = json.loads(metadata.read_text())["lock_choices"]
    assert choices == {"without_dependencies": ["needy"]}
    # What the application imports of it is there; all of it cannot be imported.
    root.succeed("test", "s:needy")
    root.write("s/BUILD", STACK)


def test_without_the_python_backend(monorepo: Monorepo) -> None:
    root = monorepo.root
    # The daemon is for the others, which have it.
    options = ("--no-pantsd", "--backend-packages=-['pants.backend.python']")
    root.write("3rdparty/BUILD", "")
    root.write("s/BUILD", STACK.replace('"3rdparty:reqs#base"', '"base"'))
    try:
        done = root.pants(*options, "dependencies", "package", "s:app")
        assert "s:py" in done.stdout
        assert done.error == (
            "DefinitionError: A layer definition cannot be built as written:\n"
            "  * s:app: `requirements[0]` names '3rdparty:project', but there is no such target. "
            "Name a `python_requirement` target, or a target that generates some."
        )
    finally:
        git(root, "checkout", "--quiet", "--", "s/BUILD", "3rdparty/BUILD")

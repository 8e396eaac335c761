"""Wrong definitions: what a user reads, in the words that they read."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator

import pytest

from tests.support.build_root import NATIVE, BuildRoot, Finished
from tests.support.shared_roots import shared_root

RUNTIME = 'venvstacks_runtime(name="py", python_implementation="cpython@3.9"{})\n'

WRONG_FIELDS = (
    RUNTIME.format(', platforms=["linux_x86_64"]')
    + """
venvstacks_runtime(
    name="other",
    python_implementation="cpython@3.9",
    requirements=["not a requirement", "six @ https://example.org/six.tar.gz"],
)
venvstacks_runtime(name="vague", python_implementation="python3")
venvstacks_runtime(name="app-z", python_implementation="cpython@3.9")
venvstacks_framework(name="low", runtime=":py")
venvstacks_framework(name="planet", runtime=":py", platforms=["linux_x86_64", "amiga"])
venvstacks_framework(name="wide", runtime=":py", platforms=["win_amd64"])
venvstacks_framework(name="old-c", runtime=":py", linux_target="libc6")
venvstacks_framework(name="old-mac", runtime=":py", macosx_target="Ventura")
venvstacks_application(name="app", frameworks=[":low"], launch_module="missing.py")
venvstacks_application(name="pkg", frameworks=[":low"], launch_module="pkg/")
venvstacks_application(
    name="same", frameworks=[":low"], launch_module="tool.py", support_modules=["lib/tool.py"]
)
"""
)

WRONG_FIELDS_MESSAGE = """\
DefinitionError: 10 layer definitions cannot be built as written:
  * wrong:app: `launch_module` names 'missing.py', but there is no such file or directory beside \
the BUILD file. Create it, or correct the path.
  * wrong:app-z: `name` is 'app-z', which cannot be used: `app-` at the start is reserved for \
application layers. Rename the target.
  * wrong:old-c: `linux_target` is 'libc6', which is not `glibc@X.Y` or `musl@X.Y`. Write it as, \
for example, 'glibc@2.28'.
  * wrong:old-mac: `macosx_target` is 'Ventura', which is not a macOS version `X.Y`. Write it as, \
for example, '13.0'.
  * wrong:other: `requirements[0]` is 'not a requirement', which is not a requirement: \
<what `packaging` says>. Write it as in PEP 508, for example 'scikit-learn>=1.5'.
  * wrong:other: `requirements[1]` is 'six @ https://example.org/six.tar.gz', a direct reference \
to something other than a wheel on a web server. Build a wheel of it and put it into a folder of \
`local_wheels`, or name the URL of a wheel, for example \
'rich @ https://example.org/rich-13.9.4-py3-none-any.whl'.
  * wrong:pkg: `launch_module` names 'pkg/', a directory without a `__main__.py`, which \
`python -m` needs. Add one.
  * wrong:planet: `platforms[1]` is 'amiga', which is not a target platform. Choose from \
linux_x86_64, linux_aarch64, macosx_arm64, macosx_x86_64, win_amd64, win_arm64.
  * wrong:same: `support_modules` names 'lib/tool.py', which would be imported as `tool`, like \
'tool.py'. Rename one of them.
  * wrong:vague: `python_implementation` is 'python3', which is not of the form 'cpython@X.Y.Z'. \
Write it as, for example, 'cpython@3.11.13'.
  * wrong:wide: `platforms[0]` is 'win_amd64', which wrong:py below does not have. A layer can \
only narrow the platforms of the layers below."""

WRONG_EDGES = (
    RUNTIME.format("")
    + """
venvstacks_runtime(name="two", python_implementation="cpython@3.9")
file(name="readme", source="readme.txt")
venvstacks_framework(name="neither")
venvstacks_framework(name="both", runtime=":py", frameworks=[":left"])
venvstacks_framework(name="left", runtime=":py")
venvstacks_framework(name="right", runtime=":two")
venvstacks_framework(name="above", frameworks=[":left"])
venvstacks_framework(name="mixed", frameworks=[":left", ":right"])
venvstacks_framework(name="order", frameworks=[":left", ":above"])
venvstacks_framework(name="nowhere", runtime=":missing")
venvstacks_framework(name="wrong-kind", frameworks=[":py"])
venvstacks_framework(name="no-layer", runtime=":readme")
venvstacks_framework(name="loop-a", frameworks=[":loop-b"])
venvstacks_framework(name="loop-b", frameworks=[":loop-a"])
"""
)

WRONG_EDGES_MESSAGE = """\
DefinitionError: 8 layer definitions cannot be built as written:
  * wrong:both: `runtime` and `frameworks` are both set. Set `runtime` for a layer directly on \
a runtime, or `frameworks` for a layer on frameworks.
  * wrong:loop-a: the layers depend on each other in a cycle: wrong:loop-a -> wrong:loop-b -> \
wrong:loop-a. Remove wrong:loop-b from the `frameworks` of wrong:loop-a, or wrong:loop-a from the \
`frameworks` of wrong:loop-b. A layer that is left without frameworks needs a `runtime`.
  * wrong:mixed: `frameworks[1]` names wrong:right, whose runtime is wrong:two, but wrong:left is \
on wrong:py. All frameworks of a layer share one runtime.
  * wrong:neither: neither `runtime` nor `frameworks` is set. Set `runtime` for a layer \
directly on a runtime, or `frameworks` for a layer on frameworks.
  * wrong:no-layer: `runtime` names ':readme', but wrong:readme is not a layer. Name a \
`venvstacks_runtime` target.
  * wrong:nowhere: `runtime` names ':missing', but there is no such target. Name a \
`venvstacks_runtime` target.
  * wrong:order: `frameworks` is [wrong:left, wrong:above], for which there is no consistent \
import order: each of wrong:left and wrong:above has to come before the other. List a framework \
before those that it builds on, in the same order everywhere.
  * wrong:wrong-kind: `frameworks[0]` names ':py', but wrong:py is a runtime, not a framework. \
Name a `venvstacks_framework` target."""


@pytest.fixture(scope="module")
def shared() -> Iterator[BuildRoot]:
    with shared_root() as made:
        yield made


@pytest.fixture
def root(shared: BuildRoot) -> Iterator[BuildRoot]:
    """A build root without targets."""
    yield shared
    shutil.rmtree(shared.path / "wrong")


# What the parser of requirements says differs between the versions of `packaging` beside Pants.
_OF_PACKAGING = re.compile(
    r"(?<=which is not a requirement: ).+?(?=\. Write it as in PEP 508)", re.DOTALL
)


def assert_refused(root: BuildRoot, done: Finished, message: str) -> None:
    assert _OF_PACKAGING.sub("<what `packaging` says>", done.error) == message
    assert_nothing_done(root, done)


def assert_nothing_done(root: BuildRoot, done: Finished) -> None:
    assert done.code == 1
    assert "Traceback (most recent call last)" not in done.stderr
    assert not done.stdout.strip()
    assert not (root.path / "dist").exists()
    assert not list(root.path.glob("wrong/**/requirements"))


@pytest.mark.parametrize(
    "arguments", [["package", "wrong:"], ["run", "wrong:app"], ["generate-lockfiles"]]
)
def test_wrong_fields_of_a_folder_are_reported_together(
    root: BuildRoot, arguments: list[str]
) -> None:
    root.write("wrong/BUILD", WRONG_FIELDS)
    for module in ("pkg/__init__.py", "tool.py", "lib/tool.py"):
        root.write(f"wrong/{module}", "")
    assert_refused(root, root.pants(*arguments), WRONG_FIELDS_MESSAGE)


def test_all_that_a_run_packages_is_reported_together(root: BuildRoot) -> None:
    for folder in ("one", "two"):
        root.write(f"wrong/{folder}/BUILD", 'venvstacks_stack(name="stack")\n')
        text = '[[runtimes]]\nname = "py"\npython_implementation = "cpython@3.9"\n'
        root.write(f"wrong/{folder}/venvstacks.toml", text)
    root.write("wrong/BUILD", RUNTIME.format(', platforms=["amiga"]'))
    missing = (
        "venvstacks.toml: `runtimes[0].requirements` is missing. Write, for example, "
        '`requirements = ["scikit-learn>=1.5"]`.'
    )
    message = (
        "2 stack files and a layer definition cannot be built as written:\n"
        "  * wrong:py: `platforms[0]` is 'amiga', which is not a target platform. Choose from "
        "linux_x86_64, linux_aarch64, macosx_arm64, macosx_x86_64, win_amd64, win_arm64.\n"
        f"  * wrong/one/{missing}\n"
        f"  * wrong/two/{missing}"
    )
    assert_refused(root, root.pants("package", "wrong::"), f"DefinitionError: {message}")
    done = root.pants("package", "wrong::", "-wrong/two::")
    two = message.replace(f"\n  * wrong/two/{missing}", "").replace("2 stack files", "A stack file")
    assert_refused(root, done, f"DefinitionError: {two}")
    done = root.pants("check", "wrong::")
    # Of both checks.
    assert done.stderr.count(message) == 2
    assert_nothing_done(root, done)


def test_wrong_edges_of_a_folder_are_reported_together(root: BuildRoot) -> None:
    root.write("wrong/BUILD", WRONG_EDGES)
    root.write("wrong/readme.txt", "")
    assert_refused(root, root.pants("package", "wrong:left"), WRONG_EDGES_MESSAGE)


def test_layers_of_one_stack_with_the_same_install_target(root: BuildRoot) -> None:
    root.write(
        "wrong/BUILD",
        RUNTIME.format("")
        + 'venvstacks_framework(name="x", runtime=":py")\n'
        + 'venvstacks_framework(name="y", frameworks=[":x", "wrong/deep:x"])\n',
    )
    root.write("wrong/deep/BUILD", 'venvstacks_framework(name="x", runtime="wrong:py")\n')
    assert_refused(
        root,
        root.pants("package", "wrong:y"),
        "DefinitionError: A layer definition cannot be built as written:\n"
        "  * wrong:x: it would be deployed to `framework-x`, as wrong/deep:x is. "
        "Rename one of them.",
    )


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        (
            RUNTIME.format(', lockfile="mine.lock"'),
            "InvalidTargetException: wrong/BUILD:1: The `lockfile` field in target wrong:py "
            "cannot be set: the lockfile of a layer has a fixed place. Remove the field.",
        ),
    ],
)
def test_values_that_a_field_does_not_take(root: BuildRoot, definition: str, message: str) -> None:
    root.write("wrong/BUILD", definition)
    assert_refused(root, root.pants("package", "wrong:"), message)


# The sentences are Pants', and differ between its versions.
@pytest.mark.parametrize(
    ("definition", "parts"),
    [
        (
            RUNTIME.format(', archive_format="rar"'),
            ("archive_format", "wrong:py", "'tar.gz', 'tar.xz', 'tar.zst', 'zip'", "'rar'"),
        ),
        (
            'venvstacks_application(name="app", runtime=":py")\n',
            ("launch_module", "wrong:app", "must be defined"),
        ),
        (
            'venvstacks_application(name="app", runtime=":py", launch_module=["app.py"])\n',
            ("launch_module", "wrong:app", "must be a string", "'app.py'"),
        ),
    ],
)
def test_values_that_pants_refuses(
    root: BuildRoot, definition: str, parts: tuple[str, ...]
) -> None:
    root.write("wrong/BUILD", definition)
    done = root.pants("package", "wrong:")
    assert [part for part in parts if part not in done.error] == []
    assert_nothing_done(root, done)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (
            "--venvstacks-platforms=['win_amd64', 'amiga']",
            "DefinitionError: `[venvstacks].platforms` cannot be used:\n"
            "  * 'amiga' is not a target platform. Choose from 'native', 'all', 'linux_x86_64', "
            "'linux_aarch64', 'macosx_arm64', 'macosx_x86_64', 'win_amd64', 'win_arm64'.",
        ),
        (
            "--venvstacks-python-provider=archive",
            "DefinitionError: A layer definition cannot be built as written:\n"
            "  * wrong:py: `python_implementation` is 'cpython@3.9', but the `archive` "
            "provider needs the patch release of its archives. Write it as, for example, "
            "'cpython@3.11.13'.\n"
            "  * wrong:py: `python_archives` is not set, which "
            '`[venvstacks].python_provider = "archive"` needs. Map each platform to a `file` '
            "target, for example {{'linux_x86_64': ':cpython-linux'}}.",
        ),
        (
            "--venvstacks-uv-config=absent.toml",
            "LockError: `[venvstacks].uv_config` cannot be used:\n"
            "  * there is no file 'absent.toml'. Create it, or correct the option.",
        ),
    ],
)
def test_options_that_cannot_be_met(root: BuildRoot, option: str, message: str) -> None:
    root.write("wrong/BUILD", RUNTIME.format(""))
    done = root.pants(option, "package", "wrong:py")
    assert_refused(root, done, message.format(native=NATIVE))

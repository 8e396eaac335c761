"""``lint`` on layers of real packages, and the edits that it proposes."""

from __future__ import annotations

import re
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.build_root import NATIVE, BuildRoot, Finished, build_root

pytestmark = pytest.mark.slow

CONFIG = """\
[venvstacks-lint]
heavy_package = "400 kB"
least_saving = "10 kB"
"""
BUILD = """\
venvstacks_runtime(name="py", python_implementation="cpython@3.9", platforms=["{native}"])
venvstacks_framework(name="web", runtime=":py", requirements=["toml"])
venvstacks_application(
    name="a", runtime=":py", requirements=["six==1.17.0"], launch_module="main.py"
)
venvstacks_application(
    name="b", runtime=":py", requirements=["six"], launch_module="main.py"{more}
)
venvstacks_application(
    name="g", frameworks=[":web"], requirements=["greenlet==2.0.2"], launch_module="main.py"
)
"""
STACK = """\
[[runtimes]]
name = "py"
python_implementation = "cpython@3.9"
requirements = []
platforms = ["{native}"]

[[applications]]
name = "g"
runtime = "py"
requirements = ["greenlet==2.0.2"]
launch_module = "main.py"
"""
CHECKS = r"\[([a-z, -]+)\]$"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BuildRoot]:
    with build_root(tmp_path_factory.mktemp("lint") / "root", config=CONFIG) as made:
        made.write("s/BUILD", BUILD.format(native=NATIVE, more=""))
        made.write("s/main.py", "")
        made.write("t/BUILD", 'venvstacks_stack(name="stack")\n')
        made.write("t/venvstacks.toml", STACK.format(native=NATIVE))
        made.write("t/main.py", "")
        made.succeed("generate-lockfiles")
        yield made


def warnings(done: Finished) -> list[str]:
    """The lines of warnings and edits, without sizes."""
    head, _, rest = done.stderr.partition("venvstacks-lint failed (exit code 1).\n")
    assert rest, head
    text, _, _ = rest.partition("\n\n")
    return [re.sub(r"\d[\d.]* [kM]?B", "N", line) for line in text.splitlines()]


def checks(done: Finished) -> list[str]:
    return sorted(re.findall(CHECKS, done.stderr, re.MULTILINE))


def test_all_warnings_of_build_files(root: BuildRoot) -> None:
    done = root.pants("lint", "s:")
    assert done.code == 1
    assert "✕ venvstacks-lint failed." in done.stderr
    assert warnings(done) == [
        "s:g: libraries have symbols for debuggers in them: `greenlet` (1 file, N). This saves N "
        "unpacked. [debug-symbols]",
        "    run `strip --strip-debug` on the libraries in the wheels of `greenlet`, and put the "
        "wheels into a folder of the repository:",
        '    s:g: local_wheels=["wheels"]',
        "s:g: `greenlet` 2.0.2 has a wheel of N, which no other application can share; a framework "
        "could hold it. This saves N of wheels for each other application that needs it. "
        "[heavy-packages]",
        '    s:web: requirements=["toml", "greenlet==2.0.2"]',
        "s:g: no program needs tests of `greenlet` (20 files, N), unless it imports them. This "
        "saves N unpacked. [tests]",
        '    s:g: exclude_files={"greenlet": ["tests"]}',
        "s:a, s:b: `six` 1.17.0 is in 2 layers beside each other, and one framework below them "
        "could hold it. This saves N of wheels. [duplicates]",
        '    s: venvstacks_framework(name="six", runtime=":py", requirements=["six==1.17.0"])',
        '    s:a: frameworks=[":six"], in place of `runtime`',
        '    s:b: frameworks=[":six"], in place of `runtime`',
        "4 warnings. After a change of requirements or frameworks, run `pants generate-lockfiles`.",
    ]


def test_a_stack_file(root: BuildRoot) -> None:
    found = warnings(root.pants("lint", "t:stack"))
    assert found[2::2] == [
        '    t:stack: overrides={"app-g": {"local_wheels": ["wheels"]}}',
        '    t/venvstacks.toml: a first table [[frameworks]]: name = "greenlet", runtime = "py", '
        'requirements = ["greenlet==2.0.2"]',
        "t:stack#app-g: no program needs tests of `greenlet` (20 files, N), unless it imports them."
        " This saves N unpacked. [tests]",
        "3 warnings. After a change of requirements or frameworks, run `pants generate-lockfiles`.",
    ]


def test_lockfiles_alone_or_wheels_that_package_has_read_by_then(root: BuildRoot) -> None:
    option = "--no-venvstacks-lint-inspect-wheels"
    anew = ("--no-pantsd", "--no-local-cache", "-ldebug", "lint", "s:g")
    locks = root.pants(option, *anew)
    assert checks(locks) == ["heavy-packages"]
    assert "Analyze" not in locks.stderr
    wheels = root.pants("-ldebug", "lint", "s:g", environment={"PANTS_PANTSD": "false"})
    assert "Analyze greenlet 2.0.2 of app-g" in wheels.stderr
    root.succeed("package", "s:g")
    whole = root.pants("--stats-log", "lint", "s:g")
    assert checks(whole) == ["debug-symbols", "heavy-packages", "tests"]
    assert whole.counters["local_execution_requests"] == 0
    assert [text for text in locks.started if "Analyze" in text] == []
    assert "Analyze greenlet 2.0.2 of app-g" in root.pants(*anew).started
    root.succeed("package", "s:g")
    whole = root.pants("--no-pantsd", "-ldebug", "lint", "s:g")
    assert checks(whole) == ["debug-symbols", "heavy-packages", "tests"]
    assert [text for text in whole.started if "Analyze" in text] == []


def test_options_and_fields_that_turn_it_off(root: BuildRoot) -> None:
    passed = root.pants("--no-venvstacks-lint-fail-on-warnings", "lint", "s:")
    assert passed.code == 0
    assert len(checks(passed)) == 4
    assert root.succeed("--venvstacks-lint-skip", "lint", "s:").stderr.count("greenlet") == 0
    ignored = '--venvstacks-lint-ignore=["duplicates", "tests:greenlet", "debug-symbols"]'
    assert checks(root.pants(ignored, "lint", "s:")) == ["heavy-packages"]
    wrong = root.pants(
        '--venvstacks-lint-ignore=["test", "x:six"]',
        "--venvstacks-lint-least-saving=5",
        "lint",
        "s:",
    )
    assert wrong.code == 1
    assert (
        "`[venvstacks-lint].ignore` cannot be used:\n"
        "  * it has 'test', and there is no check 'test'. Did you mean 'tests'?\n"
        "  * it has 'x:six', and there is no check 'x'. Choose from duplicates, heavy-packages, "
        "tests, debug-symbols."
    ) in wrong.stderr
    size = root.pants("--venvstacks-lint-least-saving=5", "lint", "s:")
    assert "`[venvstacks-lint].least_saving` is '5', which is neither a number" in size.stderr
    root.write("s/BUILD", BUILD.format(native=NATIVE, more=", skip_venvstacks_lint=True"))
    try:
        assert "duplicates" not in checks(root.pants("lint", "s:"))
    finally:
        root.write("s/BUILD", BUILD.format(native=NATIVE, more=""))


def test_locks_and_definitions_that_are_broken(root: BuildRoot) -> None:
    build = BUILD.format(native=NATIVE, more="")
    root.write("s/BUILD", build.replace('["six"]', '["idna"]'))
    try:
        done = root.pants("lint", "s:a", "s:b")
        assert done.code == 0
        assert (
            "venvstacks-lint succeeded.\n"
            "Not looked at, since locks do not match: s:b. `pants check` says why.\n"
        ) in done.stderr
        root.write("s/BUILD", build.replace('[":web"]', '[":wep"]'))
        broken = root.pants("lint", "s:a")
        assert broken.code == 1
        assert "✕ venvstacks-lint failed." in broken.stderr
        assert "Did you mean ':web'?" in broken.stderr
        assert "Traceback" not in broken.stderr
    finally:
        root.write("s/BUILD", build)


def stripped(wheel: Path, output: Path, scratch: Path) -> None:
    """Copy a wheel with its libraries stripped; its RECORD gets wrong."""
    with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(output, "w") as copy:
        for info in source.infolist():
            content = source.read(info)
            if ".so" in info.filename:
                scratch.write_bytes(content)
                subprocess.run(["strip", "--strip-debug", str(scratch)], check=True)
                content = scratch.read_bytes()
            copy.writestr(info, content, zipfile.ZIP_DEFLATED)


@pytest.mark.skipif(not NATIVE.startswith("linux"), reason="needs ELF files")
def test_the_edits_mend_what_they_are_for(root: BuildRoot, tmp_path: Path) -> None:
    lock = root.read("s/requirements/app-g/pylock.app-g.toml")
    machine = NATIVE.removeprefix("linux_")
    found = re.search(rf'url = "([^"]+-cp39-cp39-manylinux[^"]+{machine}\.whl)"', lock)
    assert found is not None
    wheel = tmp_path / found[1].rpartition("/")[2]
    subprocess.run(["curl", "-sSf", "-o", str(wheel), found[1]], check=True)
    (root.path / "s" / "wheels").mkdir()
    stripped(wheel, root.path / "s" / "wheels" / wheel.name, tmp_path / "x.so")
    build = BUILD.format(native=NATIVE, more="")
    build = build.replace(
        'requirements=["toml"]', 'requirements=["toml", "greenlet==2.0.2"], local_wheels=["wheels"]'
    )
    build += 'venvstacks_framework(name="six", runtime=":py", requirements=["six==1.17.0"])\n'
    for name in ("a", "b"):
        build = build.replace(
            f'name="{name}", runtime=":py"', f'name="{name}", frameworks=[":six"]'
        )
    root.write("s/BUILD", build)
    root.succeed("generate-lockfiles")
    done = root.pants("lint", "s:")
    assert checks(done) == ["tests"]
    (edit,) = re.findall(r"^    s:web: (exclude_files=.*)$", done.stderr, re.MULTILINE)
    root.write("s/BUILD", build.replace('name="web",', f'name="web", {edit},'))
    # Nothing has to be locked again.
    assert "✓ venvstacks-lint succeeded." in root.succeed("lint", "s:").stderr
    root.succeed("package", "s:g")


def test_variants_of_a_layer_are_no_duplicates(root: BuildRoot) -> None:
    root.write("v/main.py", "")
    root.write(
        "v/BUILD",
        f"""\
venvstacks_runtime(name="py", python_implementation="cpython@3.9", platforms=["{NATIVE}"])
venvstacks_application(
    name="a",
    runtime=":py",
    requirements=parametrize(old=["six==1.16.0"], new=["six==1.17.0"]),
    launch_module="main.py",
)
""",
    )
    root.succeed("generate-lockfiles", "--resolve=v:py", "--resolve=v:a")
    assert "✓ venvstacks-lint succeeded." in root.succeed("lint", "v:").stderr

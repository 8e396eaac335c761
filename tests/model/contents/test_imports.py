"""Top-level modules, and the distributions that requirements declare."""

from __future__ import annotations

from pathlib import PurePosixPath

from venvstacks_rules.model.contents.files import ArchivedFile
from venvstacks_rules.model.contents.imports import declared_distributions, top_level_modules
from venvstacks_rules.model.contents.segments import Segment
from venvstacks_rules.model.platforms.markers import marker_environment
from venvstacks_rules.model.platforms.target_platforms import LINUX_X86_64

SITE = PurePosixPath("lib/python3.11/site-packages")


def segment(source: str, *paths: str) -> Segment:
    files = tuple(ArchivedFile(path, 1, "0" * 64) for path in paths)
    return Segment(source, "0.segment", 1, "0" * 64, 512, files)


def modules(source: str, *names: str) -> tuple[str, ...]:
    (found,) = top_level_modules([segment(source, *(f"{SITE}/{n}" for n in names))], SITE).values()
    return found


def test_packages_modules_and_extensions() -> None:
    assert modules(
        "Some_Thing-1.0-py3-none-any.whl",
        "pkg/__init__.py",
        "pkg/inner/x.py",
        "single.py",
        "fast.cpython-311-x86_64-linux-gnu.so",
        "some_thing-1.0.dist-info/METADATA",
        "some_thing.libs/libx.so.1",
        "data/table.csv",
    ) == ("fast", "pkg", "single")


def test_all_segments_of_a_wheel_count() -> None:
    wheel, newer = "a-1-cp311-cp311-x.whl", "a-2-cp311-cp311-x.whl"
    parts = [
        segment(wheel, f"{SITE}/a-1.dist-info/RECORD"),
        segment(wheel, f"{SITE}/a.abi3.so"),
        segment(newer, f"{SITE}/b.py"),
    ]
    assert top_level_modules(parts, SITE) == {"a": ("a",)}


def test_private_and_stray_modules_do_not_count_beside_others() -> None:
    wheel = "a-1-py3-none-any.whl"
    assert modules(wheel, "a.py", "_a.py", "tests/test_a.py") == ("a",)
    assert modules(wheel, "_a.py") == ("_a",)
    assert modules(wheel, "tests/test_a.py") == ("tests",)


def test_names_that_cannot_be_imported_do_not_count() -> None:
    assert modules("a-1-py3-none-any.whl", "a-b.py", "nvidia-x/y.py") == ()


def test_the_first_of_two_layers_counts() -> None:
    upper = segment("a-2-py3-none-any.whl", f"{SITE}/new.py")
    lower = segment("a-1-py3-none-any.whl", f"{SITE}/old.py")
    assert top_level_modules([upper, lower], SITE) == {"a": ("new",)}


def test_files_outside_site_packages_and_interpreters_do_not_count() -> None:
    assert top_level_modules([segment("interpreter", "lib/python3.11/os.py")], SITE) == {}
    wheel = segment("a-1-py3-none-any.whl", "share/a/tool.py", f"{SITE}/a.py")
    assert top_level_modules([wheel], SITE) == {"a": ("a",)}


def test_only_requirements_that_apply_are_declared() -> None:
    environment = marker_environment(LINUX_X86_64, "3.11.7")
    requirements = ["Rich>=13", "pywin32; sys_platform == 'win32'", "tomli; python_version<'3.12'"]
    assert declared_distributions(requirements, environment) == ("rich", "tomli")

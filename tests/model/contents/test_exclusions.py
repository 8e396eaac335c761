"""Globs of files that stay out of a layer."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from venvstacks_rules.model.contents.ballast import wheel_ballast
from venvstacks_rules.model.contents.exclusions import Exclusions
from venvstacks_rules.model.contents.layout import LayerLayout

SITE = "lib/python3.11/site-packages"


def leaves_out(path: str, *globs: str, os_name: str = "posix") -> bool:
    return Exclusions(globs, LayerLayout("3.11", os_name)).leave_out(PurePosixPath(path))


@pytest.mark.parametrize(
    ("glob", "path", "expected"),
    [
        ("*.a", "torch/lib/libx.a", True),
        ("*.a", "libx.a", True),
        ("*.a", "torch/lib/libx.so", False),
        ("torch/lib/*.a", "torch/lib/libx.a", True),
        ("torch/*.a", "torch/lib/libx.a", False),
        ("torch/**/*.a", "torch/lib/libx.a", True),
        ("**/test/**", "torch/test/deep/x.py", True),
        ("**/test/**", "torch/testing/x.py", False),
        # A folder, with all that is in it.
        ("test", "torch/test/deep/x.py", True),
        ("test/", "torch/test/deep/x.py", True),
        ("torch/test", "torch/test/x.py", True),
        ("tests", "torch/test/x.py", False),
        # A file is no folder.
        ("test/", "torch/test", False),
        # Site-packages itself is not part of the path.
        ("lib/**", "torch/__init__.py", False),
        ("site-packages", "torch/__init__.py", False),
        ("lib", "torch/lib/x.so", True),
        # What says what is installed stays.
        ("*", "torch-2.0.dist-info/METADATA", False),
        ("**/licenses/**", "torch-2.0.dist-info/licenses/LICENSE", False),
        ("*", "torch/__init__.py", True),
    ],
)
def test_files_of_site_packages(glob: str, path: str, expected: bool) -> None:
    assert leaves_out(f"{SITE}/{path}", glob) is expected
    assert leaves_out(f"Lib/site-packages/{path}", glob, os_name="nt") is expected


def test_other_files_have_their_path_in_the_layer() -> None:
    assert leaves_out("share/man/man1/x.1", "share/man")
    assert leaves_out("include/site/python3.11/x/x.h", "include")
    assert leaves_out("Library/bin/mkl_def.dll", "mkl_*.dll", os_name="nt")


def test_what_the_linter_proposes_leaves_out_what_it_means() -> None:
    names = ("six/test/a.py", "numpy/fft/tests/data/x.npy", "x.pdb", "q.framework/q.dSYM/a/b")
    site = PurePosixPath(SITE)
    for name in names:
        (found,) = wheel_ballast([(f"{SITE}/{name}", 1)], [], site)
        assert leaves_out(f"{SITE}/{name}", found.glob)
        assert not leaves_out(f"{SITE}/numpy/testing/tests.py", found.glob)


def test_without_globs_everything_stays() -> None:
    assert not leaves_out(f"{SITE}/a.py")


def test_each_glob_that_matches_is_known() -> None:
    exclusions = Exclusions(("*.a", "lib", "test"), LayerLayout("3.11", "posix"))
    found = exclusions.matching(PurePosixPath(f"{SITE}/torch/lib/x.a"))
    assert found == {"*.a", "lib"}

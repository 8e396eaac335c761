"""Packages and their ballast, as locks and wheels have them."""

from __future__ import annotations

from venvstacks_rules.model.advice.linted import OwnPackage, layer_ballast, own_packages
from venvstacks_rules.model.contents.ballast import TESTS, Ballast
from venvstacks_rules.model.libraries.analyzed import AnalyzedWheel
from venvstacks_rules.model.locks.pylock import LockedWheel


def wheel(file_name: str, size: int) -> LockedWheel:
    return LockedWheel(file_name, f"https://example.org/{file_name}", None, size, "0" * 64)


def test_packages_of_all_platforms() -> None:
    linux = [
        wheel("Num_Py-1.10-cp39-cp39-linux_x86_64.whl", 7),
        wheel("six-1.0-py3-none-any.whl", 1),
    ]
    windows = [wheel("Num_Py-1.9-cp39-cp39-win_amd64.whl", 9)]
    found = own_packages([("linux_x86_64", linux), ("win_amd64", windows)])
    assert found == (
        OwnPackage("num-py", "1.10", (("linux_x86_64", 7), ("win_amd64", 9))),
        OwnPackage("six", "1.0", (("linux_x86_64", 1),)),
    )
    assert found[0].size == 9
    assert found[1].platforms == {"linux_x86_64"}


def test_ballast_of_wheels_for_several_platforms() -> None:
    small, large = Ballast(TESTS, "tests", 1, 5), Ballast(TESTS, "tests", 2, 6)
    other = Ballast(TESTS, "test", 1, 1)
    wheels = [
        AnalyzedWheel("demo-1.0-cp39-cp39-linux_x86_64.whl", (), (), ballast=(small, other)),
        AnalyzedWheel("demo-1.0-cp39-cp39-win_amd64.whl", (), (), ballast=(large,)),
        AnalyzedWheel("a-1.0-py3-none-any.whl", (), ()),
    ]
    assert layer_ballast(wheels) == (("demo", (other, large)),)

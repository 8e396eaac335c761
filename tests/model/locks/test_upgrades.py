"""Which packages can be upgraded in which layers."""

from __future__ import annotations

from venvstacks_rules.model.locks.pylock import LockedPackage, LockedWheel, Lockfile
from venvstacks_rules.model.locks.upgrades import upgrade_problems

WHEEL = LockedWheel("x-1-py3-none-any.whl", "https://x/x-1-py3-none-any.whl", None, 1, "0" * 64)


def lockfile(own: tuple[str, ...] = (), shared: tuple[str, ...] = ()) -> Lockfile:
    packages = [LockedPackage(name, "1", None, None, (WHEEL,)) for name in own]
    packages += [LockedPackage(name, "1", None, None, (), True) for name in shared]
    return Lockfile(requires_python="==3.11.*", packages=tuple(packages))


LOCKS = {
    "s:b": lockfile(("rich",)),
    "s:a": lockfile(("rich", "numpy")),
    "s:app": lockfile(("humanize",), shared=("rich",)),
}


def problems(*names: str, asked: tuple[str, ...]) -> list[str]:
    return [*upgrade_problems(names, LOCKS, asked, "./pants")]


def test_a_layer_that_installs_the_package_is_enough() -> None:
    assert problems("rich", "humanize", asked=("s:a", "s:app")) == []
    assert problems(asked=()) == []


def test_layers_above_name_those_that_install_it() -> None:
    assert problems("rich", "none", asked=("s:app",)) == [
        "`--upgrade-package` names `rich`, which the layers to lock do not install themselves. "
        "Run `./pants generate-lockfiles --resolve=s:a --resolve=s:b --upgrade-package=rich`.",
        "`--upgrade-package` names `none`, which is in no lockfile. Correct the name, or add the "
        "package to the `requirements` of a layer.",
    ]

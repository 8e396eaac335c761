"""Packages that the layers below another one have in different versions."""

from __future__ import annotations

from venvstacks_rules.model.locks.competing import LowerLayer, competing_versions
from venvstacks_rules.model.locks.pylock import LockedPackage, Lockfile
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS

LINUX, WINDOWS = PLATFORMS["linux_x86_64"], PLATFORMS["win_amd64"]


def lock(*texts: str, below: bool = False) -> Lockfile:
    packages = []
    for text in texts:
        pin, _, marker = text.partition(" ; ")
        name, _, version = pin.partition("==")
        packages.append(
            LockedPackage(name, version, marker or None, None, (), from_lower_layer=below)
        )
    return Lockfile("==3.11.*", tuple(packages))


def found(*layers: LowerLayer, own: Lockfile | None = None) -> tuple[str, ...]:
    told = competing_versions(layers, own or lock(), (LINUX, WINDOWS), "3.11.4")
    assert all(text.startswith(f"`{name}` ") for name, text in told.items())
    return tuple(told.values())


def test_the_first_one_is_imported() -> None:
    layers = (
        LowerLayer("s:f1", ["s:py"], lock("urllib3==1.26.20", "same==1", "idna==3")),
        LowerLayer("s:f2", ["s:py"], lock("urllib3==2.8.0", "same==1")),
        LowerLayer("s:f3", ["s:py"], lock("urllib3==2.9.0", "idna==2")),
        LowerLayer("s:py", [], lock()),
    )
    assert found(*layers) == (
        "`idna` 3 (s:f1) and 2 (s:f3)",
        "`urllib3` 1.26.20 (s:f1) and 2.8.0 (s:f2)",
    )
    # The layer's own hides them.
    assert found(*layers, own=lock("urllib3==3", "idna==3")) == ()
    assert len(found(*layers, own=lock("urllib3==3", "idna==3", below=True))) == 2


def test_what_is_meant_or_never_together() -> None:
    assert (
        found(LowerLayer("s:up", ["s:low"], lock("a==2")), LowerLayer("s:low", [], lock("a==1")))
        == ()
    )
    apart = ("a==1 ; sys_platform == 'linux'", "a==2 ; sys_platform == 'win32'")
    assert found(*(LowerLayer(f"s:{text[3]}", [], lock(text)) for text in apart)) == ()

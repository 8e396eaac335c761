"""What is compared when a layer is locked again."""

from __future__ import annotations

from venvstacks_rules.model.locks.pylock import LockedPackage, Lockfile
from venvstacks_rules.model.locks.versions import LockedVersions, installed_versions


def test_versions_of_packages_that_a_layer_installs() -> None:
    packages = (
        LockedPackage("b", "1.9", "sys_platform == 'win32'", None, ()),
        LockedPackage("b", "1.10.2", "sys_platform != 'win32'", None, ()),
        LockedPackage("a", "2", None, None, ()),
        LockedPackage("below", "1", None, None, (), from_lower_layer=True),
    )
    found = installed_versions(Lockfile("==3.11.*", packages))
    assert {name: str(versions) for name, versions in found.items()} == {
        "a": "2",
        "b": "1.10.2, 1.9",
    }
    several = found["b"]
    assert (several.major, several.minor, several.micro) == (1, 10, 2)


def test_versions_are_compared_as_versions() -> None:
    def one(version: str) -> LockedVersions:
        package = LockedPackage("x", version, None, None, ())
        return installed_versions(Lockfile("==3.11.*", (package,)))["x"]

    assert one("1.0") == one("1")
    assert one("1.9") < one("1.10")

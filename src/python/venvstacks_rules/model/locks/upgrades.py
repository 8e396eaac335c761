"""Packages that a user wants to upgrade, and the layers that can do that."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from venvstacks_rules.model.locks.pylock import Lockfile


def upgrade_problems(
    names: Collection[str], locks: Mapping[str, Lockfile], asked: Collection[str], pants: str
) -> Iterator[str]:
    """Why some of the packages `names` cannot be upgraded in the layers `asked`.

    `locks` has the locks of all layers by address spec. `pants` is the command that runs Pants.
    """
    owners: dict[str, list[str]] = {}
    for address, lock in sorted(locks.items()):
        for name in {package.name for package in lock.packages if not package.from_lower_layer}:
            owners.setdefault(name, []).append(address)
    for name in names:
        able = owners.get(name, [])
        if not able:
            yield (
                f"`--upgrade-package` names `{name}`, which is in no lockfile. Correct the name, "
                "or add the package to the `requirements` of a layer."
            )
        elif not set(able).intersection(asked):
            resolves = " ".join(f"--resolve={address}" for address in able)
            yield (
                f"`--upgrade-package` names `{name}`, which the layers to lock do not install "
                f"themselves. Run `{pants} generate-lockfiles {resolves} --upgrade-package={name}`."
            )

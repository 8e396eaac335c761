"""Options that ``generate-lockfiles`` has for layers, beside its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from packaging.utils import canonicalize_name
from pants.core.goals.generate_lockfiles import GenerateLockfilesSubsystem
from pants.option.option_types import BoolOption, StrListOption
from pants.util.docutil import bin_name
from pants.util.strutil import softwrap

from venvstacks_rules.model.errors import LockError
from venvstacks_rules.pants_backend.locks.locking import Upgrade


class LayerLockingOptions:
    """Options that the goal has for layers."""

    upgrade = BoolOption(
        default=False,
        help=softwrap(
            f"""
            Take the newest versions of all packages that layers need, instead of keeping the locked
            versions wherever they still satisfy everything. Only for the layers that
            `--resolve` names, or all; layers above them keep their own versions. Resolves that are
            not layers do not change with it.

            For example, `{bin_name()} generate-lockfiles --resolve=src/app:framework --upgrade`.
            """
        ),
    )
    upgrade_package = StrListOption(
        metavar="<name>",
        help=softwrap(
            """
            Take the newest version of this package in the layers that install it; all others keep
            their versions if possible. Name several by repeating the option.
            """
        ),
    )
    if_needed = BoolOption(
        default=False,
        help=softwrap(
            """
            Lock only layers whose lockfile is missing or does not match its definition, those below
            the named ones included, and the layers above them. If there are none, the goal does
            nothing with layers and asks no index.
            """
        ),
    )


@dataclass(frozen=True)
class LayerLockOptions:
    """The values of these options."""

    upgrade_all: bool
    packages: tuple[str, ...]
    """Normalised names."""
    if_needed: bool

    @classmethod
    def of(cls, goal: GenerateLockfilesSubsystem) -> LayerLockOptions:
        """Those of a run; raises LockError if they contradict each other."""
        given = goal.options
        names = sorted({canonicalize_name(name) for name in given.upgrade_package})
        options = cls(given.upgrade, tuple(names), given.if_needed)
        if options.if_needed and (options.upgrade_all or options.packages):
            given_too = "--upgrade" if options.upgrade_all else "--upgrade-package"
            raise LockError(
                "Contradicting options of `generate-lockfiles`:",
                [
                    f"`--if-needed` leaves lockfiles alone that match, and `{given_too}` renews "
                    "them. Remove one of the two."
                ],
            )
        return options

    def upgrade(self, asked: Iterable[str]) -> Upgrade:
        """What may change in the layers that the user asked for."""
        if self.upgrade_all:
            return Upgrade(tuple(sorted(asked)))
        return Upgrade(tuple(sorted(asked)), self.packages) if self.packages else Upgrade()


def rules() -> Iterable[object]:
    """The rules of this module."""
    return [GenerateLockfilesSubsystem.register_plugin_options(LayerLockingOptions)]

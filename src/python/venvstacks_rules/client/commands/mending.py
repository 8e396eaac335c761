"""Mends what an application has beside its generations, as far as nobody has to decide."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import PurePosixPath

from venvstacks_rules.client.commands.checking import Damage
from venvstacks_rules.client.commands.events import Report
from venvstacks_rules.client.disk.operations import Disk
from venvstacks_rules.client.fetching.source import (
    ARCHIVES,
    ROOT,
    SEEN,
    TRUST_REMEDIES,
    seen_json,
)
from venvstacks_rules.client.installation.generations import Generations
from venvstacks_rules.client.installation.layout import CURRENT
from venvstacks_rules.client.installation.records import REMEDIES
from venvstacks_rules.model.errors import DeploymentError
from venvstacks_rules.repository.trust.verification import Seen


def mend(
    generations: Generations,
    damage: Sequence[Damage],
    disk: Disk,
    report: Report,
    *,
    forget_seen: bool,
) -> None:
    """Mend what :func:`damage_of_app` found; a note says what became of each file."""
    for one in damage:
        name = PurePosixPath(one.path).name
        if name == CURRENT or name.isdigit():
            _choose(generations, disk, report)
        elif name == ARCHIVES:
            # What was learnt of archives is learnt again.
            disk.unlink(str(generations.folder / name))
        elif name == SEEN and forget_seen:
            disk.replace(str(generations.folder / name), seen_json(Seen()).encode("utf-8"))
            report(
                "note",
                text=f"What was seen of the channel of `{generations.app}` is forgotten: the next "
                "`update` believes any record that has not expired, also an older one.",
            )
            _tell_of_root(generations, report)
        else:
            remedy = {**REMEDIES, **TRUST_REMEDIES}[name]
            report("note", text=f"`{one.path}` cannot be repaired; {remedy}")


def _tell_of_root(generations: Generations, report: Report) -> None:
    """Say that nobody knows any more whether there was a root: only what was seen said so."""
    if (generations.folder / ROOT).exists():
        return
    with suppress(DeploymentError):
        settings = generations.settings()
        if not (settings.repository and settings.allow_unsigned):
            # There was none, or it is damage of its own.
            return
    report(
        "note",
        text=f"`{ROOT}` of `{generations.app}` is missing, and only `{SEEN}` said whether there "
        "was one: if the repository is signed, `venvstacks-deploy install` with `--root` says what "
        "is believed; with `--allow-unsigned`, the root that it has then is pinned.",
    )


def _choose(generations: Generations, disk: Disk, report: Report) -> None:
    """Start the generation that was started last, of those that are there."""
    number = generations.likely
    if not number:
        report(
            "note",
            text=f"`{generations.app}` has no generation; `venvstacks-deploy install` with the "
            "same options makes one",
        )
        return
    generations.switch(number, disk)
    report(
        "note",
        text=f"It was not known which generation of `{generations.app}` is started; it is "
        f"{number} now. `venvstacks-deploy rollback --to N` starts another one.",
    )

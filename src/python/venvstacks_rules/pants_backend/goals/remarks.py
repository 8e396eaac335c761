"""What is told of packages that were made all the same, once in a run."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field

from pants.engine.internals.session import RunId

from venvstacks_rules.model.wording import printable_lines
from venvstacks_rules.pants_backend.engine import collect_rules, rule

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Remark:
    """A warning about an archive, or what is wrong with a wheel that was used all the same."""

    text: str
    is_warning: bool = True
    """Whether something is wrong; otherwise it may be as it should be."""


@dataclass(frozen=True)
class RemarksInRunRequest:
    """What this run has told."""


@dataclass(eq=False)
class RemarksInRun:
    """What this run has told, for all layers and platforms."""

    told: set[Remark] = field(default_factory=set)

    def tell(self, remarks: Iterable[Remark]) -> None:
        """Log those that this run has not told yet.

        Whoever calls it depends on the run, and so tells again in the next one.
        """
        for remark in remarks:
            if remark not in self.told:
                self.told.add(remark)
                level = logging.WARNING if remark.is_warning else logging.INFO
                logger.log(level, "%s", printable_lines(remark.text))


# New in each run, because `RunId` changes. A rule for each remark would do, but the engine runs the
# rules that a changed target depended on before it knows on what it depends now: they would tell
# what was wrong before an edit.
@rule
async def remarks_in_run(_: RemarksInRunRequest, _run_id: RunId) -> RemarksInRun:
    return RemarksInRun()


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()

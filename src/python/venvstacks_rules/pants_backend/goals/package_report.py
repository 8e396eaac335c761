"""The report at the end of a run with ``package``: one table of all layers that were written.

Pants prints what was packaged target by target, and a rule knows only its own. So the rules of
``package`` say what they made as metadata of their work, and a callback of the run collects it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pants.base.build_root import BuildRoot
from pants.core.util_rules.distdir import DistDir
from pants.engine.engine_aware import EngineAwareReturnType
from pants.engine.fs import Digest
from pants.engine.internals.options_parsing import _Options
from pants.engine.internals.scheduler import Workunit
from pants.engine.streaming_workunit_handler import (
    WorkunitsCallback,
    WorkunitsCallbackFactory,
    WorkunitsCallbackFactoryRequest,
)
from pants.engine.unions import UnionRule
from pants.util.docutil import bin_name

from venvstacks_rules.model.outputs.limits import OutgrownLayer
from venvstacks_rules.model.outputs.report import PackagedLayer, PackagedStack, packaging_report
from venvstacks_rules.pants_backend.engine import collect_rules, rule
from venvstacks_rules.pants_backend.goals.dist_files import is_written
from venvstacks_rules.pants_backend.graph.platforms import NativePlatform

logger = logging.getLogger(__name__)

_LAYERS, _STACKS = "venvstacks_layers", "venvstacks_stacks"


@dataclass(frozen=True)
class PackagedOutputs(EngineAwareReturnType):
    """What a target's packages are made of; the engine hands its report to the callback."""

    digest: Digest
    layers: tuple[PackagedLayer, ...]
    notes: tuple[str, ...]
    """For the user, one line each."""
    stacks: tuple[PackagedStack, ...] = ()
    outgrown: tuple[OutgrownLayer, ...] = ()
    """Archives that are larger than their layers allow."""

    def metadata(self) -> dict[str, Any]:
        """What was packaged."""
        return {_LAYERS: self.layers, _STACKS: self.stacks}


@dataclass
class PackageReport(WorkunitsCallback):
    """Collects what the rules of a run packaged, and prints it when the run has ended."""

    dist: Path
    """The dist folder."""
    shown_dist: str
    """The same for people."""
    native: str
    layers: list[tuple[PackagedLayer, float]]
    """With the time at which each was begun."""
    stacks: list[PackagedStack]

    @property
    def can_finish_async(self) -> bool:
        """What it prints must be there before the run is over."""
        return False

    def __call__(
        self, *, completed_workunits: tuple[Workunit, ...], finished: bool, **_: object
    ) -> None:
        """Take the work that was done since the last call."""
        for unit in completed_workunits:
            metadata = unit.get("metadata", {})
            begun = unit["start_secs"] + unit["start_nanos"] / 1e9
            self.layers += [(layer, begun) for layer in metadata.get(_LAYERS, ())]
            self.stacks += metadata.get(_STACKS, ())
        if finished and self.layers:
            self._print()

    def _print(self) -> None:
        # Layers that only another target packs up, or of a run that failed, are not in the folder.
        written = [
            layer
            for layer, begun in self.layers
            if is_written(self.dist / layer.path, layer.report.size, since=begun)
        ]
        text = packaging_report(
            written, self.stacks, dist=self.shown_dist, pants=bin_name(), native=self.native
        )
        if text:
            logger.info(text)


@dataclass(frozen=True)
class PackageReportRequest:
    """Asks for the callback."""


@rule
async def package_report(
    _: PackageReportRequest,
    options: _Options,
    build_root: BuildRoot,
    dist_dir: DistDir,
    native: NativePlatform,
) -> WorkunitsCallbackFactory:
    def make() -> PackageReport | None:
        # Other goals are spared the collecting. The arguments of the run may have an alias.
        if "package" not in options.options.goals:
            return None
        return PackageReport(
            build_root.pathlib_path / dist_dir.relpath,
            str(dist_dir.relpath),
            native.name,
            layers=[],
            stacks=[],
        )

    return WorkunitsCallbackFactory(make)


def rules() -> Iterable[object]:
    """The rules of this module."""
    return [
        *collect_rules(),
        UnionRule(WorkunitsCallbackFactoryRequest, PackageReportRequest),
    ]

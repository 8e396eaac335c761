"""What the coverage of a test measures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Optional

from pants.backend.python.goals.coverage_py import CoverageSubsystem
from pants.engine.addresses import Address
from pants.engine.fs import EMPTY_DIGEST, Digest

from venvstacks_rules.model.code.filters import is_wanted
from venvstacks_rules.model.requests.run_tests import LayerSource, MeasuredCode
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.build.staged_tests import (
    ReportedCodeRequest,
    StagedTest,
    reported_code,
)
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.layers import LayerRequest, find_layer

COVERAGE_FILE = ".coverage"


@dataclass(frozen=True)
class MeasuredCoverageRequest:
    """What the coverage of a test measures."""

    layer: Address
    install_targets: tuple[str, ...]
    """Of the layer and those below it, the runtime first."""
    staged: StagedTest


@dataclass(frozen=True)
class MeasuredCoverage:
    """What the coverage of a test measures."""

    code: MeasuredCode
    digest: Digest
    """With the configuration."""


@rule
async def measured_coverage(
    request: MeasuredCoverageRequest, options: CoverageSubsystem
) -> MeasuredCoverage:
    found = await find_layer(LayerRequest(request.layer), **implicitly())
    chain = [*reversed(found.layer.lower), found.layer.address]
    config, *layers = await concurrently(
        [
            engine.find_config_files(options.config_request),
            *(
                reported_code(ReportedCodeRequest(found.targets[spec].address), **implicitly())
                for spec in chain
            ),
        ]
    )
    wanted = options.filter
    file: Optional[str] = next(iter(config.snapshot.files), None)
    return MeasuredCoverage(
        MeasuredCode(
            data_file=COVERAGE_FILE,
            layers=tuple(
                LayerSource(install_target, path, source)
                for install_target, code in zip(request.install_targets, layers)
                for path, source in code.files
                if is_wanted(source, path, wanted)
            ),
            beside=tuple(
                source for path, source in request.staged.code if is_wanted(source, path, wanted)
            ),
            config=file,
        ),
        config.snapshot.digest if file else EMPTY_DIGEST,
    )


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()

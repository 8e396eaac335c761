"""``test``: runs tests with pytest in the layers of an application, as they are deployed."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pants.backend.python.goals.coverage_py import PytestCoverageData, PytestCoverageDataCollection
from pants.core.goals.test import (
    CoverageDataCollection,
    TestDebugRequest,
    TestFieldSet,
    TestRequest,
    TestResult,
    TestSubsystem,
)
from pants.core.util_rules.partitions import Partition, PartitionerType, Partitions
from pants.engine.addresses import Address
from pants.engine.fs import DigestSubset, PathGlobs, RemovePrefix
from pants.engine.internals.session import RunId
from pants.engine.process import InteractiveProcess
from pants.engine.target import Target
from pants.engine.unions import UnionMembership
from pants.util.logging import LogLevel

from venvstacks_rules.model.errors import DefinitionError
from venvstacks_rules.model.layers.build_platforms import platforms_text
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.build.measured_coverage import COVERAGE_FILE
from venvstacks_rules.pants_backend.build.pytest_processes import (
    EXTRA_OUTPUT,
    PytestProcessRequest,
    pytest_process,
)
from venvstacks_rules.pants_backend.engine import (
    EnvironmentField,
    collect_rules,
    concurrently,
    implicitly,
    rule,
)
from venvstacks_rules.pants_backend.goals.partitions import Undescribed
from venvstacks_rules.pants_backend.graph.layers import LayerRequest, find_layer
from venvstacks_rules.pants_backend.graph.platforms import NativePlatform
from venvstacks_rules.pants_backend.graph.tested_layers import TestedLayersRequest, tested_layers
from venvstacks_rules.pants_backend.locks.freshness import (
    ChainLocksRequest,
    RequiredLocksRequest,
    chain_locks,
    required_locks,
)
from venvstacks_rules.pants_backend.subsystems.layer_tests import VenvstacksPytestSubsystem
from venvstacks_rules.pants_backend.targets.layer_tests import (
    LayerTestExtraEnvVarsField,
    LayerTestSourceField,
    LayerTestTimeoutField,
    SkipLayerTestsField,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LayerTestFieldSet(TestFieldSet):
    """A file of tests."""

    required_fields = (LayerTestSourceField,)

    source: LayerTestSourceField
    timeout: LayerTestTimeoutField
    extra_env_vars: LayerTestExtraEnvVarsField
    environment: EnvironmentField

    @classmethod
    def opt_out(cls, tgt: Target) -> bool:
        """Whether the target says that it is not to be tested."""
        return bool(tgt.get(SkipLayerTestsField).value)


class LayerTestRequest(TestRequest):
    """Tests in deployed layers."""

    tool_subsystem = VenvstacksPytestSubsystem  # type: ignore[assignment]
    field_set_type = LayerTestFieldSet
    partitioner_type = PartitionerType.CUSTOM
    supports_debug = True


@dataclass(frozen=True)
class ToolsRequest:
    """Whether the layers of a test have what runs it."""

    test: Address
    layer: Address
    tools: Address


@dataclass(frozen=True)
class MissingTools:
    """What the layers of a test lack."""

    problems: tuple[str, ...]


# It runs in every run, because `RunId` changes, so that it says every time what is left out.
@rule(desc="Find tests in layers", level=LogLevel.DEBUG)
async def tests_in_layers(
    request: LayerTestRequest.PartitionRequest[LayerTestFieldSet],
    options: VenvstacksPytestSubsystem,
    native: NativePlatform,
    _: RunId,
) -> Partitions[LayerTestFieldSet, Any]:
    if options.skip or not request.field_sets:
        return Partitions()
    addresses = tuple(field_set.address for field_set in request.field_sets)
    found = await tested_layers(TestedLayersRequest(addresses), **implicitly())
    named = dict.fromkeys(layer for each in found.tests for layer in (each.layer, each.tools))
    in_graph = await concurrently(
        find_layer(LayerRequest(layer), **implicitly()) for layer in named
    )
    elsewhere = {}
    for each in in_graph:
        offered = [platform.name for platform in each.layer.platforms]
        if native.name not in offered:
            elsewhere[each.target.address] = platforms_text(offered)
    kept = []
    for field_set, each in zip(request.field_sets, found.tests):
        apart = [layer for layer in (each.layer, each.tools) if layer in elsewhere]
        if apart:
            text = f"{apart[0]}: {elsewhere[apart[0]]}"
            logger.info("%s is not tested on %s: %s.", field_set.address, native.name, text)
        else:
            kept.append((field_set, each))
    needed = dict.fromkeys(layer for _, each in kept for layer in (each.layer, each.tools))
    # One message for the locks of all of them.
    await required_locks(RequiredLocksRequest(tuple(needed)), **implicitly())
    missing = await concurrently(
        missing_tools(ToolsRequest(field_set.address, each.layer, each.tools), **implicitly())
        for field_set, each in kept
    )
    problems = dict.fromkeys(problem for each in missing for problem in each.problems)
    if problems:
        raise DefinitionError("Tests cannot be run as written:", problems)
    return Partitions(Partition((field_set,), Undescribed()) for field_set, _ in kept)


@rule
async def missing_tools(request: ToolsRequest, options: TestSubsystem) -> MissingTools:
    locks = await concurrently(
        chain_locks(ChainLocksRequest(address), **implicitly())
        for address in (request.layer, request.tools)
    )
    provided = {
        package.name
        for chain in locks
        for lock in chain.locks.values()
        for package in lock.packages
    }
    wanted = ("pytest", *(("coverage",) if options.use_coverage else ()))
    return MissingTools(
        tuple(
            f"{request.tools} has no {name}, which {request.test} needs. Add {name!r} to its "
            "`requirements`, and lock it again."
            for name in wanted
            if name not in provided
        )
    )


@rule(desc="Run tests in layers", level=LogLevel.DEBUG)
async def run_layer_tests(
    batch: LayerTestRequest.Batch[LayerTestFieldSet, Any],
    options: TestSubsystem,
    unions: UnionMembership,
) -> TestResult:
    field_set = batch.single_element
    address = field_set.address
    # Its report is that of Pants' own tests: without the Python backend there is none.
    reported = PytestCoverageDataCollection in unions.get(CoverageDataCollection)
    file = f"{address.path_safe_spec}.xml"
    prepared = await pytest_process(
        PytestProcessRequest(
            address,
            field_set.timeout.calculate_from_global_options(options),
            field_set.extra_env_vars.sorted(),
            results=file,
            coverage=options.use_coverage and reported,
        ),
        **implicitly(),
    )
    result = await engine.execute_process(prepared.process)
    data, results, extra = await concurrently(
        engine.digest_subset_to_digest(DigestSubset(result.output_digest, PathGlobs([globs])))
        for globs in (COVERAGE_FILE, file, f"{EXTRA_OUTPUT}/**")
    )
    extra = await engine.remove_prefix(RemovePrefix(extra, EXTRA_OUTPUT))
    measured, xml_results, extra_output = await concurrently(
        engine.digest_to_snapshot(digest) for digest in (data, results, extra)
    )
    coverage = PytestCoverageData((address,), data) if measured.files else None
    if options.use_coverage and coverage is None:
        why = (
            "" if reported else ": `backend_packages` lacks pants.backend.python, which reports it"
        )
        logger.warning("%s has no coverage data%s.", address, why)
    return engine.test_result(
        result,
        address,
        options.output,
        coverage_data=coverage,
        xml_results=xml_results,
        extra_output=extra_output,
    )


@rule(desc="Set up tests in layers to run interactively", level=LogLevel.DEBUG)
async def debug_layer_tests(
    batch: LayerTestRequest.Batch[LayerTestFieldSet, Any],
) -> TestDebugRequest:
    field_set = batch.single_element
    prepared = await pytest_process(
        PytestProcessRequest(
            field_set.address,
            None,
            field_set.extra_env_vars.sorted(),
            results=None,
            coverage=False,
        ),
        **implicitly(),
    )
    return TestDebugRequest(
        InteractiveProcess.from_process(
            prepared.process, forward_signals_to_process=False, restartable=True
        )
    )


def rules() -> Iterable[object]:
    """The rules of this module."""
    return [*collect_rules(), *LayerTestRequest.rules()]

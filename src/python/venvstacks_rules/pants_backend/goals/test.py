"""``test``: checks that a deployed application can import its modules."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pants.core.goals.test import TestFieldSet, TestRequest, TestResult, TestSubsystem
from pants.core.util_rules.partitions import Partition, PartitionerType, Partitions
from pants.engine.internals.session import RunId
from pants.engine.process import ProcessCacheScope
from pants.engine.target import Target
from pants.util.frozendict import FrozenDict
from pants.util.logging import LogLevel

from venvstacks_rules.model.contents.imports import declared_distributions, top_level_modules
from venvstacks_rules.model.contents.layout import LayerLayout
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.layers.build_platforms import platforms_text
from venvstacks_rules.model.layers.layer import Layer
from venvstacks_rules.model.platforms.markers import marker_environment
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS
from venvstacks_rules.model.requests.deploy import CheckImportsRequest, ScannedFile
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.build.chains import (
    CACHE_DIR,
    CACHE_NAME,
    ChainRequest,
    application_chain,
)
from venvstacks_rules.pants_backend.build.segments import SegmentsRequest, layer_segments
from venvstacks_rules.pants_backend.engine import (
    EnvironmentField,
    collect_rules,
    concurrently,
    implicitly,
    rule,
)
from venvstacks_rules.pants_backend.goals.partitions import Undescribed
from venvstacks_rules.pants_backend.graph.layer_modules import LayerModulesRequest, layer_modules
from venvstacks_rules.pants_backend.graph.layers import LayerRequest, find_layer
from venvstacks_rules.pants_backend.graph.platforms import NativePlatform
from venvstacks_rules.pants_backend.graph.stacks import StackLayersRequest, stack_layers
from venvstacks_rules.pants_backend.locks.freshness import RequiredLocksRequest, required_locks
from venvstacks_rules.pants_backend.processes.actions import action_process
from venvstacks_rules.pants_backend.processes.bare import ActionProcessRequest
from venvstacks_rules.pants_backend.subsystems.venvstacks import VenvstacksSubsystem
from venvstacks_rules.pants_backend.targets.manifests import ManifestLayersField
from venvstacks_rules.pants_backend.targets.skip_fields import SkipTestsField
from venvstacks_rules.pants_backend.targets.source_fields import (
    ApplicationsField,
    LaunchModuleField,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ApplicationTestFieldSet(TestFieldSet):
    """An application to check, or a stack, whose applications to check."""

    required_fields = (ApplicationsField,)

    applications: ApplicationsField
    environment: EnvironmentField

    @classmethod
    def opt_out(cls, tgt: Target) -> bool:
        """Whether `tgt` is not to be checked."""
        return bool(tgt.get(SkipTestsField).value)


class ApplicationTestRequest(TestRequest):
    """Checks of applications."""

    tool_subsystem = VenvstacksSubsystem  # type: ignore[assignment]
    field_set_type = ApplicationTestFieldSet
    partitioner_type = PartitionerType.CUSTOM


# It runs in every run, because `RunId` changes, so that it says every time what has no tests.
@rule(desc="Find applications to check", level=LogLevel.DEBUG)
async def applications_to_check(
    request: ApplicationTestRequest.PartitionRequest[ApplicationTestFieldSet],
    native: NativePlatform,
    _: RunId,
) -> Partitions[ApplicationTestFieldSet, Any]:
    stacks = [
        StackLayersRequest(field_set.address, field_set.applications.value)
        for field_set in request.field_sets
        if isinstance(field_set.applications, ManifestLayersField)
    ]
    members = await concurrently(stack_layers(stack, **implicitly()) for stack in stacks)
    applications = {
        field_set.address: None
        for field_set in request.field_sets
        if isinstance(field_set.applications, LaunchModuleField)
    }
    for stack, of_stack in zip(stacks, members):
        if not of_stack.applications:
            logger.info("%s has no applications to test.", stack.manifest)
        applications.update(dict.fromkeys(of_stack.applications))
    found_layers = await concurrently(
        find_layer(LayerRequest(address), **implicitly()) for address in applications
    )
    layers = [found for found in found_layers if not ApplicationTestFieldSet.opt_out(found.target)]
    # One message for the locks of all of them.
    needed = tuple(found.target.address for found in layers if _offered(found.layer, native))
    await required_locks(RequiredLocksRequest(needed), **implicitly())
    return Partitions(
        Partition((ApplicationTestFieldSet.create(found.target),), Undescribed())
        for found in layers
    )


def _offered(layer: Layer, native: NativePlatform) -> bool:
    return any(offered.name == native.name for offered in layer.platforms)


@rule(desc="Check the imports of an application", level=LogLevel.DEBUG)
async def check_application(
    batch: ApplicationTestRequest.Batch[ApplicationTestFieldSet, Any],
    test_options: TestSubsystem,
    options: VenvstacksSubsystem,
    native: NativePlatform,
) -> TestResult:
    address = batch.single_element.address
    platform = native.name
    found = await find_layer(LayerRequest(address), **implicitly())
    layer = found.layer
    if not _offered(layer, native):
        logger.info(
            "%s is not tested on %s: %s.",
            layer.address,
            platform,
            platforms_text([offered.name for offered in layer.platforms]),
        )
        return TestResult.no_tests_found(address, test_options.output)
    chain, modules = await concurrently(
        application_chain(ChainRequest(address), **implicitly()),
        layer_modules(LayerModulesRequest(address), **implicitly()),
    )
    segments = await concurrently(
        layer_segments(SegmentsRequest(found.targets[member].address, platform), **implicitly())
        for member in (layer.address, *layer.lower)
    )
    version = segments[0].python_version
    # A package without what it asks for need not be importable as a whole.
    declared = [
        name
        for name in declared_distributions(
            layer.requirements, marker_environment(PLATFORMS[platform], version)
        )
        if name not in layer.lock_choices.without_dependencies
    ]
    provided = top_level_modules(
        (
            segment
            for layer_of_chain in segments
            for group in layer_of_chain.groups
            for segment in group.segments
        ),
        LayerLayout(version, PLATFORMS[platform].os_name).site_packages,
    )
    prepared = await action_process(
        ActionProcessRequest(
            verb="check-imports",
            request=to_json(
                CheckImportsRequest(
                    target=layer.address,
                    archives=chain.archives,
                    cache=CACHE_DIR,
                    modules=tuple(module for name in declared for module in provided.get(name, ())),
                    scan=tuple(
                        ScannedFile(file.path, file.source or file.path)
                        for file in modules.files
                        if file.path in modules.python
                    ),
                    launch=_called(layer),
                    verify=options.verify_layers,
                )
            ),
            input_digest=chain.digest,
            append_only_caches=FrozenDict({CACHE_NAME: CACHE_DIR}),
            description=f"Check the imports of {layer.address}",
            cache_scope=(
                ProcessCacheScope.PER_SESSION
                if test_options.force
                else ProcessCacheScope.SUCCESSFUL
            ),
        ),
        **implicitly(),
    )
    result = await engine.execute_process(prepared.process)
    return engine.test_result(result, address, test_options.output)


def _called(layer: Layer) -> str | None:
    """``module:function``, if an application starts with a function."""
    launch = layer.launch_module
    if launch is None or launch.name is None or launch.name.function is None:
        return None
    return launch.called


def rules() -> Iterable[object]:
    """The rules of this module."""
    return [*collect_rules(), *ApplicationTestRequest.rules()]

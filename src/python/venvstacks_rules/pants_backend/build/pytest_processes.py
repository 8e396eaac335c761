"""The processes that run tests in deployed layers."""

from __future__ import annotations

import os.path
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Optional

from pants.core.goals.test import TestExtraEnv, TestSubsystem
from pants.core.util_rules.config_files import ConfigFilesRequest
from pants.engine.addresses import Address
from pants.engine.env_vars import EnvironmentVarsRequest
from pants.engine.fs import CreateDigest, Digest, Directory, MergeDigests
from pants.engine.process import Process, ProcessCacheScope
from pants.option.global_options import GlobalOptions
from pants.util.frozendict import FrozenDict
from pants.util.logging import LogLevel

from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.requests.run_tests import MeasuredCode, RunTestsRequest
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.build.chains import (
    CACHE_DIR,
    CACHE_NAME,
    ChainRequest,
    application_chain,
)
from venvstacks_rules.pants_backend.build.measured_coverage import (
    COVERAGE_FILE,
    MeasuredCoverageRequest,
    measured_coverage,
)
from venvstacks_rules.pants_backend.build.staged_tests import (
    StagedTestRequest,
    staged_test,
)
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.tested_layers import TestedLayersRequest, tested_layers
from venvstacks_rules.pants_backend.processes.actions import action_process
from venvstacks_rules.pants_backend.processes.bare import ActionProcessRequest
from venvstacks_rules.pants_backend.subsystems.layer_tests import VenvstacksPytestSubsystem
from venvstacks_rules.pants_backend.subsystems.venvstacks import VenvstacksSubsystem

EXTRA_OUTPUT = "extra-output"
"""The folder where Pants' own tests write what is to be kept."""


@dataclass(frozen=True)
class PytestProcessRequest:
    """A file of tests to run."""

    test: Address
    timeout_seconds: Optional[int]
    extra_env_vars: tuple[str, ...]
    results: Optional[str]
    """The file for the results, as XML. None if a person watches the tests on the terminal."""
    coverage: bool


@dataclass(frozen=True)
class PytestProcess:
    """What runs a file of tests."""

    process: Process


@dataclass(frozen=True)
class PytestConfigRequest:
    """The configuration of pytest for some files."""

    files: tuple[str, ...]


@dataclass(frozen=True)
class PytestConfig:
    """The configuration of pytest."""

    digest: Digest
    args: tuple[str, ...]


@rule(desc="Set up tests in layers", level=LogLevel.DEBUG)
async def pytest_process(
    request: PytestProcessRequest,
    test_options: TestSubsystem,
    layer_options: VenvstacksSubsystem,
    extra_env: TestExtraEnv,
) -> PytestProcess:
    found = await tested_layers(TestedLayersRequest((request.test,)), **implicitly())
    (named,) = found.tests
    chain, tools, staged, own_env, extra_output = await concurrently(
        [
            application_chain(ChainRequest(named.layer), **implicitly()),
            application_chain(ChainRequest(named.tools), **implicitly()),
            staged_test(StagedTestRequest(request.test, named.layer), **implicitly()),
            engine.environment_vars_subset(EnvironmentVarsRequest(request.extra_env_vars)),
            engine.create_digest(CreateDigest([Directory(EXTRA_OUTPUT)])),
        ]
    )
    config = await pytest_config(PytestConfigRequest(staged.tests), **implicitly())
    inputs = [chain.digest, tools.digest, staged.digest, extra_output, config.digest]
    measured: Optional[MeasuredCode] = None
    if request.coverage:
        targets = tuple(archive.install_target for archive in chain.archives)
        coverage = await measured_coverage(
            MeasuredCoverageRequest(named.layer, targets, staged), **implicitly()
        )
        measured = coverage.code
        inputs.append(coverage.digest)
    run = RunTestsRequest(
        target=request.test.spec,
        archives=chain.archives,
        tools=tools.archives,
        cache=CACHE_DIR,
        roots=staged.roots,
        args=(*config.args, *_result_args(request.results), *staged.tests),
        coverage=measured,
        verify=layer_options.verify_layers,
    )
    outputs = [*([request.results] if request.results else []), *([COVERAGE_FILE] * bool(measured))]
    prepared = await action_process(
        ActionProcessRequest(
            verb="run-tests",
            request=to_json(run),
            input_digest=await engine.merge_digests(MergeDigests(inputs)),
            output_files=tuple(outputs),
            output_directories=(EXTRA_OUTPUT,),
            # Those of the target are the closer ones.
            env=FrozenDict({**extra_env.env, **own_env}),
            append_only_caches=FrozenDict({CACHE_NAME: CACHE_DIR}),
            description=f"Run the tests of {request.test}",
            timeout_seconds=request.timeout_seconds,
            cache_scope=(
                ProcessCacheScope.PER_SESSION
                if test_options.force
                else ProcessCacheScope.SUCCESSFUL
            ),
        ),
        **implicitly(),
    )
    return PytestProcess(prepared.process)


def _result_args(results: Optional[str]) -> tuple[str, ...]:
    return () if results is None else (f"--junit-xml={results}", "-o", "junit_family=xunit2")


@rule
async def pytest_config(
    request: PytestConfigRequest, options: VenvstacksPytestSubsystem, global_options: GlobalOptions
) -> PytestConfig:
    folders = dict.fromkeys(["", *map(os.path.dirname, request.files)])
    found = await engine.find_config_files(
        ConfigFilesRequest(
            specified=options.config,
            specified_option_name="[venvstacks-pytest].config",
            discovery=True,
            check_existence=[os.path.join(folder, "pytest.ini") for folder in folders],
            check_content={
                os.path.join(folder, name): text
                for folder in folders
                for name, text in (
                    ("pyproject.toml", b"[tool.pytest.ini_options]"),
                    ("tox.ini", b"[pytest]"),
                    ("setup.cfg", b"[tool:pytest]"),
                )
            },
        )
    )
    # What a person asks for must not turn off what the goal needs.
    color = "yes" if global_options.colors else "no"
    named = ("-c", options.config) if options.config else ()
    return PytestConfig(found.snapshot.digest, (*options.args, *named, f"--color={color}"))


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()

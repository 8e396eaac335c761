"""The files that layers own: which there are, and which there need not be."""

from __future__ import annotations

import pytest
from pants.engine.addresses import Address
from pants.engine.rules import QueryRule
from pants.engine.target import HydratedSources, HydrateSourcesRequest, SourcesField
from pants.testutil.rule_runner import RuleRunner

from venvstacks_rules.pants_backend.backend import target_types

BUILD = """\
venvstacks_runtime(name="rt", python_implementation="cpython@3.11")
venvstacks_application(name="app", runtime=":rt", launch_module="app.py")
"""


@pytest.mark.parametrize("behavior", ["error", "warn"])
def test_a_lockfile_that_is_missing_is_no_mistake_in_a_build_file(
    behavior: str, caplog: pytest.LogCaptureFixture
) -> None:
    runner = RuleRunner(
        rules=[QueryRule(HydratedSources, [HydrateSourcesRequest])],
        target_types=[*target_types()],
    )
    runner.set_options([f"--unmatched-build-file-globs={behavior}"])
    runner.write_files({"s/BUILD": BUILD, "s/app.py": ""})

    def files(name: str) -> tuple[str, ...]:
        field = runner.get_target(Address("s", target_name=name))[SourcesField]
        hydrated = runner.request(HydratedSources, [HydrateSourcesRequest(field)])
        return tuple(hydrated.snapshot.files)

    assert files("rt") == ()
    assert files("app") == ("s/app.py",)
    assert caplog.text == ""
    lock = "s/requirements/app-app/pylock.app-app.toml"
    runner.write_files({lock: ""})
    assert files("app") == ("s/app.py", lock)

"""The options of the ``[venvstacks-pytest]`` scope."""

from __future__ import annotations

from pants.option.option_types import ArgsListOption, FileOption, SkipOption
from pants.option.subsystem import Subsystem
from pants.util.strutil import softwrap


class VenvstacksPytestSubsystem(Subsystem):
    """Options for tests in deployed layers."""

    options_scope = "venvstacks-pytest"
    name = "pytest in layers"
    help = "Tests that run in deployed layers: `venvstacks_test`."
    help_short = help

    skip = SkipOption("test")

    args = ArgsListOption(example="-k test_start --quiet", passthrough=True)

    config = FileOption(
        default=None,
        advanced=True,
        help=softwrap(
            """
            The configuration file of pytest. Without it, `pytest.ini`, `pyproject.toml`, `tox.ini`
            and `setup.cfg` count, in the root of the repository and beside the tests.
            """
        ),
    )

"""What an unsupported Pants is told."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from pants.base.exceptions import BackendConfigurationError
from pants.version import VERSION

from venvstacks_rules.pants_backend import pants_versions

REMEDY = (
    "Set `pants_version` in pants.toml to a supported version, or use a release of venvstacks_rules"
    " for this one: see docs/reference/pants-versions.md in the repository of venvstacks_rules."
)

# A process in which Pants lacks a module that the plugin imports, or is older than it is.
_LACKING = """
import sys
sys.modules["pants.core.goals.tailor"] = None
import venvstacks_rules.register
"""
_OLDER = """
import pants.version
pants.version.VERSION = "2.16.1"
import venvstacks_rules.register
"""


def last_words(program: str) -> str:
    """The one line that a process ends with, from what the release is called on."""
    # The Python of another Pants has no installed plugin.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
    return done.stderr[done.stderr.index(" supports ") + 1 :]


def test_an_older_pants_is_refused_in_one_line() -> None:
    assert last_words(_OLDER) == f"supports Pants 2.17 to 2.33; this is Pants 2.16.1. {REMEDY}\n"


def test_a_pants_that_lacks_a_name_is_refused_in_one_line() -> None:
    assert last_words(_LACKING) == (
        f"supports Pants 2.17 to 2.33; this is Pants {VERSION}. It lacks what the plugin imports: "
        f"import of pants.core.goals.tailor halted; None in sys.modules. {REMEDY}\n"
    )


@pytest.fixture
def _same_hook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)


@pytest.mark.usefixtures("_same_hook")
def test_a_missing_name_of_others_is_no_fault_of_pants() -> None:
    assert pants_versions.unsupported(ImportError("No module named 'x'", name="x")) is None
    assert pants_versions.unsupported(ImportError("no name")) is None
    found = pants_versions.unsupported(ImportError("no `y` in pants.x", name="pants.x"))
    assert isinstance(found, BackendConfigurationError)
    lacking = pants_versions.unsupported(ModuleNotFoundError("No module", name="tomli"))
    assert str(lacking) == (
        "venvstacks_rules needs the package `tomli` when Pants runs on a Python older than 3.11. "
        "Name venvstacks-rules in [GLOBAL].plugins, which brings it, or, if the plugin comes by "
        '[GLOBAL].pythonpath, add "tomli>=2" to [GLOBAL].plugins.'
    )


def test_the_running_pants_is_supported() -> None:
    pants_versions.refuse_older()

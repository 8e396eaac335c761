"""The how-to lists what a lockfile for the actions has to hold."""

from __future__ import annotations

import re
from pathlib import Path

import tomli

ROOT = Path(__file__).resolve().parents[2]


def test_the_how_to_has_the_requirements_of_the_shipped_lockfile() -> None:
    page = (ROOT / "docs" / "how-to" / "actions-environment.md").read_text(encoding="utf-8")
    (project,) = re.findall(r"```toml\n(\[project\]\n.*?)```", page, re.DOTALL)
    lines = (ROOT / "build-support" / "actions-requirements.in").read_text().splitlines()
    written = [line for line in lines if line and not line.startswith("#")]
    assert tomli.loads(project)["project"]["dependencies"] == written

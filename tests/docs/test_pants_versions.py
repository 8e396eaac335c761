"""The workflow of the public host runs every version of the table."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_version_of_the_table_has_a_job() -> None:
    page = (ROOT / "docs/reference/pants-versions.md").read_text()
    workflow = (ROOT / ".github/workflows/ci.yml").read_text()
    checked = re.findall(r"^\| 2\.\d+ \| (2\.\S+) \|", page, re.MULTILINE)
    assert len(checked) > 15
    assert re.findall(r'^ {10}- "(2\..+)"$', workflow, re.MULTILINE) == checked

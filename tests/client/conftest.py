"""A repository with two versions of a small application."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.client_repository import ClientRepository


@pytest.fixture
def repository(tmp_path: Path) -> ClientRepository:
    made = ClientRepository(tmp_path / "repository")
    made.publish("1.0")
    return made

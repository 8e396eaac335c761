"""A machine on which nothing was built before, for all that look at a first build."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.machines import FirstBuild, first_build


@pytest.fixture(scope="session")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FirstBuild]:
    """The first build of the session, for the group `first build`; others follow it there."""
    # What is looked for in command lines is not in the name of a folder.
    with first_build(tmp_path_factory.mktemp("first") / "machine") as made:
        yield made

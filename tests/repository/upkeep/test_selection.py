from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.small_repositories import LINUX, WINDOWS, SmallRepository
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.repository.upkeep.selection import find_version, natural


@pytest.fixture
def repository(tmp_path: Path) -> SmallRepository:
    made = SmallRepository(tmp_path)
    for version in ("1.0", "1.1", "1.10"):
        made.stack(version)
    made.stack("1.1", platform=WINDOWS)
    made.stack("2.0", name="a@b")
    made.stack("1.0", name="other")
    return made


@pytest.mark.parametrize(
    ("words", "name", "version"),
    [
        (["release@1.1"], "release", "1.1"),
        (["release", "1.1"], "release", "1.1"),
        (["1.1"], "release", "1.1"),
        (["a@b@2.0"], "a@b", "2.0"),
        (["a@b", "2.0"], "a@b", "2.0"),
    ],
)
def test_what_a_user_writes(
    repository: SmallRepository, words: list[str], name: str, version: str
) -> None:
    found = find_version(repository.reader, words)
    assert (found.name, found.version) == (name, version)
    assert found.platforms == ((LINUX, WINDOWS) if version == "1.1" else (LINUX,))


def test_platforms_that_were_asked_for(repository: SmallRepository) -> None:
    assert find_version(repository.reader, ["release@1.1"], [WINDOWS]).platforms == (WINDOWS,)
    assert find_version(repository.reader, ["1.1"], [WINDOWS]).platforms == (WINDOWS,)
    with pytest.raises(RepositoryError) as caught:
        find_version(repository.reader, ["release@1.0"], [LINUX, WINDOWS])
    assert str(caught.value) == (
        f"{repository.url}: `release@1.0` is not there for every platform.\n"
        "  * it is missing for win_amd64; there is linux_x86_64"
    )


def test_what_is_not_there_or_not_clear(repository: SmallRepository) -> None:
    with pytest.raises(RepositoryError) as caught:
        find_version(repository.reader, ["release@3"])
    assert str(caught.value) == (
        f"{repository.url}: there is no version `release@3`.\n"
        "  * there is a@b@2.0, other@1.0, release@1.0, release@1.1, release@1.10"
    )
    with pytest.raises(RepositoryError) as caught:
        find_version(repository.reader, ["1.0"])
    assert str(caught.value) == (
        f"{repository.url}: `1.0` means several versions.\n"
        "  * write one of other@1.0, release@1.0; or the name, a space, the version"
    )


def test_numbers_are_ordered_as_numbers() -> None:
    assert sorted(["1.10", "1.9", "1.9a", "1"], key=natural) == ["1", "1.9", "1.9a", "1.10"]

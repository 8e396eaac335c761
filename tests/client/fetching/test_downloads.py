from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.small_repositories import SmallRepository
from venvstacks_rules.client.disk.operations import Disk
from venvstacks_rules.client.fetching.downloads import Downloads
from venvstacks_rules.local.files.streams import DamagedError
from venvstacks_rules.model.errors import RepositoryError


@pytest.mark.parametrize("error", [DamagedError("no archive"), RepositoryError("no list", [])])
def test_what_nobody_can_use_does_not_stay(error: Exception, tmp_path: Path) -> None:
    """Its hash is right, so it would never be fetched again."""
    made = SmallRepository(tmp_path / "repository")
    blob = made.put_blob(b"no archive")
    downloads = Downloads(tmp_path / "downloads", made.reader, Disk())
    with downloads.kept(blob) as stream:
        assert stream.read() == b"no archive"
    assert (tmp_path / "downloads" / blob.sha256).exists()
    with pytest.raises(type(error)), downloads.kept(blob):
        raise error
    assert not (tmp_path / "downloads" / blob.sha256).exists()

"""Why the script of a layer failed."""

from __future__ import annotations

import errno
import sys
from pathlib import Path

import pytest

from venvstacks_rules.client.exits import DISK, FAILED, failure
from venvstacks_rules.local.layers.postinstall import DiskFullError, post_install
from venvstacks_rules.model.errors import DeploymentError


def failed(folder: Path, text: str) -> DeploymentError:
    layer = folder / "framework-words"
    layer.mkdir()
    (layer / "postinstall.py").write_text(f"import sys\nsys.exit({text!r})\n")
    with pytest.raises(DeploymentError) as caught:
        post_install(layer, Path(sys.executable))
    return caught.value


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_disk_without_room_is_told_from_a_script_that_is_wrong(
    tmp_path: Path, number: int
) -> None:
    error = failed(tmp_path, f"error: layer: [Errno {number}] No room: 'x'")
    assert isinstance(error, DiskFullError)
    assert failure(error) == (
        DISK,
        "`framework-words` cannot be post-installed\n"
        "  * postinstall.py ended with exit code 1\n"
        f"    error: layer: [Errno {number}] No room: 'x'",
    )


def test_a_script_that_is_wrong(tmp_path: Path) -> None:
    error = failed(tmp_path, "error: [Errno 2] No such file")
    assert not isinstance(error, DiskFullError)
    assert failure(error)[0] == FAILED

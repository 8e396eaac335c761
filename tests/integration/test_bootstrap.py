"""The tools of the launcher on machines without uv, where pip installs them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap import BootstrapError, Installation, locked
from tests.support.simple_index import SimpleIndex, package_wheel, simple_index

pytestmark = pytest.mark.slow

PIN = "our-tool==1.0 --hash=sha256:{}\n"


@pytest.fixture
def index() -> Iterator[SimpleIndex]:
    with simple_index(package_wheel("our_tool")) as found:
        yield found


def install(tmp_path: Path, pip_conf: str, requirements: str, **variables: str) -> Path:
    """Install with a configuration of pip for all users; the folder of the package."""
    (tmp_path / "xdg" / "pip").mkdir(parents=True)
    (tmp_path / "xdg" / "pip" / "pip.conf").write_text(f"[global]\n{pip_conf}\n")
    (tmp_path / "no-programs").mkdir()
    env = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    env.update(XDG_CONFIG_DIRS=str(tmp_path / "xdg"), HOME=str(tmp_path), **variables)
    folder = tmp_path / "tool"
    folder.mkdir()
    with locked(tmp_path / "lock") as lock:
        installation = Installation("pants", folder, env, lock)
        installation.requirements = tmp_path / "requirements.txt"
        installation.requirements.write_text(requirements)
        installation.install_requirements()
    (package,) = folder.glob("venv/lib/python3*/site-packages/our_tool")
    return package


def pin(index: SimpleIndex) -> str:
    (wheel,) = index.wheels.values()
    return PIN.format(hashlib.sha256(wheel).hexdigest())


@pytest.fixture(autouse=True)
def without_uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "no-programs"))


def test_settings_of_the_machine_come_first(
    index: SimpleIndex, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert install(tmp_path, f"index-url = {index.url}", pin(index)).is_dir()
    assert "Trying" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("pip_conf", "variables"),
    [("constraint = /nonexistent", {}), ("", {"PIP_CONSTRAINT": "/nonexistent"})],
    ids=["file", "variable"],
)
def test_settings_that_stop_every_installation_are_left_out_then(
    index: SimpleIndex,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    pip_conf: str,
    variables: dict[str, str],
) -> None:
    requirements = f"--index-url {index.url}\n{pin(index)}"
    assert install(tmp_path, pip_conf, requirements, **variables).is_dir()
    said = capsys.readouterr().err
    assert said.endswith("\nTrying without this machine's settings of pip ...\n")


def test_another_file_than_the_pinned_one_is_refused_either_way(
    index: SimpleIndex, tmp_path: Path
) -> None:
    requirements = f"--index-url {index.url}\n{PIN.format('0' * 64)}"
    with pytest.raises(BootstrapError) as caught:
        install(tmp_path, "", requirements)
    assert str(caught.value).startswith("Exit code 1 of: ")

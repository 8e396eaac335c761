"""The distribution: the wheel that is published, and the client that `pip` installs from it.

Pants installs the plugin from such a wheel in `test_quick_start.py`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.build_root import REPOSITORY
from tests.support.client_repository import APP, ClientRepository
from tests.support.signed_repository import SignedRepository
from venvstacks_rules.model.repository.keys import ChannelKey
from venvstacks_rules.model.repository.records import ChannelRecord

PACKAGE = "venvstacks_rules"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that is published, built from a copy of the sources in a folder of its own."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, source)
    shutil.copytree(
        REPOSITORY / "src", source / "src", ignore=shutil.ignore_patterns("__pycache__")
    )
    _build_wheel(source, folder / "out")
    (built,) = (folder / "out").glob("*.whl")
    return built


def test_the_wheel_has_every_source_and_resource(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        assert archive.testzip() is None
        names = {name for name in archive.namelist() if not name.endswith("/")}
    source = REPOSITORY / "src" / "python"
    expected = {
        path.relative_to(source).as_posix()
        for path in (source / PACKAGE).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.name != "BUILD"
    }
    for needed in (
        "register.py",
        "py.typed",
        "actions/__main__.py",
        "actions/pylock.actions.toml",
        "actions/postinstall.py",
        "model/requests/lock.py",
    ):
        assert f"{PACKAGE}/{needed}" in expected
    packaged = {name for name in names if ".dist-info/" not in name}
    assert packaged == expected
    info = f"{'-'.join(wheel.name.split('-')[:2])}.dist-info"
    assert f"{info}/licenses/LICENSE" in names


def test_the_wheel_is_the_same_bytes_wherever_it_is_built(wheel: Path, tmp_path: Path) -> None:
    """Without a time or a path of the build in it."""
    source = tmp_path / "other source"
    shutil.copytree(wheel.parents[1] / "source", source)
    _build_wheel(source, tmp_path)
    assert (tmp_path / wheel.name).read_bytes() == wheel.read_bytes()


def test_the_client_is_installed_with_what_it_needs_and_no_more(
    wheel: Path, tmp_path: Path
) -> None:
    """`pip install venvstacks-rules[client]` in a new environment; then as users call it."""
    uv, environment = str(Path(sys.executable).with_name("uv")), tmp_path / "venv"
    subprocess.run([uv, "venv", "-q", "-p", sys.executable, str(environment)], check=True)
    pip = [uv, "pip", "install", "-q", "-p", str(environment)]
    subprocess.run([*pip, f"venvstacks-rules[client] @ {wheel.as_uri()}"], check=True)
    infos = environment.glob("lib/*/site-packages/*.dist-info")
    names = {path.name.split("-")[0] for path in infos}
    assert names - {"tomli"} == {"packaging", "venvstacks_rules", "zstandard"}

    keys, repository = SignedRepository(tmp_path), ClientRepository(tmp_path / "repository")
    (tmp_path / "root.json").write_bytes(keys.begin().content)
    deploy = environment / "bin/venvstacks-deploy"
    into = ("--into", str(tmp_path / "apps"))

    def run(*arguments: str) -> str:
        command = [str(deploy), *arguments]
        return subprocess.run(
            command, env={}, cwd=tmp_path, stdout=subprocess.PIPE, text=True, check=True
        ).stdout

    _release(repository, keys, "1.0")
    install = ("install", "--from", repository.url, "--root", "root.json", "--app", APP)
    assert f"Installed {APP} 1.0 (generation 1).\n" in run(*install, *into)
    assert run("run", *into, APP, "--", "you") == "1.0 hello you\n"
    _release(repository, keys, "1.1")
    assert f"Installed {APP} 1.1 (generation 2).\n" in run("update", *into)
    assert run("verify", *into) == f"{APP} (generation 2): verified.\n"
    run("rollback", *into)
    assert run("run", *into) == "1.0 hello\n"
    assert run("uninstall", *into) == f"Removed {APP}.\n"


def _release(repository: ClientRepository, keys: SignedRepository, version: str) -> None:
    repository.publish(version, name=APP)
    key = ChannelKey(APP, "stable", repository.platform)
    record = ChannelRecord.from_json((repository.folder / str(key)).read_bytes(), key)
    repository.put(str(key), keys.text(record))


def _build_wheel(source: Path, output: Path) -> None:
    uv = str(Path(sys.executable).with_name("uv"))
    command = [uv, "build", "--quiet", "--wheel", "--out-dir", str(output), str(source)]
    subprocess.run(command, check=True)

"""The commands on every kind of repository, against the real servers."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.small_repositories import LINUX, SmallRepository
from tests.support.stores import IN_MEMORY, KINDS, READ_ONLY, Served
from tests.support.whole_repository import faults
from venvstacks_rules.repository import cli

WRITTEN = [kind for kind in KINDS if kind not in (*READ_ONLY, *IN_MEMORY)]


@pytest.fixture
def served(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Served]:
    (tmp_path / "server").mkdir()
    with ExitStack() as stack:
        found = stack.enter_context(KINDS[request.param](tmp_path / "server"))
        for name, value in found.environment.items():
            monkeypatch.setenv(name, value)
        yield found


@pytest.fixture
def made(tmp_path: Path) -> SmallRepository:
    made = SmallRepository(tmp_path / "made")
    made.point(made.stack("1.0"))
    made.stack("0.9")
    made.point(made.stack("1.1"))
    return made


def run(capsys: pytest.CaptureFixture[str], line: str, code: int = 0) -> dict[str, object]:
    assert cli.main([*line.split(), "--json"]) == code, capsys.readouterr().err
    data: dict[str, object] = json.loads(capsys.readouterr().out)
    return data


@pytest.mark.parametrize("served", WRITTEN, indirect=True)
def test_a_repository_that_is_written(
    served: Served, made: SmallRepository, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"{served.url}/r1"
    at = f"--repository {url}"
    run(capsys, f"mirror {made.url} {url}")
    assert run(capsys, f"verify {at}")["problems"] == []
    assert len(run(capsys, f"list {at}")["stacks"]) == 3  # type: ignore[arg-type]
    run(capsys, f"rollback --channel stable {at}")
    run(capsys, f"promote 1.1 --channel stable {at}")
    run(capsys, f"rollback 1.0 --channel stable {at}")
    # Some stores count whole seconds.
    time.sleep(1.1)
    data = run(capsys, f"prune --keep 1 --grace 0s --apply {at}")
    assert data["removed"]["stacks"] == [  # type: ignore[index]
        "stacks/release/0.9/linux_x86_64.json"
    ]
    back = (tmp_path / "back").as_uri()
    run(capsys, f"mirror {url} {back}")
    assert list(faults(tmp_path / "back")) == []
    run(capsys, f"verify {at}")
    run(capsys, f"diff 1.0 1.1 {at}")
    run(capsys, f"export-archives 1.0 --into {tmp_path}/dist {at}")


@pytest.mark.parametrize("served", READ_ONLY, indirect=True)
def test_a_web_server(
    served: Served, made: SmallRepository, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert served.fill is not None
    for key, data in made.files().items():
        served.fill(f"{served.url}/r1/{key}", data)
    at = f"--repository {served.url}/r1 --platform {LINUX}"
    shown = run(capsys, f"show release@1.0 {at}")
    assert shown["platforms"][0]["channels"] is None  # type: ignore[index]
    run(capsys, f"diff release@1.0 release@1.1 {at}")
    run(capsys, f"export-archives release@1.0 --into {tmp_path}/dist {at}")
    copy = (tmp_path / "copy").as_uri()
    channel = f"release/stable/{LINUX}"
    assert cli.main(f"promote release@1.0 --channel stable {at}".split()) == 1
    assert "a web server is read-only" in capsys.readouterr().err
    served.fill(f"{served.url}/r1/trust/1.root.json", b"{}")
    run(capsys, f"mirror {served.url}/r1 {copy} --channel {channel}")
    assert list(faults(tmp_path / "copy")) == []
    files = {path.relative_to(tmp_path / "copy").as_posix() for path in _files(tmp_path / "copy")}
    assert f"channels/{channel}.json" in files
    assert "trust/1.root.json" in files
    assert [name for name in files if name.startswith("stacks/")] == [
        "stacks/release/1.1/linux_x86_64.json"
    ]
    for line, message in (
        (f"list --repository {served.url}/r1", "a web server cannot tell what it has"),
        (f"mirror {served.url}/r1 {copy} --channel release/beta/{LINUX}", "is missing"),
        (f"mirror {served.url}/r1 {copy} --channel beta", "`beta` does not name a channel"),
    ):
        assert cli.main(line.split()) == 1
        assert message in capsys.readouterr().err


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.name[0] != "."]

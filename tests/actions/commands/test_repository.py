from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.small_repositories import SmallRepository
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.requests.repository import RepositoryRequest

ROOT = Path(__file__).resolve().parents[3]


def run(folder: Path, made: SmallRepository, *args: str) -> subprocess.CompletedProcess[str]:
    """As a process of its own, whose modules lie below its folder, with relative paths."""
    request = RepositoryRequest(made.url, args, str(folder / "root"))
    (folder / "root").mkdir(exist_ok=True)
    (folder / "request.json").write_text(to_json(request))
    return subprocess.run(
        [
            *(sys.executable, "-m", "venvstacks_rules.actions", "repository"),
            *("--request", str(folder / "request.json")),
        ],
        cwd=ROOT / "src",
        env={"PYTHONPATH": "python"},
        capture_output=True,
        text=True,
    )


def test_a_command_is_run_where_its_paths_start(tmp_path: Path) -> None:
    made = SmallRepository(tmp_path / "store")
    made.stack("1.0")
    done = run(tmp_path, made, "export-archives", "1.0", "--into", "dist")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "release@1.0: 2 archives with 49 B, 1 manifest."
    assert len(list((tmp_path / "root/dist").rglob("*.tar.zst"))) == 2


def test_its_exit_code_is_that_of_the_action(tmp_path: Path) -> None:
    made = SmallRepository(tmp_path / "store")
    for args, code in ((("show", "9"), 1), (("shows",), 2)):
        done = run(tmp_path, made, *args)
        assert done.returncode == code
        assert "Traceback" not in done.stderr

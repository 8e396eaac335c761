from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.exports import APP, FRAMEWORK, SITE, Stack, state
from venvstacks_rules.model.errors import DeploymentError


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return Stack(tmp_path / "made")


def refused(stack: Stack, destination: Path) -> str:
    before = state(destination)
    with pytest.raises(DeploymentError) as caught:
        stack.export(destination)
    assert state(destination) == before
    return str(caught.value)


@pytest.mark.parametrize("kind", ["folder", "file", "link", "layer of somebody"])
def test_what_no_export_wrote_is_not_replaced(tmp_path: Path, stack: Stack, kind: str) -> None:
    place = tmp_path / "out" / FRAMEWORK
    place.parent.mkdir()
    if kind == "folder":
        place.mkdir()
    elif kind == "file":
        place.write_text("mine")
    elif kind == "link":
        place.symlink_to(tmp_path)
    else:
        (place / "share/venv/metadata").mkdir(parents=True)
        (place / "share/venv/metadata/venvstacks_layer.json").write_text("{}")
    assert refused(stack, tmp_path / "out") == (
        "something is in the way of the layers\n"
        f"  * `{place}` is there, and no export wrote it. Move it away, or export to another "
        "folder."
    )


def test_files_that_were_put_into_a_layer_are_not_lost(tmp_path: Path, stack: Stack) -> None:
    stack.export(tmp_path / "out")
    app = tmp_path / "out" / APP
    for name in "abcdefg":
        (app / name).write_text("mine")
    stack.export(tmp_path / "out")  # Unchanged, so nothing would be lost.
    stack.module = "print(2)\n"
    assert refused(stack, tmp_path / "out") == (
        "something is in the way of the layers\n"
        f"  * `{app}` has changed and would be replaced, but has files that no export wrote: `a`, "
        "`b`, `c`, `d`, `e` and 2 more. Move them away, or remove the folder."
    )


def test_byte_code_that_python_wrote_is_no_file_of_a_person(tmp_path: Path, stack: Stack) -> None:
    stack.export(tmp_path / "out")
    (tmp_path / "out" / APP / SITE / "__pycache__/show.cpython-30.opt-1.pyc").write_bytes(b"")
    stack.module = "print(2)\n"
    assert stack.export(tmp_path / "out")[APP].changed


def test_a_layer_of_another_target_is_not_replaced(tmp_path: Path, stack: Stack) -> None:
    stack.export(tmp_path / "out")
    stack.targets = {APP: "other:app"}
    stack.module = "print(2)\n"
    assert refused(stack, tmp_path / "out") == (
        "something is in the way of the layers\n"
        f"  * `{tmp_path}/out/{APP}` was exported from //:{APP}, and other:app would take its "
        "place. Export to another folder, or remove it."
    )


def test_layers_from_earlier_exports_stay_and_are_named(
    tmp_path: Path, stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    stack.export(tmp_path / "out")
    shutil.copytree(tmp_path / "out" / APP, tmp_path / "out/app-old", symlinks=True)
    (tmp_path / "out/app-mine").mkdir()
    capsys.readouterr()
    stack.export(tmp_path / "out")
    assert capsys.readouterr().err.splitlines()[-2:] == [
        "Not changed, because this export does not include them: `app-old`",
        f"Exported to {tmp_path}/out",
    ]
    assert (tmp_path / "out/app-old").is_dir()

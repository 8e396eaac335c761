"""Exported layers whose files are missing or changed: exporting again sets them right."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.exports import APP, FRAMEWORK, RUNTIME, SHORT, SITE, Stack, run, state
from tests.support.layer_archives import tree
from venvstacks_rules.actions.commands import export_layers
from venvstacks_rules.actions.deployment.exported import LISTING, MARKER
from venvstacks_rules.actions.files import tree as trees
from venvstacks_rules.model.errors import DeploymentError
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.requests.export import ExportLayersRequest

MODULE, PYTHON = f"{SITE}/demo/__init__.py", f"bin/python{SHORT}"


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return Stack(tmp_path / "made")


@pytest.fixture
def out(tmp_path: Path, stack: Stack) -> Path:
    stack.export(tmp_path / "out")
    return tmp_path / "out"


def content(folder: Path) -> dict[str, object]:
    """All files but the lists, which have times."""
    return {name: data for name, data in tree(folder).items() if not name.endswith(LISTING)}


def verified(stack: Stack, destination: Path) -> dict[str, int]:
    """Export with a look into all files; how many were damaged, by install target."""
    request = ExportLayersRequest(
        stack.layers(), (), str(destination), str(stack.cache), verify=True
    )
    return {
        layer.install_target: layer.damaged
        for layer in export_layers.run(to_json(request)).layers
        if layer.changed
    }


@pytest.mark.parametrize(
    ("layer", "path"),
    [(FRAMEWORK, MODULE), (APP, f"{SITE}/show.py"), (APP, "pyvenv.cfg"), (RUNTIME, PYTHON)],
)
@pytest.mark.parametrize("how", ["remove", "empty"])
def test_a_missing_or_changed_file_is_there_again(  # noqa: PLR0917
    stack: Stack, out: Path, capsys: pytest.CaptureFixture[str], layer: str, path: str, how: str
) -> None:
    before = content(out)
    if how == "remove":
        (out / layer / path).unlink()
    else:
        # In place, so through a link also in the cache.
        (out / layer / path).write_text("")
    capsys.readouterr()
    done = stack.export(out)
    assert {name: made.damaged for name, made in done.items() if made.changed} == {layer: 1}
    said = capsys.readouterr().err.splitlines()
    assert f"{layer}: made again: 1 file missing or changed: `{path}`" in said
    assert content(out) == before
    assert run(out) == "1\n"
    assert not any(made.changed for made in stack.export(out).values())


@pytest.mark.parametrize("damage", ["", "{}", "cut"])
def test_damaged_notes_of_ours_are_made_again(stack: Stack, out: Path, damage: str) -> None:
    before = content(out)
    for names in ([MARKER], [LISTING], [MARKER, LISTING]):
        for name in names:
            note = out / FRAMEWORK / name
            note.write_text(note.read_text()[:-9] if damage == "cut" else damage)
        done = stack.export(out)
        assert [name for name, made in done.items() if made.changed] == [FRAMEWORK]
        assert content(out) == before


@pytest.mark.parametrize("notes", [[MARKER], [LISTING], [MARKER, LISTING]])
def test_files_that_were_put_into_a_damaged_layer_are_not_lost(
    stack: Stack, out: Path, notes: list[str]
) -> None:
    (out / APP / "mine").write_text("x")
    for name in notes:
        (out / APP / name).write_text("")
    before = state(out)
    with pytest.raises(DeploymentError) as caught:
        stack.export(out)
    assert str(caught.value) == (
        "something is in the way of the layers\n"
        f"  * `{out / APP}` has changed and would be replaced, but has files that no export wrote: "
        "`mine`. Move them away, or remove the folder."
    )
    assert state(out) == before
    assert [path.name for path in (out / ".venvstacks").iterdir()] == ["lock"]


def test_a_thorough_look_finds_what_times_do_not_tell(stack: Stack, out: Path) -> None:
    module = out / FRAMEWORK / MODULE
    status = module.stat()
    module.write_text("VALUE = 2\n")
    os.utime(module, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert not any(made.changed for made in stack.export(out).values())
    # The cache has the same damage, and is unpacked again before it is linked from.
    assert verified(stack, out) == {FRAMEWORK: 1}
    assert module.read_text() == "VALUE = 1\n"
    assert verified(stack, out) == {}


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"[", b"null"])
def test_a_damaged_list_of_the_cache_is_made_again(
    tmp_path: Path, stack: Stack, out: Path, content: bytes
) -> None:
    found = list((stack.cache / "trees").glob(f"*/{trees.LISTING}"))
    assert len(found) > 2
    for listing in found:
        listing.write_bytes(content)
    stack.export(tmp_path / "other")
    assert run(tmp_path / "other") == "1\n"
    assert run(out) == "1\n"


def test_an_update_of_a_damaged_layer(stack: Stack, out: Path) -> None:
    (out / FRAMEWORK / LISTING).write_text("")
    stack.wheel = {**stack.wheel, "demo/more.py": b""}
    assert stack.export(out)[FRAMEWORK].changed
    assert not any(made.changed for made in stack.export(out).values())

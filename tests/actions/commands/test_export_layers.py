from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.chained_layers import chain_module
from tests.support.exports import APP, FRAMEWORK, RUNTIME, SHORT, SITE, Stack, run, state
from tests.support.layer_archives import tree
from tests.support.processes import heed_interrupts
from tests.support.wheels import wheel_bytes
from venvstacks_rules.actions.commands import export_layers
from venvstacks_rules.actions.deployment import swap
from venvstacks_rules.actions.deployment.exported import LISTING, MARKER
from venvstacks_rules.local.files.locks import locked
from venvstacks_rules.model.contents.files import OwnFile
from venvstacks_rules.model.errors import (
    DeploymentError,
    InterpreterError,
    RequestError,
    WheelError,
)
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.requests.export import ExportedLayer, ExportLayersRequest
from venvstacks_rules.model.wording import size_text

TAG = sys.implementation.cache_tag
PYC = f"__pycache__/{{}}.{TAG}.pyc"
MODULE_PYC = f"{SITE}/{PYC.format('show')}"


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return Stack(tmp_path / "made")


def test_an_export(tmp_path: Path, stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    done = stack.export(tmp_path / "out")
    assert [layer.changed for layer in done.values()] == [True, True, True]
    # The package, four files of its metadata, and the byte code of the one module.
    assert (done[FRAMEWORK].linked, done[FRAMEWORK].copied, done[FRAMEWORK].written) == (6, 0, 5)
    assert done[APP] == ExportedLayer(APP, changed=True, written=6)
    framework = tmp_path / "out" / FRAMEWORK
    chain = chain_module(framework).stem
    assert sorted(name for name, data in tree(framework).items() if data is not None) == sorted(
        [
            LISTING,
            MARKER,
            "bin/python",
            f"{SITE}/0000_venvstacks_chain.pth",
            f"{SITE}/{PYC.format(chain)}",
            f"{SITE}/{chain}.py",
            f"{SITE}/demo-1.0.dist-info/INSTALLER",
            f"{SITE}/demo-1.0.dist-info/METADATA",
            f"{SITE}/demo-1.0.dist-info/RECORD",
            f"{SITE}/demo-1.0.dist-info/WHEEL",
            f"{SITE}/demo/__init__.py",
            f"{SITE}/demo/{PYC.format('__init__')}",
            "postinstall.py",
            "pyvenv.cfg",
            "share/venv/metadata/venvstacks_layer.json",
        ]
    )
    assert (tmp_path / "out" / APP / MODULE_PYC).is_file()
    assert (tmp_path / "out" / RUNTIME / f"lib/python{SHORT}/{PYC.format('standard')}").is_file()
    assert f"home = {tmp_path}/out/{RUNTIME}/bin\n" in (framework / "pyvenv.cfg").read_text()
    sizes = [size_text(layer.size) for layer in done.values()]
    first, *others = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"Unpacking 1 interpreter and 1 wheel \(\d+\.\d kB\)", first)
    assert others == [
        "Compiling 1 interpreter and 1 wheel",
        f"{RUNTIME}: {done[RUNTIME].linked} linked, 2 written files, {sizes[0]}",
        f"{FRAMEWORK}: 6 linked, 5 written files, {sizes[1]}",
        f"{APP}: 6 written files",
        f"Exported to {tmp_path}/out",
    ]


def test_the_layers_run_also_without_the_cache(tmp_path: Path, stack: Stack) -> None:
    stack.export(tmp_path / "out")
    shutil.rmtree(stack.cache)
    assert run(tmp_path / "out") == "1\n"


def test_byte_code_is_used_and_is_checked_against_its_source(tmp_path: Path, stack: Stack) -> None:
    stack.export(tmp_path / "out")
    module = tmp_path / "out" / FRAMEWORK / SITE / "demo/__init__.py"
    assert (module.parent / PYC.format("__init__")).read_bytes()[4:8] == bytes([0b11, 0, 0, 0])
    module.unlink()
    module.write_text("VALUE = 7\n")
    assert run(tmp_path / "out") == "7\n"


def test_the_same_files_lie_in_the_cache_once(tmp_path: Path, stack: Stack) -> None:
    stack.export(tmp_path / "one")
    stack.export(tmp_path / "two")
    name = f"{FRAMEWORK}/{SITE}/demo/__init__.py"
    states = [(tmp_path / folder / name).stat() for folder in ("one", "two")]
    assert states[0].st_ino == states[1].st_ino
    assert states[0].st_nlink == 3
    # What a deployment writes is shared with nobody.
    for own in ("pyvenv.cfg", "postinstall.py", f"{SITE}/0000_venvstacks_chain.pth"):
        assert (tmp_path / "one" / FRAMEWORK / own).stat().st_nlink == 1


def test_exporting_again_touches_nothing(
    tmp_path: Path, stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    stack.documents = (OwnFile("__venvstacks__/venvstacks.json", text="{}\n"),)
    stack.export(tmp_path / "out")
    before = state(tmp_path / "out")
    capsys.readouterr()
    done = stack.export(tmp_path / "out")
    assert set(done.values()) == {
        ExportedLayer(name, changed=False) for name in (RUNTIME, FRAMEWORK, APP)
    }
    assert state(tmp_path / "out") == before
    assert capsys.readouterr().err.splitlines() == [
        *(f"{name}: unchanged" for name in (RUNTIME, FRAMEWORK, APP)),
        f"Exported to {tmp_path}/out",
    ]


def test_what_is_unchanged_needs_no_cache(tmp_path: Path, stack: Stack) -> None:
    stack.export(tmp_path / "out")
    shutil.rmtree(stack.cache)
    before = state(tmp_path / "out")
    stack.export(tmp_path / "out")
    assert state(tmp_path / "out") == before
    assert not stack.cache.exists()


def test_an_edited_module_changes_its_application_only(tmp_path: Path, stack: Stack) -> None:
    stack.export(tmp_path / "out")
    before = state(tmp_path / "out")
    stack.module = "import demo\nprint(demo.VALUE + 1)\n"
    assert [layer.changed for layer in stack.export(tmp_path / "out").values()] == [0, 0, 1]
    after = state(tmp_path / "out")
    changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    assert changed
    assert {name.split("/")[0] for name in changed} == {APP}
    assert run(tmp_path / "out") == "2\n"


def test_another_wheel_changes_its_layer_only(tmp_path: Path, stack: Stack) -> None:
    stack.export(tmp_path / "out")
    stack.wheel = {"demo/__init__.py": b"VALUE = 5\n", "demo/more.txt": b""}
    assert [layer.changed for layer in stack.export(tmp_path / "out").values()] == [0, 1, 0]
    assert run(tmp_path / "out") == "5\n"


def test_files_that_are_left_out_change_their_layer_only(tmp_path: Path, stack: Stack) -> None:
    stack.wheel["demo/tests/test_demo.py"] = b""
    stack.wheel["demo-1.0.data/scripts/demo.py"] = b"#!python\n"
    stack.export(tmp_path / "out")
    folder = tmp_path / "out" / FRAMEWORK
    assert (folder / SITE / "demo/tests/test_demo.py").is_file()
    for exclude, scripts in ((("tests",), ()), (("tests",), ("demo.py",)), ((), ("tests",))):
        stack.exclude, stack.scripts = exclude, scripts
        done = stack.export(tmp_path / "out")
        assert [name for name, layer in done.items() if layer.changed] == [FRAMEWORK]
        assert (folder / SITE / "demo/tests/test_demo.py").exists() is not bool(exclude)
        assert (folder / "bin/demo.py").exists() is (scripts == ("demo.py",))
    stack.strip = ("test",)
    done = stack.export(tmp_path / "out")
    assert [name for name, layer in done.items() if layer.changed] == [RUNTIME]


def test_documents_are_written_when_they_change(tmp_path: Path, stack: Stack) -> None:
    place = tmp_path / "out/a/b.json"
    for text in ("one\n", "two\n"):
        stack.documents = (OwnFile("a/b.json", text=text),)
        stack.export(tmp_path / "out")
        assert place.read_text() == text
    assert [path.name for path in place.parent.iterdir()] == ["b.json"]


# ------------------------------------------------------------------------------------------- places
def test_a_folder_that_moved_is_post_installed_for_its_new_place(
    tmp_path: Path, stack: Stack
) -> None:
    stack.export(tmp_path / "out")
    (tmp_path / "out").rename(tmp_path / "moved")
    before = state(tmp_path / "moved")
    assert not any(layer.changed for layer in stack.export(tmp_path / "moved").values())
    after = state(tmp_path / "moved")
    changed = {name for name in after if before.get(name) != after[name]}
    markers = {f"{name}/{MARKER}" for name in (RUNTIME, FRAMEWORK, APP)}
    folders = {RUNTIME, FRAMEWORK, APP}
    written = {f"{name}/{file}" for name in (FRAMEWORK, APP) for file in ("pyvenv.cfg", LISTING)}
    assert changed == {*written, *markers, *folders}
    text = (tmp_path / "moved" / APP / "pyvenv.cfg").read_text()
    assert f"home = {tmp_path}/moved/{RUNTIME}/bin\n" in text


def test_layers_are_replaced_where_they_cannot_be_exchanged(
    tmp_path: Path, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(swap, "exchange", lambda one, other: False)
    stack.export(tmp_path / "out")
    stack.wheel = {"demo/__init__.py": b"VALUE = 5\n"}
    stack.export(tmp_path / "out")
    assert run(tmp_path / "out") == "5\n"
    assert [path.name for path in (tmp_path / "out/.venvstacks").iterdir()] == ["lock"]


def test_a_destination_that_is_no_folder(tmp_path: Path, stack: Stack) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(DeploymentError) as caught:
        stack.export(tmp_path / "out")
    assert str(caught.value) == (
        f"cannot export to `{tmp_path}/out`\n  * `{tmp_path}/out`: File exists"
    )


# ------------------------------------------------------------------------------------- wrong inputs
def test_wheels_that_are_refused_are_named_and_nothing_changes(
    tmp_path: Path, stack: Stack
) -> None:
    stack.export(tmp_path / "out")
    before = state(tmp_path / "out")
    layers = list(stack.layers())
    good, bad = layers[1].wheels[0].sha256, "0" * 64
    layers[1] = replace(layers[1], wheels=(replace(layers[1].wheels[0], sha256=bad),))
    request = ExportLayersRequest(tuple(layers), (), str(tmp_path / "out"), str(stack.cache))
    with pytest.raises(WheelError) as caught:
        export_layers.run(to_json(request))
    assert caught.value.problems == (
        f"`demo-1.0-py3-none-any.whl`: has SHA-256 {good}, but the lockfile has {bad}",
    )
    assert state(tmp_path / "out") == before
    assert list((stack.cache / "staging").iterdir()) == []


def test_an_interpreter_that_is_refused(tmp_path: Path, stack: Stack) -> None:
    layers = list(stack.layers())
    assert layers[0].interpreter is not None
    layers[0] = replace(layers[0], interpreter=replace(layers[0].interpreter, size=1))
    request = ExportLayersRequest(tuple(layers), (), str(tmp_path / "out"), str(stack.cache))
    with pytest.raises(InterpreterError) as caught:
        export_layers.run(to_json(request))
    size = (stack.folder / "cpython.tar").stat().st_size
    assert caught.value.problems == (f"size: expected 1 bytes, got {size}",)


def test_a_file_of_a_wheel_in_the_place_of_one_of_the_layer(tmp_path: Path, stack: Stack) -> None:
    stack.wheel = {"demo-1.0.data/data/postinstall.py": b""}
    with pytest.raises(DeploymentError) as caught:
        stack.export(tmp_path / "out")
    assert str(caught.value) == (
        f"`//:{FRAMEWORK}` cannot be exported\n"
        "  * `postinstall.py` is a file of `demo-1.0-py3-none-any.whl` and of the layer itself"
    )


@pytest.mark.parametrize(
    ("number", "change", "message"),
    [
        (
            0,
            {"install_target": "../a"},
            "`layers[0].install_target`: `../a` is not the name of a layer's folder",
        ),
        (1, {"install_target": "CPYTHON"}, "layers[1].install_target: `CPYTHON` is given twice"),
        (1, {"runtime": "x"}, "layers[1].runtime: `x` is not a runtime given before"),
        (2, {"files": ()}, "layers[2].files: the text of `postinstall.py` is missing"),
    ],
)
def test_requests_that_make_no_sense(
    tmp_path: Path, stack: Stack, number: int, change: dict[str, object], message: str
) -> None:
    layers = list(stack.layers())
    layers[number] = replace(layers[number], **change)  # type: ignore[arg-type]
    request = ExportLayersRequest(tuple(layers), (), str(tmp_path / "out"), str(stack.cache))
    with pytest.raises(RequestError) as caught:
        export_layers.run(to_json(request))
    assert str(caught.value) == message


def test_the_later_of_two_wheels_wins_with_its_byte_code(tmp_path: Path, stack: Stack) -> None:
    layers = list(stack.layers())
    (first,) = layers[1].wheels
    metadata = "Metadata-Version: 2.1\nName: two\nVersion: 1.0\n"
    data = wheel_bytes(
        {"demo/__init__.py": b"VALUE = 'two'\n"}, metadata=metadata, dist_info="two-1.0.dist-info"
    )
    path = stack.folder / "two-1.0-py3-none-any.whl"
    path.write_bytes(data)
    second = replace(
        first,
        path=str(path),
        file_name=path.name,
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
    )
    for wheels, expected in (((first, second), "two\n"), ((second, first), "1\n")):
        layers[1] = replace(layers[1], wheels=wheels)
        request = ExportLayersRequest(tuple(layers), (), str(tmp_path / "out"), str(stack.cache))
        export_layers.run(to_json(request))
        assert run(tmp_path / "out") == expected
        package = tmp_path / "out" / FRAMEWORK / SITE / "demo"
        source = importlib.util.source_hash((package / "__init__.py").read_bytes())
        assert (package / PYC.format("__init__")).read_bytes()[8:16] == source


# ----------------------------------------------------------------------------- kills and neighbours
@pytest.fixture
def command(tmp_path: Path, stack: Stack) -> list[str]:
    request = ExportLayersRequest(stack.layers(), (), str(tmp_path / "out"), str(stack.cache))
    (tmp_path / "request.json").write_text(to_json(request))
    return [
        *(sys.executable, "-m", "venvstacks_rules.actions", "export-layers"),
        *("--request", str(tmp_path / "request.json"), "--result", str(tmp_path / "result.json")),
    ]


def source_path() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(export_layers.__file__).parents[3])}


def test_runs_side_by_side(tmp_path: Path, stack: Stack, command: list[str]) -> None:
    running = [subprocess.Popen(command, env=source_path()) for _ in range(3)]
    assert [process.wait() for process in running] == [0, 0, 0]
    assert run(tmp_path / "out") == "1\n"
    assert list((stack.cache / "staging").iterdir()) == []


@pytest.mark.parametrize("delay", [0.25, 0.35, 0.45, 0.6])
def test_a_killed_run_leaves_whole_layers_or_none(
    tmp_path: Path, stack: Stack, command: list[str], delay: float
) -> None:
    process = subprocess.Popen(command, env=source_path(), stderr=subprocess.DEVNULL)
    time.sleep(delay)
    process.kill()
    process.wait()
    for name in (RUNTIME, FRAMEWORK, APP):
        layer = tmp_path / "out" / name
        assert not layer.exists() or (layer / MARKER).is_file()
    stack.export(tmp_path / "out")
    assert run(tmp_path / "out") == "1\n"
    assert list((stack.cache / "staging").iterdir()) == []
    assert [path.name for path in (tmp_path / "out/.venvstacks").iterdir()] == ["lock"]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks into /proc")
def test_an_interrupted_run_says_nothing(tmp_path: Path, command: list[str]) -> None:
    lock = tmp_path / "out/.venvstacks/lock"
    with locked(lock):
        process = subprocess.Popen(
            command,
            env=source_path(),
            stderr=subprocess.PIPE,
            preexec_fn=heed_interrupts,  # noqa: PLW1509 - the tests start no threads
        )
        while str(lock) not in open_files(process.pid):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        assert process.communicate()[1] == b""
    assert process.returncode == 130


def test_a_run_that_nobody_listens_to_does_its_work(tmp_path: Path, command: list[str]) -> None:
    """A daemon that starts it, and reads what it says, can be killed."""
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.Popen(command, env=source_path(), stdout=writer, stderr=writer)
    os.close(writer)
    process.wait()
    assert run(tmp_path / "out") == "1\n"
    assert [path.name for path in (tmp_path / "out/.venvstacks").iterdir()] == ["lock"]


def open_files(pid: int) -> set[str]:
    found = set()
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.add(str(path.readlink()))
    return found


def test_the_command_line(tmp_path: Path, command: list[str]) -> None:
    done = subprocess.run(command, env=source_path(), capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.endswith(f"\nExported to {tmp_path}/out\n")
    result = json.loads((tmp_path / "result.json").read_text())
    assert [layer["install_target"] for layer in result["layers"]] == [RUNTIME, FRAMEWORK, APP]

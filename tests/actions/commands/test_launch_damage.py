"""Caches of deployed layers that were damaged: every launch finds the application whole."""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path

import pytest

from tests.actions.commands.test_launch import finish, inodes, shown, stack_with, start
from tests.support.layer_archives import RUNTIME, SITE, VERSION, chain
from venvstacks_rules.actions.deployment import layer_cache
from venvstacks_rules.actions.deployment.swap import take_place
from venvstacks_rules.model.errors import DeploymentError
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.requests.deploy import DeployedArchive, LaunchRequest

VALUES = ["lower", "upper"]
MODULE = f"framework-upper/{SITE}/upper_package.py"
BYTE_CODE = f"framework-upper/{SITE}/__pycache__/upper_package.{sys.implementation.cache_tag}.pyc"


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> tuple[DeployedArchive, ...]:
    return chain(tmp_path_factory.mktemp("archives"))


@pytest.fixture(scope="module")
def whole(archives: tuple[DeployedArchive, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cache") / "cache"
    assert finish(start(archives, folder, "exit", "0"))[0] == 0
    return folder


@pytest.fixture
def cache(whole: Path, archives: tuple[DeployedArchive, ...], tmp_path: Path) -> Path:
    """A cache of the test's own, of hard links as a launch makes them."""
    shutil.copytree(whole / "layers", tmp_path / "cache/layers", symlinks=True)
    assert shown(archives, tmp_path / "cache", "show")["values"] == VALUES
    return tmp_path / "cache"


def stack_of(cache: Path) -> Path:
    return stack_with(cache, "app-show")


@pytest.mark.parametrize("content", [None, b"", b"{}", b"[]", b'{"application": 1}', b"\0" * 400])
def test_a_damaged_marker_or_list_is_made_again(
    archives: tuple[DeployedArchive, ...], cache: Path, content: bytes | None
) -> None:
    others = inodes(cache)
    for path in (stack_of(cache), *stack_of(cache).rglob("*")):
        del others[path]
    for name in ("complete.json", "files.json"):
        marker = stack_of(cache) / name
        whole = marker.read_bytes()
        marker.write_bytes(whole[:-5] if content is None else content)
        assert shown(archives, cache, "show")["values"] == VALUES
        assert marker.read_bytes().splitlines()[1:] == whole.splitlines()[1:] or name[0] == "f"
    after = inodes(cache)
    assert {path: after[path] for path in others} == others


def test_a_damaged_marker_of_another_stack_is_in_nobodys_way(
    archives: tuple[DeployedArchive, ...], cache: Path
) -> None:
    for number, content in enumerate((b"", b"{}", b"[1", b'{"layers": [[]]}')):
        other = cache / f"stacks/{number}"
        other.mkdir()
        (other / "complete.json").write_bytes(content)
    (cache / "stacks/folder/complete.json").mkdir(parents=True)
    shutil.rmtree(stack_of(cache))
    assert shown(archives, cache, "show")["values"] == VALUES


def test_what_is_no_folder_or_file_of_ours_is_replaced(
    archives: tuple[DeployedArchive, ...], cache: Path
) -> None:
    layer = cache / "layers" / archives[2].sha256
    stack, below = stack_of(cache), stack_with(cache, "framework-upper")
    marker = stack / "complete.json"
    for place, is_file in (
        (marker, False),
        (stack, True),
        (below, True),
        (layer, True),
        (cache / "stacks", False),
    ):
        if place == marker:
            place.unlink()
        else:
            shutil.rmtree(place)
        if is_file:
            place.write_text("")
        else:
            place.symlink_to(place.name)
        if place == layer:
            shutil.rmtree(cache / "stacks")
        with layer_cache.stack(archives, str(cache)) as found:
            assert found.python.exists(), place


@pytest.mark.parametrize("path", [MODULE, BYTE_CODE, "app-show/pyvenv.cfg"])
@pytest.mark.parametrize("how", ["remove", "cut"])
def test_a_file_of_a_stack_that_is_missing_or_changed_is_there_again(
    archives: tuple[DeployedArchive, ...], cache: Path, path: str, how: str
) -> None:
    place = stack_of(cache) / path
    # Also a file of a layer below, through the link to its stack.
    before = place.read_bytes()
    if how == "remove":
        place.unlink()
    else:
        with place.open("r+b") as stream:
            stream.truncate(len(before) - 20)
    assert shown(archives, cache, "show")["values"] == VALUES
    assert place.read_bytes() == before


def test_damage_does_not_get_from_a_layer_into_a_stack(
    archives: tuple[DeployedArchive, ...], cache: Path
) -> None:
    """A stack is links to layers: what changes one through a link changes both."""
    layer = cache / "layers" / archives[2].sha256
    (layer / MODULE).write_text("VALUE = 'damaged'\n")
    shutil.rmtree(stack_with(cache, "framework-upper"))
    assert shown(archives, cache, "show")["values"] == VALUES
    (layer / "files.json").write_bytes(b"")
    shutil.rmtree(stack_with(cache, "framework-upper"))
    assert shown(archives, cache, "show")["values"] == VALUES


def test_a_thorough_look_finds_what_times_do_not_tell(
    archives: tuple[DeployedArchive, ...], cache: Path, tmp_path: Path
) -> None:
    place = stack_of(cache) / BYTE_CODE
    before = place.stat()
    data = place.read_bytes()
    place.write_bytes(data.replace(b"upper", b"lower"))
    os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert shown(archives, cache, "show")["values"] == ["lower", "lower"]
    with layer_cache.stack(archives, str(cache), verify=True):
        pass
    assert shown(archives, cache, "show")["values"] == VALUES
    assert LaunchRequest(archives, "x").verify is False
    assert '"verify": false' in to_json(LaunchRequest(archives, "x"))


def test_a_cache_that_does_not_stay_as_it_is_written(
    archives: tuple[DeployedArchive, ...], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def changed(staged: Path, place: Path, old: Path) -> None:
        take_place(staged, place, old)
        if place == stack:
            (place / "app-show/pyvenv.cfg").touch()

    stack = stack_of(cache)
    shutil.rmtree(stack)
    monkeypatch.setattr("venvstacks_rules.actions.deployment.new_stack.take_place", changed)
    with (
        pytest.raises(DeploymentError) as caught,
        layer_cache.stack(archives, str(cache)),
    ):
        pass
    assert str(caught.value) == (
        f"cannot deploy into the cache `{cache}`\n"
        f"  * `{stack}` does not stay as it was written: does something change it?"
    )


def test_the_look_at_a_large_stack_is_quick(tmp_path: Path) -> None:
    archives, cache = chain(tmp_path / "archives", large=True), tmp_path / "cache"
    with layer_cache.stack(archives, str(cache)):
        pass
    files = sum(len(names) for _, _, names in os.walk(stack_with(cache, RUNTIME)))
    assert files > 1000, VERSION
    began = time.process_time()
    with layer_cache.stack(archives, str(cache)):
        pass
    # Ten times what it takes: 4 microseconds a file.
    assert time.process_time() - began < files * 40e-6 + 0.01

"""Where a layer's packages come from: indexes by name, folders, direct URLs."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import packaging.pylock
import pytest

from tests.support.layer_locks import (
    Index,
    contents,
    lock,
    pins,
    refused,
    served_index,
    write_wheels,
)
from venvstacks_rules.actions.files.toml import read_toml
from venvstacks_rules.actions.locking.uv_config import layer_uv_config
from venvstacks_rules.model.errors import LockError
from venvstacks_rules.model.locks.pylock import LockedWheel, Lockfile
from venvstacks_rules.model.requests.lock import ChosenFiles, LocalWheels, LockLayerRequest

SETTINGS = """\
[tool.uv]
environments = ["sys_platform == 'linux'"]
no-build = false
cache-keys = []

[[tool.uv.index]]
name = "own"
url = "{own}"
default = true

[[tool.uv.index]]
name = "cpu"
url = "{own}/cpu"
explicit = true

[[tool.uv.index]]
name = "gpu"
url = "{own}/gpu"
explicit = true

[[tool.uv.index]]
name = "extra"
url = "{own}/extra"

[tool.uv.sources]
Torch_Audio = {{ index = "gpu" }}
"""


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    with served_index(tmp_path, monkeypatch) as index:
        Path("venvstacks.toml").write_text(SETTINGS.format(own=index.url))
        for name in ("CPU", "GPU", "EXTRA"):
            monkeypatch.setenv(f"UV_INDEX_{name}_USERNAME", "me")
            monkeypatch.setenv(f"UV_INDEX_{name}_PASSWORD", "secret")
        yield index


def order(path: str = "venvstacks.toml", **fields: object) -> list[tuple[str, bool]]:
    """The indexes that ``uv`` is given for a layer, and whether each is explicit."""
    request = LockLayerRequest(
        **{
            "target": "//:rt",
            "layer_name": "rt",
            "python_implementation": "cpython@3.11.4",
            "python_provider": "local",
            "is_runtime": True,
            "requirements": (),
            "platforms": ("linux_x86_64",),
            "linux_target": "glibc@2.28",
            "macosx_target": "13.0",
            "uv_config": path,
            **fields,
        }  # type: ignore[arg-type]
    )
    indexes = layer_uv_config(request).project["index"]
    return [(index["name"], index.get("explicit", False)) for index in indexes]


def test_order_of_indexes(index: Index) -> None:
    assert order() == [("gpu", True), ("own", False), ("extra", False)]
    assert order(package_indexes=(("torch", "cpu"),)) == [
        ("cpu", True),
        ("gpu", True),
        ("own", False),
        ("extra", False),
    ]
    assert order(priority_indexes=("extra", "cpu")) == [
        ("extra", False),
        ("cpu", False),
        ("gpu", True),
        ("own", False),
    ]
    # What the layer says takes the place of what the file says.
    assert order(package_indexes=(("torch-audio", "own"),)) == [("own", False), ("extra", False)]


def test_packages_come_from_the_index_of_their_name(index: Index) -> None:
    index.add("torch", "1")
    for name in ("cpu", "gpu"):
        (index.root / name).mkdir()
        Index(index.root / name, "").add("torch", "2" if name == "cpu" else "3")
    common: dict[str, Any] = {"uv_config": "venvstacks.toml"}
    assert pins(lock("rt", "torch", **common)) == [("torch", "1", None, False)]
    path = lock("rt", "torch", package_indexes=(("torch", "cpu"),), **common)
    assert pins(path) == [("torch", "2", None, False)]
    read = read_toml(path)
    assert read["packages"][0]["index"] == f"{index.url}/cpu"
    assert read["tool"]["venvstacks-rules"]["inputs"]["package_indexes"] == {"torch": "cpu"}
    path = lock("rt", "torch", priority_indexes=("gpu",), **common)
    assert pins(path) == [("torch", "3", None, False)]
    assert read_toml(path)["tool"]["venvstacks-rules"]["inputs"]["priority_indexes"] == ["gpu"]


def test_unknown_indexes(index: Index) -> None:
    message = refused(
        "rt",
        "a",
        uv_config="venvstacks.toml",
        package_indexes=(("a", "none"), ("b", "cpu")),
        priority_indexes=("nil",),
    )
    assert message == (
        "//:rt: unknown indexes\n"
        "  * `package_indexes` takes 'a' from index 'none', and venvstacks.toml names 'own', "
        "'cpu', 'gpu', 'extra'. Define it there, or correct the field\n"
        "  * `priority_indexes` has index 'nil', and venvstacks.toml names 'own', 'cpu', 'gpu', "
        "'extra'. Define it there, or correct the field"
    )
    assert refused("rt", "a", uv_config=None, priority_indexes=("x",)) == (
        "//:rt: unknown indexes\n"
        "  * `priority_indexes` has index 'x', and there is no file with `[[tool.uv.index]]`. "
        "Define it there, or correct the field"
    )


def test_settings_at_the_top_level(index: Index) -> None:
    index.add("a", "1")
    table = Path("uv.toml").read_text().replace("tool.uv.", "")
    Path("venvstacks.uv.toml").write_text(table)
    assert pins(lock("rt", "a", uv_config="venvstacks.uv.toml")) == [("a", "1", None, False)]
    Path("venvstacks.uv.toml").write_text("tool = 1\n")
    with pytest.raises(LockError) as caught:
        lock("rt", "a", uv_config="venvstacks.uv.toml")
    assert str(caught.value) == (
        "venvstacks.uv.toml: unusable settings\n  * `tool.uv`: expected a table"
    )


def test_wheels_of_a_folder(index: Index) -> None:
    index.add("a", "1", requires=("b",))
    write_wheels(Path("top/wheels"), "b", "2+local.1", requires=("a",))
    folders = (LocalWheels("top/wheels", "../../wheels"),)
    path = lock("rt", "b", local_wheels=folders, declared_local_wheels=("wheels",))
    assert pins(path) == [("a", "1", None, False), ("b", "2+local.1", None, False)]
    packaging.pylock.Pylock.from_dict(read_toml(path))
    assert str(Path.cwd()).encode() not in b"".join(contents(path).values())
    package = Lockfile.from_dict(read_toml(path), "lock").packages[-1]
    data = Path("top/wheels/b-2+local.1-py3-none-any.whl").read_bytes()
    assert package.index is None
    assert package.wheels == (
        LockedWheel(
            "b-2+local.1-py3-none-any.whl",
            None,
            "../../wheels/b-2+local.1-py3-none-any.whl",
            len(data),
            hashlib.sha256(data).hexdigest(),
        ),
    )
    write_wheels(Path("top/wheels"), "b", "3")
    again = lock(
        "rt",
        "b",
        out="again",
        previous=path,
        local_wheels=folders,
        declared_local_wheels=("wheels",),
    )
    assert contents(again) == contents(path)
    upper = lock("app-x", "b", lower=[path], local_wheels=folders)
    assert [pin[3] for pin in pins(upper)] == [True, True]


def test_direct_url(index: Index) -> None:
    index.add("b", "1")
    public = index.root / "public.tar.gz"
    write_wheels(public, "c", "3", requires=("b",))
    url = f"{index.url}/public.tar.gz/c-3-py3-none-any.whl"
    path = lock("rt", f"c @ {url}")
    assert pins(path) == [("b", "1", None, False), ("c", "3", None, False)]
    data = (public / "c-3-py3-none-any.whl").read_bytes()
    assert read_toml(path)["packages"][1] == {
        "name": "c",
        "version": "3",
        "wheels": [
            {"url": url, "size": len(data), "hashes": {"sha256": hashlib.sha256(data).hexdigest()}}
        ],
    }
    packaging.pylock.Pylock.from_dict(read_toml(path))
    # Whether the layer above names the URL or only the distribution, which is in no index.
    for number, requirement in enumerate((f"c @ {url}", "c>=2")):
        upper = lock("app-x", requirement, lower=[path], out=f"app-{number}")
        assert pins(upper) == [("b", "1", None, True), ("c", "3", None, True)]


def test_wheels_of_a_folder_that_no_layer_can_install(index: Index) -> None:
    wheels = Path("top/wheels")
    write_wheels(wheels, "b", "1")
    write_wheels(wheels, "c", "1", "py3-none-win_amd64", "py3-none-manylinux_2_17_x86_64")
    for name in ("b-1-py3-none-any", "c-1-py3-none-win_amd64"):
        with zipfile.ZipFile(wheels / f"{name}.whl", "a") as archive:
            archive.writestr("../evil.py", "")
            archive.writestr(f"{name[0]}/aux.py", "")
    with zipfile.ZipFile(wheels / "c-1-py3-none-manylinux_2_17_x86_64.whl", "a") as archive:
        archive.writestr("c/aux.py", "")
    folders = (LocalWheels("top/wheels", "../../wheels"),)
    names = ("linux_x86_64", "win_amd64")
    assert refused("rt", "b", "c", platforms=names, local_wheels=folders) == (
        "//:rt: wheels that no layer can install\n"
        "  * `b-1-py3-none-any.whl`: `../evil.py`: the path contains `..`; pip refuses it, too\n"
        "  * `c-1-py3-none-win_amd64.whl`: `../evil.py`: the path contains `..`; pip refuses it, "
        "too\n"
        "  * to lock other versions, add `b!=1`, `c!=1` to `requirements`"
    )
    write_wheels(wheels, "b", "2")
    with zipfile.ZipFile(wheels / "b-2-py3-none-any.whl", "a") as archive:
        archive.writestr("b/aux.py", "")
    assert refused("rt", "b", platforms=names, local_wheels=folders).endswith(
        "\n  * `b-2-py3-none-any.whl`: `b/aux.py`: on Windows `aux.py` is the name of a device"
        "\n  * to lock other versions, add `b!=2` to `requirements`"
    )
    # What the layer leaves out harms nobody.
    chosen = (ChosenFiles("b", ("aux.py",)),)
    lock("rt", "b", out="no", platforms=names, local_wheels=folders, chosen_files=chosen)
    path = lock("rt", "b", "c", platforms=("linux_x86_64",), local_wheels=folders)
    assert [pin[:2] for pin in pins(path)] == [("b", "2"), ("c", "1")]

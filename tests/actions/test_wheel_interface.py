"""What a layer offers, judged from the directories of its wheels."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.wheels import wheel_bytes
from venvstacks_rules.actions import wheel_interface
from venvstacks_rules.model.action_io import WheelInterface, WheelInterfaceRequest, to_json
from venvstacks_rules.model.errors import WheelError


def interface(
    folder: Path, *wheels: bytes, exclude: tuple[str, ...] = (), os_name: str = "posix"
) -> WheelInterface:
    paths = []
    for index, content in enumerate(wheels):
        path = folder / f"{index}.whl"
        path.write_bytes(content)
        paths.append(str(path))
    request = WheelInterfaceRequest(tuple(paths), "3.11", os_name, exclude)
    return wheel_interface.run(to_json(request))


def offered(folder: Path, *wheels: bytes, exclude: tuple[str, ...] = ()) -> bool:
    return interface(folder, *wheels, exclude=exclude).shared_libraries


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("demo/__init__.py", False),
        ("demo/fast.cpython-311-x86_64-linux-gnu.so", False),
        ("demo/fast.abi3.so", False),
        ("demo.libs/libdemo.so", True),
        ("demo-1.0.data/platlib/demo.libs/libdemo.so", True),
        ("demo-1.0.data/purelib/demo/libdemo.dylib", True),
        ("demo-1.0.data/data/lib/libdemo.so", False),
        ("demo-1.0.data/data/lib/python3.11/site-packages/libdemo.so", True),
        ("demo-1.0.data/scripts/libdemo.so", False),
    ],
)
def test_only_shared_libraries_of_site_packages_count(
    tmp_path: Path, name: str, expected: bool
) -> None:
    assert offered(tmp_path, wheel_bytes({name: b""})) is expected


def test_one_wheel_of_several_is_enough(tmp_path: Path) -> None:
    plain, library = wheel_bytes({"a.py": b""}), wheel_bytes({"libb.so": b""})
    assert offered(tmp_path, plain, library)
    assert offered(tmp_path, library, plain)
    assert not offered(tmp_path, plain, plain)


def test_excluded_libraries_do_not_count(tmp_path: Path) -> None:
    wheel = wheel_bytes({"demo/lib/libdemo.so": b""})
    assert not offered(tmp_path, wheel, exclude=("lib/libdemo*.so",))
    assert offered(tmp_path, wheel, exclude=("other/libdemo*.so",))


def test_what_is_not_a_wheel_is_named(tmp_path: Path) -> None:
    with pytest.raises(WheelError) as caught:
        offered(tmp_path, b"not a zip", wheel_bytes({"a.py": b""}))
    assert caught.value.problems == ("0.whl: not a wheel that can be read: File is not a zip file",)


def test_names_to_import_are_those_of_all_wheels(tmp_path: Path) -> None:
    one = wheel_bytes({"b/__init__.py": b"", "data/table.csv": b"", "_x.abi3.so": b""})
    two = wheel_bytes({"demo-1.0.data/purelib/a.py": b"", "demo-1.0.data/scripts/c.py": b""})
    assert interface(tmp_path, one, two).modules == ("_x", "a", "b")


def test_modules_of_wheels_for_windows(tmp_path: Path) -> None:
    wheel = wheel_bytes(
        {
            "demo/__init__.py": b"",
            "_fast.cp311-win_amd64.pyd": b"",
            "demo-1.0.data/data/lib/site-packages/odd.py": b"",
            "demo-1.0.data/data/lib/python3.11/site-packages/elsewhere.py": b"",
        }
    )
    found = interface(tmp_path, wheel, os_name="nt")
    assert found.modules == ("_fast", "demo", "odd")

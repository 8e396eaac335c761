"""Sealed layers, as each Python of this machine starts them: nothing of them is written."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.support.chained_layers import APPLICATION
from tests.support.interpreters import installed
from venvstacks_rules.actions.interpreters.probe import Installation
from venvstacks_rules.model.contents.own import layer_config, layer_files
from venvstacks_rules.model.layers.interface import LayerInterface
from venvstacks_rules.model.platforms.python_versions import short_version

SEEN = """\
import json, os, site, sys
from distutils_like import WHERE
print(json.dumps({
    "executable": sys.executable, "base": sys._base_executable, "prefix": sys.prefix,
    "exec_prefix": sys.exec_prefix, "base_prefix": sys.base_prefix,
    "os": os.__file__, "path": [p for p in sys.path if p], "user": site.ENABLE_USER_SITE,
    "where": WHERE,
}))
"""


def by_version() -> list[Installation]:
    """One installation of each X.Y, the newest."""
    found: dict[str, Installation] = {}
    for one in installed():
        found.setdefault(short_version(one.python_version), one)
    return [found[version] for version in sorted(found, key=lambda v: int(v.split(".")[1][:2]))]


@dataclass
class Sealed:
    """A folder with a runtime, a framework and an application, of one Python."""

    folder: Path
    site: str
    library: str

    def run(
        self,
        *arguments: str,
        python: str | Path = "app/bin/python",
        env: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.folder / python), *arguments],
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", **(env or {})},
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )

    def seen(self, **options: object) -> dict[str, object]:
        done = self.run("-B", "-c", SEEN, **options)  # type: ignore[arg-type]
        assert (done.returncode, done.stderr) == (0, "")
        found: dict[str, object] = json.loads(done.stdout)
        return found

    def expected(self, folder: Path, python: str = "app/bin/python") -> dict[str, object]:
        """What an application in `folder` sees."""
        runtime = folder / "rt"
        zipped = f"lib/python{self.library.split('python')[1].replace('.', '')}.zip"
        return {
            "executable": str(folder / python),
            "base": str(runtime / "bin/python"),
            "prefix": str(folder / "app"),
            "exec_prefix": str(folder / "app"),
            "base_prefix": str(runtime),
            "os": str(runtime / self.library / "os.py"),
            "path": [
                str(runtime / zipped),
                str(runtime / self.library),
                str(runtime / self.library / "lib-dynload"),
                *(str(folder / name / self.site) for name in ("app", "fw", "rt")),
            ],
            "user": False,
            "where": "fw",
        }


def write(
    folder: Path, name: str, lower: Sequence[str], version: str, libraries: tuple[str, ...] = ()
) -> None:
    below = [LayerInterface(other, version, libraries=libraries) for other in lower]
    files, links = layer_files(
        layer_config(replace(APPLICATION, python_version=version), version, below, os_name="posix"),
        below,
        install_target=name,
        system="linux",
        postinstall="",
        modules=(),
        sealed=True,
    )
    for file in files:
        place = folder / name / file.path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(file.text or "")
        place.chmod(0o755 if file.executable else 0o644)
    for link in links:
        place = folder / name / link.path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(link.target)


@pytest.fixture(params=by_version(), ids=lambda found: found.python_version)
def layers(request: pytest.FixtureRequest, tmp_path: Path) -> Sealed:
    found: Installation = request.param
    version, short = found.python_version, short_version(found.python_version)
    library = f"lib/python{short}"
    site = f"{library}/site-packages"
    # Spaces, and letters beyond ASCII.
    folder = tmp_path / "läyers of me"
    (folder / "rt/bin").mkdir(parents=True)
    shutil.copy(found.executable, folder / "rt/bin/python3")
    (folder / "rt/bin/python").symlink_to("python3")
    # An interpreter with a library of its own.
    for shared in Path(found.prefix, "lib").glob("libpython*.so*"):
        (folder / "rt/lib").mkdir(exist_ok=True)
        (folder / "rt/lib" / shared.name).symlink_to(shared)
    (folder / "rt" / site).mkdir(parents=True)
    for entry in Path(found.stdlib).iterdir():
        if entry.name not in ("site-packages", "sitecustomize.py"):
            (folder / "rt" / library / entry.name).symlink_to(entry)
    write(folder, "fw", ["rt"], version)
    write(folder, "app", ["fw", "rt"], version)
    (folder / "fw" / site / "distutils_like.py").write_text("WHERE = 'fw'\n")
    return Sealed(folder, site, library)


def test_no_file_names_the_place(layers: Sealed) -> None:
    for path in (layers.folder / "app", layers.folder / "fw"):
        for file in path.rglob("*"):
            if file.is_file() and not file.is_symlink():
                assert str(layers.folder) not in file.read_text()
            elif file.is_symlink():
                assert not file.readlink().is_absolute()
    assert (layers.folder / "app/pyvenv.cfg").read_text().startswith("include-system-site")
    assert not (layers.folder / "rt/pyvenv.cfg").exists()


def test_the_chain_is_found_from_where_it_was_started(layers: Sealed) -> None:
    assert layers.seen() == layers.expected(layers.folder)


def test_after_a_move(layers: Sealed) -> None:
    layers.folder = layers.folder.rename(layers.folder.with_name("moved"))
    assert layers.seen() == layers.expected(layers.folder)


def test_through_a_link_to_the_folder(layers: Sealed, tmp_path: Path) -> None:
    (tmp_path / "linked").symlink_to(layers.folder)
    seen = layers.seen(python=tmp_path / "linked/app/bin/python")
    assert seen["prefix"] == str(tmp_path / "linked/app")
    assert (seen["where"], seen["user"]) == ("fw", False)
    # The same files, whichever name they have.
    assert os.path.realpath(str(seen["base_prefix"])) == str(layers.folder / "rt")
    assert os.path.realpath(str(seen["base"])) == str(layers.folder / "rt/bin/python3")


def test_through_a_link_beside_the_layers(layers: Sealed) -> None:
    (layers.folder / "current").symlink_to("app")
    seen = layers.seen(python="current/bin/python")
    assert seen["prefix"] == str(layers.folder / "current")
    assert seen["base_prefix"] == str(layers.folder / "rt")
    assert str(seen["path"]).count("current") == 1
    # What is imported later is found as well.
    done = layers.run("-B", "-c", "import csv, email", python="current/bin/python")
    assert (done.returncode, done.stderr) == (0, "")


def test_through_a_link_to_the_interpreter_or_by_its_name(layers: Sealed, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    version = layers.library[len("lib/") :]
    seen = layers.seen(python=f"app/bin/{version}")
    assert seen == layers.expected(layers.folder, python=f"app/bin/{version}")
    found = subprocess.run(
        ["python", "-B", "-c", SEEN],
        env={"PATH": str(layers.folder / "app/bin"), "LC_ALL": "C.UTF-8"},
        executable=str(layers.folder / "app/bin/python"),
        stdout=subprocess.PIPE,
        check=True,
    )
    assert json.loads(found.stdout) == layers.expected(layers.folder)


def test_packages_of_the_user_and_a_home_of_python_do_not_count(
    layers: Sealed, tmp_path: Path
) -> None:
    version = layers.library[len("lib/") :]
    user = tmp_path / f"home/.local/lib/{version}/site-packages"
    user.mkdir(parents=True)
    (user / "distutils_like.py").write_text("WHERE = 'user'\n")
    (user / "evil.pth").write_text("import sys; sys.exit('of the user')\n")
    env = {"HOME": str(tmp_path / "home")}
    assert layers.seen(env=env) == layers.expected(layers.folder)


def test_with_the_script_for_shared_libraries(layers: Sealed) -> None:
    shutil.rmtree(layers.folder / "app")
    version = f"{layers.library[len('lib/python') :]}.0"
    write(layers.folder, "app", ["fw", "rt"], version, libraries=("libx.so",))
    assert (layers.folder / "app/bin/python").read_text().startswith("#!/bin/sh")
    assert layers.seen() == layers.expected(layers.folder)


def test_programs_that_it_starts_are_in_the_same_layers(layers: Sealed) -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-B', '-c', sys.argv[1]])"
    done = layers.run("-B", "-c", code, SEEN)
    assert json.loads(done.stdout) == layers.expected(layers.folder)


def test_an_environment_can_be_made_of_it(layers: Sealed, tmp_path: Path) -> None:
    made = layers.run("-B", "-m", "venv", "--without-pip", str(tmp_path / "env"))
    assert (made.returncode, made.stderr) == (0, "")
    done = layers.run(
        "-B", "-c", "import sys; print(sys.base_prefix)", python=tmp_path / "env/bin/python"
    )
    assert (done.returncode, done.stdout) == (0, f"{layers.folder}/rt\n")

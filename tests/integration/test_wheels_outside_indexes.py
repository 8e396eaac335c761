"""Wheels in folders of the repository, and at URLs of their own."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import tomli

from tests.support.build_root import BuildRoot
from tests.support.documents import read_sbom
from tests.support.shared_roots import shared_root
from tests.support.simple_index import SimpleIndex, package_wheel, simple_index
from tests.support.wheels import decompressed, members

pytestmark = pytest.mark.xdist_group("documents")

LOCK = "s/t/requirements/framework-both/pylock.framework-both.toml"
ONE, TWO = "local_one-1.0-py3-none-any.whl", "local_two-1.0-py3-none-any.whl"
DIRECT = "direct-1.0-py3-none-any.whl"
# A folder whose name means something else in a glob.
FOLDER = "s/t/wh[ee]ls"


@dataclass(frozen=True)
class Site:
    """A stack with such wheels, locked."""

    root: BuildRoot
    index: SimpleIndex

    def packaged(self) -> list[str]:
        """The modules in the archive."""
        (archive,) = self.root.path.glob("dist/**/framework-both.tar.zst")
        names = [member.name for member in members(decompressed(archive))]
        return [name.split("site-packages/")[1] for name in names if name.endswith("__init__.py")]


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with (
        simple_index(package_wheel("direct"), sizes=False) as index,
        shared_root(config='uv_config = "uv.toml"\n') as root,
    ):
        url = f"{index.url}/files/{DIRECT}"
        root.write("uv.toml", index.uv_config.replace("tool.uv.", ""))
        root.write(
            "s/t/BUILD",
            'venvstacks_runtime(name="py", python_implementation="cpython@3.9")\n'
            'venvstacks_framework(name="both", runtime=":py", local_wheels=["wh[ee]ls"], '
            f'requirements=["local-one", "local-two", "direct @ {url}"])\n',
        )
        for wheel in (package_wheel("local_one"), package_wheel("local_two")):
            for name, content in wheel.items():
                root.write(f"{FOLDER}/{name}", content)
        root.succeed("generate-lockfiles")
        yield Site(root, index)


@pytest.fixture(autouse=True)
def _restored(site: Site, tmp_path: Path) -> Iterator[None]:
    """The stack as it was, after each test."""
    shutil.copytree(site.root.path / "s", tmp_path / "s")
    yield
    shutil.rmtree(site.root.path / "s")
    shutil.copytree(tmp_path / "s", site.root.path / "s")
    shutil.rmtree(site.root.path / "dist", ignore_errors=True)


def test_they_are_locked_and_packaged(site: Site) -> None:
    lock = tomli.loads(site.root.read(LOCK))
    places = {
        package["name"]: (wheel.get("path"), wheel.get("url"))
        for package in lock["packages"]
        for wheel in package["wheels"]
    }
    assert places == {
        "direct": (None, f"{site.index.url}/files/{DIRECT}"),
        "local-one": (f"../../wh[ee]ls/{ONE}", None),
        "local-two": (f"../../wh[ee]ls/{TWO}", None),
    }
    site.root.succeed("package", "s/t:both")
    assert site.packaged() == [
        "direct/__init__.py",
        "local_one/__init__.py",
        "local_two/__init__.py",
    ]


def test_requirements_may_name_a_file_of_the_repository(site: Site) -> None:
    build = site.root.read("s/t/BUILD")
    build = build.replace(' local_wheels=["wh[ee]ls"],', "")
    build = build.replace('"local-one"', f'"local-one @ file:wh[ee]ls/{ONE}"')
    # As tools write it; in another clone it is another text, and the same lock.
    there = site.root.path / FOLDER / TWO
    build = build.replace('"local-two"', f'"local-two @ file://{there}"')
    site.root.write("s/t/BUILD", build)
    site.root.succeed("generate-lockfiles", "--resolve=s/t:both")
    text = site.root.read(LOCK)
    assert f'path = "../../wh[ee]ls/{ONE}"' in text
    assert f'path = "../../wh[ee]ls/{TWO}"' in text
    assert str(site.root.path) not in text
    site.root.succeed("package", "s/t:both")
    assert len(site.packaged()) == 3


def test_sizes_and_hashes_of_paths_may_be_missing_from_a_lockfile(site: Site) -> None:
    lock = re.sub(r"size = \d+(, |\n)", "", site.root.read(LOCK))
    lock = re.sub(r"(path = [^}]*hashes = \{)[^}]*\}", r"\1}", lock)
    assert "size" not in lock
    assert lock.count("sha256 =") == 1
    site.root.write(LOCK, lock)
    asked = len(site.index.asked)
    site.root.succeed("--venvstacks-documents", "package", "s/t:both")
    assert len(site.packaged()) == 3
    assert site.index.asked[asked:] == [f"GET /simple/files/{DIRECT}"]
    # The documents have both all the same.
    (written,) = site.root.path.glob("dist/**/framework-both.cdx.json")
    found = {c["name"]: c for c in read_sbom(written.read_text(encoding="utf-8"))["components"]}
    content = (site.root.path / FOLDER / ONE).read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    assert found["local-one"]["hashes"] == [{"alg": "SHA-256", "content": sha256}]
    properties = [(p["name"], p["value"]) for p in found["local-one"]["properties"]]
    assert ("venvstacks:wheel_size", str(len(content))) in properties
    assert ("venvstacks:wheel_path", f"../../wh[ee]ls/{ONE}") in properties
    assert ("venvstacks:direct", "true") in properties
    assert "download_url=http://" in found["direct"]["purl"]


def test_a_wheel_that_changed_and_one_that_is_gone_are_named_together(site: Site) -> None:
    ours = hashlib.sha256((site.root.path / FOLDER / ONE).read_bytes()).hexdigest()
    content = bytearray((site.root.path / FOLDER / ONE).read_bytes())
    content[-1] ^= 1
    site.root.write(f"{FOLDER}/{ONE}", bytes(content))
    (site.root.path / FOLDER / TWO).unlink()
    done = site.root.pants("package", "s/t:both")
    assert done.code == 1
    renewal = "renew the lockfile with `pants generate-lockfiles --resolve=s/t:both`."
    assert done.error == (
        "LockError: 2 files cannot be fetched as a lockfile pins them:\n"
        f"  * s/t:both: {FOLDER}/{ONE} has SHA-256 {hashlib.sha256(content).hexdigest()}, but "
        f"the lockfile pins {ours}. Restore it, or {renewal}\n"
        f"  * s/t:both: there is no file {FOLDER}/{TWO}, or Pants ignores it: see "
        f"`[GLOBAL].pants_ignore` and `.gitignore`. Restore it, or {renewal}"
    )
    assert not [text for text in done.work if text.startswith("Compressed")]


def test_a_path_out_of_the_repository_is_refused(site: Site) -> None:
    lock = site.root.read(LOCK)
    site.root.write(LOCK, lock.replace(f"../../wh[ee]ls/{ONE}", f"../../../../../{ONE}"))
    assert site.root.pants("package", "s/t:both").error == (
        "LockError: A file cannot be fetched as a lockfile pins it:\n"
        f"  * s/t:both: `../../../../../{ONE}` is outside of the repository. Move it into it, and "
        "lock again."
    )

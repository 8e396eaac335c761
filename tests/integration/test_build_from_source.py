"""Packages of layers that are built from source archives."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import tomli

from tests.support.build_root import NATIVE, BuildRoot
from tests.support.documents import read_provenance, read_sbom
from tests.support.git_server import git_server
from tests.support.shared_roots import shared_root
from tests.support.simple_index import SimpleIndex, package_wheel, simple_index
from tests.support.source_archives import source_archive, source_files

pytestmark = pytest.mark.slow

LOCK = "s/requirements/framework-fw/pylock.framework-fw.toml"
BUILD = """\
venvstacks_runtime(name="py", python_implementation="cpython@3.9")
venvstacks_framework(
    name="fw",
    runtime=":py",
    requirements=["Sourced", "both"],
    build_from_source=["sourced"],
)
venvstacks_application(
    name="app", frameworks=[":fw"], requirements=["sourced"], launch_module="run.py"
)
"""
# What the build sees: its interpreter, a module of what it requires, and no network.
MODULE = """f'''
import sys
BUILT_WITH = {sys.version_info[:2]}
HELPER = {helper.VERSION!r}
NETWORK = {network()}
'''"""
IMPORTS = """
import socket, sys
import helper
def network():
    try:
        socket.create_connection(("127.0.0.1", %d), timeout=5).close()
    except OSError:
        return False
    return True
"""


@pytest.fixture(scope="module")
def site() -> Iterator[tuple[BuildRoot, SimpleIndex]]:
    wheels = [package_wheel(name) for name in ("helper", "needed", "both")]
    with (
        simple_index(*wheels) as index,
        shared_root(config='uv_config = "uv.toml"\n') as root,
    ):
        port = int(index.url.split(":")[2].split("/")[0])
        # Only the wheel of an older version would do without a build.
        index.wheels.update(package_wheel("sourced", "0.9"))
        index.wheels.update(
            source_archive(
                "sourced",
                module=MODULE,
                imports=IMPORTS % port,
                requires=("needed",),
                build_requires=("helper>=1",),
            )
        )
        root.write("uv.toml", index.uv_config.replace("tool.uv.", ""))
        root.write("s/BUILD", BUILD)
        root.write(
            "s/run.py",
            "import sourced\n\nprint(sourced.BUILT_WITH, sourced.HELPER, sourced.NETWORK)\n",
        )
        root.succeed("generate-lockfiles")
        yield root, index


def test_documents_say_what_a_wheel_was_built_from(site: tuple[BuildRoot, SimpleIndex]) -> None:
    root, _ = site
    root.succeed("--venvstacks-documents", "package", "s:fw")
    stem = f"dist/s/{NATIVE}/framework-fw"
    text = root.read(f"{stem}.cdx.json")
    found = {component["name"]: component for component in read_sbom(text)["components"]}
    lock = tomli.loads(root.read(LOCK))
    (sdist,) = [package["sdist"] for package in lock["packages"] if package["name"] == "sourced"]
    (reference,) = found["sourced"]["externalReferences"]
    assert (reference["type"], reference["url"]) == ("source-distribution", sdist["url"])
    assert reference["hashes"][0]["content"] == sdist["hashes"]["sha256"]
    statement = read_provenance(root.read(f"{stem}.provenance.json"))
    inputs = statement["predicate"]["buildDefinition"]["resolvedDependencies"]
    into = {f["name"] for f in inputs if "built_into" in f.get("annotations", {})}
    assert into == {"sourced-1.0.tar.gz", "helper-1.0-py3-none-any.whl"}


def test_the_lock_pins_the_archive_and_what_its_build_requires(
    site: tuple[BuildRoot, SimpleIndex],
) -> None:
    root, index = site
    packages = {p["name"]: p for p in tomli.loads(root.read(LOCK))["packages"]}
    assert sorted(packages) == ["both", "needed", "sourced"]
    sourced = packages["sourced"]
    assert sourced["sdist"]["url"] == f"{index.url}/files/sourced-1.0.tar.gz"
    assert "wheels" not in sourced
    ours = sourced["tool"]["venvstacks-rules"]
    assert ours["from"] == "sdist"
    assert [wheel["url"].rpartition("/")[2] for wheel in ours["build"]] == [
        "helper-1.0-py3-none-any.whl"
    ]
    above = tomli.loads(root.read("s/requirements/app-app/pylock.app-app.toml"))
    assert {p["name"]: p["marker"] for p in above["packages"]} == dict.fromkeys(
        ("needed", "sourced"), "sys_platform == 'from_lower_layer'"
    )
    before = root.read(LOCK)
    index.wheels.update(package_wheel("helper", "1.1"))
    root.succeed("generate-lockfiles")
    assert root.read(LOCK) == before


def test_it_is_built_with_the_interpreter_of_the_layer(
    site: tuple[BuildRoot, SimpleIndex],
) -> None:
    root, _ = site
    # Most Linux machines can take the network away from a process.
    apart = ["unshare", "--user", "--map-current-user", "--net", "true"]
    network = subprocess.run(apart, capture_output=True, check=False).returncode != 0
    packaged = root.succeed("package", "s::")
    assert "not built the same twice" not in packaged.stderr
    assert root.succeed("run", "s:app").stdout == f"(3, 9) 1.0 {network}\n"
    metadata = json.loads(root.read(f"dist/s/{NATIVE}/framework-fw.json"))
    assert [wheel["name"] for wheel in metadata["built_wheels"]] == ["sourced-1.0-py3-none-any.whl"]


def test_a_package_at_a_commit(site: tuple[BuildRoot, SimpleIndex], tmp_path: Path) -> None:
    root, _ = site
    with git_server(tmp_path / "repo") as server:
        module = "f\"BUILT = {os.environ.get('SETUPTOOLS_SCM_PRETEND_VERSION')!r}\\n\""
        files = source_files("atcommit", "2.5", module=module, imports="import os")
        commit = server.commit({f"python/{path}": text for path, text in files.items()})
        requirement = f"atcommit @ git+{server.url}@{commit}#subdirectory=python"
        root.write("c/reqs.txt", f"{requirement}\n")
        build = """\
python_requirements(name="reqs", source="reqs.txt")
venvstacks_runtime(
    name="py", python_implementation="cpython@3.9", requirements=[":reqs"], build_from_source=[%s]
)
venvstacks_application(
    name="app", runtime=":py", requirements=["atcommit"], launch_module="run.py"
)
"""
        root.write("c/BUILD", build % "")
        refused = root.pants("package", "c:py").error
        assert "* c:py: `build_from_source` lacks 'atcommit': 'atcommit" in refused
        assert ", of c:reqs#atcommit names a commit" in refused
        root.write("c/BUILD", build % '"AtCommit"')
        root.write("c/run.py", "import atcommit\n\nprint(atcommit.BUILT)\n")
        root.succeed("generate-lockfiles", "--resolve=c:py", "--resolve=c:app")
        assert root.succeed("run", "c:app").stdout == "2.5\n"


def test_one_that_is_never_the_same_is_named(site: tuple[BuildRoot, SimpleIndex]) -> None:
    root, index = site
    index.wheels.update(
        source_archive("random_one", module='f"VALUE = {os.urandom(8)!r}\\n"', imports="import os")
    )
    root.write(
        "r/BUILD",
        'venvstacks_runtime(name="py", python_implementation="cpython@3.9", '
        'requirements=["random-one"], build_from_source=["random_one"])\n',
    )
    root.succeed("generate-lockfiles", "--resolve=r:py")
    warned = root.succeed("package", "r:py")
    assert (
        f"r:py for {NATIVE}: `random-one` 1.0 is not built the same twice (`random_one.py`): who "
        "builds the layer again, without this cache, gets another archive."
    ) in warned.stderr
    # A run that ends with fewer warnings may still repeat those of the run before.
    once = ("--no-venvstacks-verify-builds", "package", "r:py")
    root.succeed(*once)
    quiet = root.succeed(*once)
    assert "not built the same twice" not in quiet.stderr


def test_what_fails_says_why(site: tuple[BuildRoot, SimpleIndex]) -> None:
    root, index = site
    # Only the build of a layer has the variable; locking asks what the package requires before.
    module = "str(1 // (os.environ.get('SOURCE_DATE_EPOCH') is None))"
    index.wheels.update(source_archive("broken", module=module, imports="import os"))
    root.write(
        "b/BUILD",
        'venvstacks_runtime(name="py", python_implementation="cpython@3.9", '
        'requirements=["broken"], build_from_source=["broken"])\n',
    )
    root.succeed("generate-lockfiles", "--resolve=b:py")
    refused = root.pants("package", "b:py").error
    assert "`broken` 1.0 cannot be built from source:" in refused
    assert "ZeroDivisionError" in refused
    root.write(
        "b/BUILD",
        'venvstacks_runtime(name="py", python_implementation="cpython@3.9", '
        'requirements=["needed"], build_from_source=["neded"])\n',
    )
    misspelt = root.pants("generate-lockfiles", "--resolve=b:py")
    assert (
        "b:py: packages that are built from source\n  * `build_from_source` has 'neded', which the "
        "layer does not need. Did you mean 'needed'?"
    ) in misspelt.error
    root.write(
        "b/BUILD",
        'venvstacks_runtime(name="py", python_implementation="cpython@3.9", '
        'build_from_source=["needed==1"])\n',
    )
    wrong = root.pants("package", "b:py")
    assert (
        "`build_from_source[0]` is 'needed==1', which is not the name of a distribution, like "
        "'docopt'. Write its name only."
    ) in wrong.error

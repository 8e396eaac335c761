"""``python_distribution`` targets as packages of layers: built by Pants, and locked."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import tomli

from tests.support.build_root import NATIVE, REPOSITORY, BuildRoot
from tests.support.documents import read_provenance, read_sbom
from tests.support.reader import Reader
from tests.support.shared_roots import shared_root
from tests.support.simple_index import SimpleIndex, package_wheel, simple_index
from tests.support.wheels import decompressed, members

pytestmark = pytest.mark.slow

FRAMEWORK = "layers/requirements/framework-fw/pylock.framework-fw.toml"


@pytest.fixture(scope="module")
def site() -> Iterator[tuple[BuildRoot, SimpleIndex]]:
    """Two distributions, one of which requires the other, in a framework and an application."""
    other = package_wheel("acme_core", "9.0")
    with (
        simple_index(package_wheel("needed"), package_wheel("beside"), other) as index,
        shared_root(config='uv_config = "uv.toml"\n') as root,
    ):
        root.write("uv.toml", index.uv_config.replace("tool.uv.", ""))
        root.write("BUILD", 'python_requirement(name="needed", requirements=["needed>=1"])\n')
        root.write(
            "acme/core/words.py", "import needed\n\n\ndef shout(text):\n    return text.upper()\n"
        )
        root.write("acme/text/show.py", "from acme.core.words import shout\n\n\ndef main():\n"
                   "    print(shout('hello'))\n")  # fmt: skip
        for name, distribution in (("core", "acme-core"), ("text", "acme_Text")):
            root.write(
                f"acme/{name}/BUILD",
                'python_sources(name="lib")\n'
                'python_distribution(name="dist", dependencies=[":lib"], '
                f'provides=python_artifact(name="{distribution}", version="1.0"))\n',
            )
        root.write("layers/run.py", "from acme.text.show import main\n\nmain()\n")
        root.write(
            "layers/BUILD",
            'venvstacks_runtime(name="py", python_implementation="cpython@3.9")\n'
            'venvstacks_framework(name="fw", runtime=":py", requirements=["beside"], '
            'dependencies=["acme/text:dist"])\n'
            'venvstacks_application(name="app", frameworks=[":fw"], launch_module="run.py", '
            'dependencies=["acme/core:dist"])\n'
            # By inference, the application depends on sources that the wheels have.
            'python_sources(name="sources", sources=["run.py"])\n',
        )
        root.succeed("generate-lockfiles")
        root.succeed("package", "layers::")
        yield root, index


def test_the_how_to(tmp_path: Path) -> None:
    """Its distribution in its layer, on the CPython 3.11 of this machine."""
    with shared_root() as root:
        root.write("src/acme/text/shout.py", "def shout(text):\n    return text.upper()\n")
        reader = Reader.of(root, tmp_path, {"cpython@3.11.13": "cpython@3.11"})
        assert len(reader.follow(REPOSITORY / "docs/how-to/own-wheels.md")) == 2
        (metadata,) = root.path.glob("dist/layers/*/framework-text.json")
        (wheel,) = json.loads(metadata.read_text())["built_wheels"]
        assert wheel["name"] == "acme_text-1.0-py3-none-any.whl"
        (archive,) = root.path.glob("dist/layers/*/framework-text.tar.zst")
        names = [member.name for member in members(decompressed(archive))]
        assert [name for name in names if name.endswith("src/acme/text/shout.py")] != []


def hashes(root: BuildRoot) -> dict[str, str]:
    """The wheels in the metadata of the framework, with their hashes."""
    metadata = json.loads(root.read(f"dist/layers/{NATIVE}/framework-fw.json"))
    return {wheel["name"]: wheel["hash"] for wheel in metadata["built_wheels"]}


def test_what_they_require_is_locked_and_no_index_has_them(
    site: tuple[BuildRoot, SimpleIndex],
) -> None:
    root, index = site
    lock = tomli.loads(root.read(FRAMEWORK))
    assert [(p["name"], p["version"]) for p in lock["packages"]] == [
        ("acme-core", "1.0"),
        ("acme-text", "1.0"),
        ("beside", "1.0"),
        ("needed", "1.0"),
    ]
    assert not [line for line in index.asked if "acme" in line]
    above = tomli.loads(root.read("layers/requirements/app-app/pylock.app-app.toml"))
    assert [(p["name"], p["marker"]) for p in above["packages"]] == [
        ("acme-core", "sys_platform == 'from_lower_layer'"),
        ("needed", "sys_platform == 'from_lower_layer'"),
    ]
    assert sorted(hashes(root)) == [
        "acme_Text-1.0-py3-none-any.whl",
        "acme_core-1.0-py3-none-any.whl",
    ]
    assert root.succeed("run", "layers:app").stdout == "HELLO\n"
    dependencies = root.succeed("dependencies", "--transitive", "layers:app").stdout.splitlines()
    assert {"acme/core/words.py:lib", "acme/text/show.py:lib"} <= set(dependencies)
    (archive,) = root.path.glob("dist/**/app-app.tar.zst")
    assert not [m.name for m in members(decompressed(archive)) if "acme" in m.name]


def test_documents_tell_them_from_packages_of_an_index(
    site: tuple[BuildRoot, SimpleIndex],
) -> None:
    root, index = site
    root.succeed("--venvstacks-documents", "package", "layers:fw")
    stem = f"dist/layers/{NATIVE}/framework-fw"
    data = read_sbom(root.read(f"{stem}.cdx.json"))
    repository = f"?repository_url={index.url}"
    purls = {c["name"]: c["purl"] for c in data["components"] if c["type"] == "library"}
    assert purls == {
        "acme-core": "pkg:generic/acme-core@1.0",
        "acme-text": "pkg:generic/acme-text@1.0",
        "beside": f"pkg:pypi/beside@1.0{repository}",
        "needed": f"pkg:pypi/needed@1.0{repository}",
    }
    edges = {entry["ref"]: entry.get("dependsOn", []) for entry in data["dependencies"]}
    assert edges[purls["acme-text"]] == [purls["acme-core"]]
    assert edges[purls["acme-core"]] == [purls["needed"]]
    statement = read_provenance(root.read(f"{stem}.provenance.json"))
    inputs = statement["predicate"]["buildDefinition"]["resolvedDependencies"]
    built = {
        f["name"]: f["digest"]["sha256"] for f in inputs if "built" in f.get("annotations", {})
    }
    assert {name: f"sha256:{sha256}" for name, sha256 in built.items()} == hashes(root)


def test_an_edit_makes_one_segment_again(site: tuple[BuildRoot, SimpleIndex]) -> None:
    root, _ = site
    before, locked = hashes(root), root.read(FRAMEWORK)
    source = root.read("acme/core/words.py")
    # Another one in each run: Pants remembers what it made of it.
    mark = uuid.uuid4().hex
    root.write("acme/core/words.py", source.replace("upper()", f"upper() + '{mark}'"))
    edited = root.succeed("package", "layers::")
    made = [line for line in edited.work if line.startswith(("Compressed", "Assembled"))]
    assert [line.split(" (")[0] for line in made] == [
        "Assembled framework-fw.tar.zst",
        "Compressed acme_core 1.0 for framework-fw",
    ]
    after = hashes(root)
    text = "acme_Text-1.0-py3-none-any.whl"
    core = "acme_core-1.0-py3-none-any.whl"
    assert (after[text], after[core] == before[core]) == (before[text], False)
    assert root.succeed("run", "layers:app").stdout == f"HELLO{mark}\n"
    root.succeed("generate-lockfiles")
    assert root.read(FRAMEWORK) == locked
    # The same sources, built again from nothing: Pants' wheel differs in its times.
    root.write("acme/core/words.py", source)
    root.succeed("--no-local-cache", "package", "layers:fw", "acme/core:dist")
    first = (root.path / "dist" / core).read_bytes()
    assert hashes(root) == before
    root.stop()
    root.succeed("--no-local-cache", "package", "layers:fw", "acme/core:dist")
    assert hashes(root) == before
    assert (root.path / "dist" / core).read_bytes() != first


def test_a_change_of_what_they_require_is_named(site: tuple[BuildRoot, SimpleIndex]) -> None:
    root, _ = site
    build = root.read("BUILD")
    root.write("BUILD", build.replace("needed>=1", "needed<2"))
    stale = root.pants("check", "layers:fw")
    assert stale.code == 1
    assert (
        "layers:fw: the lockfile layers/requirements/framework-fw/pylock.framework-fw.toml is "
        "stale. Run `pants generate-lockfiles --resolve=layers:fw`.\n"
        "    - distribution `acme-core` now requires `needed<2`\n"
        "    - distribution `acme-core` no longer requires `needed>=1`\n"
    ) in stale.stderr
    root.write("BUILD", build)
    root.succeed("check", "layers:fw")


def test_what_is_no_wheel_is_refused(site: tuple[BuildRoot, SimpleIndex]) -> None:
    root, _ = site
    build = root.read("acme/core/BUILD")
    core = 'name="dist", '
    root.write("acme/core/BUILD", build.replace(core, f"{core}wheel=False, "))
    refused = root.pants("package", "layers:fw")
    assert (
        "A distribution cannot be a wheel of a layer:\n"
        "  * acme/core:dist: it builds acme-core-1.0.tar.gz, and a layer takes one wheel. Set "
        "`wheel=True`, or remove it from the layer's `dependencies`."
    ) in refused.error
    root.write("acme/core/BUILD", build)


def test_one_for_a_platform_fits_that_only(site: tuple[BuildRoot, SimpleIndex]) -> None:
    root, _ = site
    root.write(
        "fast/setup.py",
        "from setuptools import Distribution, setup\n\n\n"
        "class Compiled(Distribution):\n"
        "    def has_ext_modules(self):\n"
        "        return True\n\n\n"
        "setup(name='fast', version='1.0', py_modules=['fast'], distclass=Compiled)\n",
    )
    root.write("fast/fast.py", "FAST = True\n")
    root.write(
        "fast/BUILD",
        'python_sources(name="lib", sources=["fast.py", "setup.py"])\n'
        'python_distribution(name="dist", dependencies=[":lib"], generate_setup=False, '
        'sdist=False, interpreter_constraints=["==3.9.*"], '
        'provides=python_artifact(name="fast", version="1.0"))\n'
        'venvstacks_runtime(name="py", python_implementation="cpython@3.9", '
        'dependencies=[":dist"])\n',
    )
    root.succeed("generate-lockfiles", "--resolve=fast:py")
    root.succeed("package", "fast:py")
    metadata = json.loads(root.read(f"dist/fast/{NATIVE}/py.json"))
    (wheel,) = metadata["built_wheels"]
    assert wheel["name"].startswith("fast-1.0-cp39-cp39-")
    build = root.read("fast/BUILD")
    root.write("fast/BUILD", build.replace("==3.9.*", "==3.11.*"))
    refused = root.pants("package", "fast:py")
    name = wheel["name"].replace("cp39", "cp311")
    assert (
        f"`fast` 1.0 is built from the repository as `{name}`, which does not fit "
        f"CPython 3.9 on {NATIVE}; package the layer on a machine of that platform, "
    ) in refused.error

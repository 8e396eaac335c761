"""SBOMs and provenance of real layers, read by the libraries of their formats."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.build_root import NATIVE, BuildRoot
from tests.support.documents import read_provenance, read_sbom
from tests.support.outputs import hashes
from tests.support.shared_roots import shared_root
from venvstacks_rules.model.repository.keys import blob_key

pytestmark = pytest.mark.xdist_group("documents")

HELLO, STACK = f"examples.hello/{NATIVE}", f"examples.stack/{NATIVE}"
BUILDER = "https://ci.example.com/release"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("documents") / "store"


@pytest.fixture(scope="module")
def root(store: Path) -> Iterator[BuildRoot]:
    config = f"""\
documents = true
builder_id = "{BUILDER}"
repositories = {{local = "{store.as_uri()}"}}
"""
    with shared_root(config=config) as made:
        made.copy_example("hello")
        made.copy_example("stack")
        made.succeed(
            "package", "examples/hello:hello", "examples/hello:text", "examples/stack:stack"
        )
        yield made


def sbom(root: BuildRoot, layer: str) -> dict[str, Any]:
    return read_sbom(root.read(f"dist/{layer}.cdx.json"))


def provenance(root: BuildRoot, layer: str) -> dict[str, Any]:
    return read_provenance(root.read(f"dist/{layer}.provenance.json"))


def segments(root: BuildRoot, layer: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(root.read(f"dist/{layer}.segments.json"))["segments"]
    return found


def layers(root: BuildRoot) -> list[str]:
    dist = root.path / "dist"
    return [
        path.relative_to(dist).as_posix()[: -len(".segments.json")]
        for path in sorted(dist.rglob("*.segments.json"))
    ]


def test_every_layer_has_both(root: BuildRoot) -> None:
    assert layers(root) == [
        *(f"{HELLO}/{name}" for name in ("app-hello", "framework-text")),
        *(f"{STACK}/{name}" for name in ("app-outline", "cpython-3.9", "framework-markdown@1")),
    ]
    for layer in layers(root):
        wheels = [s["source"] for s in segments(root, layer) if s["source"].endswith(".whl")]
        components = [c for c in sbom(root, layer)["components"] if c["type"] == "library"]
        found = [
            p["value"]
            for component in components
            for p in component["properties"]
            if p["name"] == "venvstacks:wheel"
        ]
        assert sorted(found) == sorted(wheels)
        assert all(component["licenses"] for component in components)
        statement = provenance(root, layer)
        (archive,) = statement["subject"]
        content = (root.path / f"dist/{layer}").parent.joinpath(archive["name"]).read_bytes()
        assert archive["digest"] == {"sha256": hashlib.sha256(content).hexdigest()}
        assert statement["predicate"]["runDetails"]["builder"]["id"] == BUILDER
        # Every file that is named has the hash that it is said to have.
        inputs = statement["predicate"]["buildDefinition"]["resolvedDependencies"]
        for file in inputs:
            if file["uri"].startswith("file:"):
                content = (root.path / file["name"]).read_bytes()
                assert file["digest"] == {"sha256": hashlib.sha256(content).hexdigest()}
        lock = root.read(next(f["name"] for f in inputs if "/pylock." in f["name"]))
        for file in inputs:
            if file["name"].endswith(".whl"):
                assert f'sha256 = "{file["digest"]["sha256"]}"' in lock
                assert file["downloadLocation"] in lock


def test_the_graph_is_that_of_the_wheels(root: BuildRoot) -> None:
    data = sbom(root, f"{HELLO}/framework-text")
    edges = {entry["ref"]: entry.get("dependsOn", []) for entry in data["dependencies"]}
    names = {c["bom-ref"]: c["name"] for c in (*data["components"], data["metadata"]["component"])}
    readable = {names[ref]: sorted(names[other] for other in edges[ref]) for ref in edges}
    assert readable == {
        "cpython-3.9": [],
        "framework-text": ["cpython-3.9", "rich"],
        "markdown-it-py": ["mdurl"],
        "mdurl": [],
        "pygments": [],
        "rich": ["markdown-it-py", "pygments"],
    }


def test_modules_of_the_repository(root: BuildRoot) -> None:
    inputs = provenance(root, f"{STACK}/app-outline")["predicate"]["buildDefinition"]
    files = [f["name"] for f in inputs["resolvedDependencies"] if f["uri"].startswith("file:")]
    assert "examples/stack/headings.py" in files
    assert "examples/stack/outline/__main__.py" in files
    properties = sbom(root, f"{STACK}/app-outline")["metadata"]["component"]["properties"]
    assert "venvstacks:launch_module" in [each["name"] for each in properties]
    below = {c["name"]: c for c in sbom(root, f"{STACK}/app-outline")["components"]}
    own = sbom(root, f"{STACK}/framework-markdown@1")["metadata"]["component"]
    assert {key: below["framework-markdown"][key] for key in ("name", "type", "version")} == {
        key: own[key] for key in ("name", "type", "version")
    }


def test_a_page_links_what_text_names(root: BuildRoot) -> None:
    shown = root.succeed("venvstacks-show", "examples/hello:hello").stdout
    assert f"SBOM       dist/{HELLO}/app-hello.cdx.json\n" in shown
    root.succeed("venvstacks-show", "--html=pages/show.html", "examples/hello:hello")
    link = f'href="../dist/{HELLO}/app-hello.cdx.json"'
    assert link in root.read("pages/show.html")
    assert (root.path / "pages" / link[6:-1]).is_file()


def test_without_the_option_the_same_files_are_the_same_bytes(root: BuildRoot) -> None:
    before = hashes(root.path / "dist")
    (root.path / "dist").rename(root.path / "with")
    root.succeed("--no-venvstacks-documents", "package", "examples/hello:hello")
    after = hashes(root.path / "dist")
    shutil.rmtree(root.path / "dist")
    (root.path / "with").rename(root.path / "dist")
    assert sorted(after) == [
        f"{HELLO}/app-hello{end}" for end in (".json", ".segments.json", ".tar.zst")
    ]
    assert after.items() <= before.items()


def test_a_repository_has_them(root: BuildRoot, store: Path) -> None:
    build = root.read("examples/hello/BUILD")
    release = (
        'venvstacks_release(name="release", layers=[":hello"], version="1.0", channel="stable", '
        'repositories=["local"])\n'
    )
    root.write("examples/hello/BUILD", f"{build}\n{release}")
    root.succeed("publish", "examples/hello:release")
    (index,) = (store / "layers/app-hello").rglob("*.json")
    data = json.loads(index.read_text(encoding="utf-8"))

    def blob(name: str) -> str:
        return (store / blob_key(data["documents"][name]["sha256"])).read_text(encoding="utf-8")

    # The SBOM is that beside the archive; the provenance is of the segments.
    assert blob("sbom") == root.read(f"dist/{HELLO}/app-hello.cdx.json")
    statement = read_provenance(blob("provenance"))
    assert statement["subject"] == [
        {
            "name": f"{data['archive']['name']}#{segment['source']}",
            "digest": {"sha256": segment["sha256"]},
        }
        for segment in data["segments"]
    ]
    for subject in statement["subject"]:
        assert (store / blob_key(subject["digest"]["sha256"])).is_file()
    beside = provenance(root, f"{HELLO}/app-hello")
    assert beside["predicate"] == statement["predicate"]


def test_a_builder_is_a_uri(root: BuildRoot) -> None:
    done = root.pants("--venvstacks-builder-id=my builder", "package", "examples/hello:hello")
    assert done.code == 1
    assert done.error == (
        "DefinitionError: `[venvstacks].builder_id` cannot be used:\n"
        "  * 'my builder' is not a URI. Write it as, for example, "
        "'https://ci.example.com/release'."
    )

"""``./pants venvstacks-export``: layers ready to run, without archives."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.build_root import NATIVE, BuildRoot, Finished, build_root
from tests.support.exports import state
from tests.support.machines import FirstBuild
from tests.support.outputs import tree
from tests.support.published_layers import PublishedLayer, deploy, run_deployed

# Its machine has named caches of its own, so that the tests can delete them.
pytestmark = pytest.mark.xdist_group("first build")

LAYERS = ("cpython-3.9", "framework-markup", "framework-http", "app-classify", "app-report")
# MarkupSafe is a binary wheel.
BUILD = """\
venvstacks_runtime(
    name="cpython-3.9", python_implementation="cpython@3.9", requirements=["packaging"],
    strip_interpreter=["development", "idlelib", "test", "tkinter"],
)
venvstacks_framework(name="markup", runtime=":cpython-3.9", requirements=["markupsafe"])
venvstacks_framework(name="http", runtime=":cpython-3.9", requirements=["idna"])
venvstacks_application(
    name="classify", launch_module="classify.py", frameworks=[":markup"],
    requirements=["markupsafe"],
)
venvstacks_application(
    name="report", launch_module="report", frameworks=[":markup", ":http"],
    requirements=["humanize", "idna"],
)
"""
MODULES = {
    "classify.py": "from markupsafe import _speedups, escape\nprint('accuracy', escape('<1>'))\n",
    "report/__init__.py": "",
    "report/__main__.py": "import humanize, idna\nprint(humanize.intcomma(1000), idna.__name__)\n",
}
NAMES = tuple(name.removeprefix("framework-").removeprefix("app-") for name in LAYERS)
MARKERS = {
    f".venvstacks-{how}.{suffix}"
    for how in ("deployed", "exported")
    for suffix in ("json", "files")
}
MANIFEST = """
venvstacks_manifest(name="manifest", layers=[":hello"])
"""


@pytest.fixture(scope="module")
def root(first: FirstBuild) -> Iterator[BuildRoot]:
    """Of the machine, beside what was built there first."""
    made = first.root
    made.write("stack/BUILD", BUILD)
    for path, text in MODULES.items():
        made.write(f"stack/{path}", text)
    made.succeed("generate-lockfiles", *(f"--resolve=stack:{name}" for name in NAMES))
    build = made.read("examples/hello/BUILD")
    made.write("examples/hello/BUILD", build + MANIFEST)
    yield made
    made.write("examples/hello/BUILD", build)
    for folder in ("dist", "other", "out", "stack"):
        shutil.rmtree(made.path / folder, ignore_errors=True)


@pytest.fixture(scope="module")
def exported(root: BuildRoot) -> Finished:
    """The export of all of the stack to `out`."""
    return export(root, "stack:", "out")


@pytest.fixture(scope="module")
def archives(root: BuildRoot) -> Path:
    """The folder of the archives of the stack."""
    root.succeed("package", "stack:")
    return root.path / "dist" / "stack" / NATIVE


def export(root: BuildRoot, spec: str, folder: str) -> Finished:
    return root.succeed("venvstacks-export", f"--output-dir={folder}", spec)


def said(done: Finished) -> list[str]:
    """What is said of the layers, the log of Pants left out."""
    lines = done.stderr.splitlines()
    return [line for line in lines if line.startswith((*LAYERS, "Exported", "Not changed"))]


def test_nothing_is_packed(root: BuildRoot, exported: Finished) -> None:
    assert not [text for text in exported.work if text.startswith(("Compressed", "Assembled"))]
    out = root.path / "out"
    assert sorted(path.name for path in out.iterdir()) == sorted(
        [".venvstacks", "__venvstacks__", *LAYERS]
    )
    assert said(exported)[-1] == f"Exported to {out}"
    assert {line.split(":")[0] for line in said(exported)[:-1]} == set(LAYERS)
    assert all(" linked, " in line for line in said(exported)[:2])


def test_the_layers_are_those_that_archives_deploy_to(
    root: BuildRoot, exported: Finished, archives: Path, tmp_path: Path
) -> None:
    deployed = tmp_path / "deployed"
    deploy([PublishedLayer(archives, name) for name in LAYERS], deployed, tmp_path)
    for name in LAYERS:
        mine, theirs = (tree(folder / name) for folder in (root.path / "out", deployed))
        assert set(mine) - MARKERS == set(theirs) - MARKERS
        for path, entry in mine.items():
            if path in MARKERS:
                continue
            if path.endswith(".pyc"):
                # The rest holds names of places, which Python replaces at import.
                headers = [
                    (f / name / path).read_bytes()[:16] for f in (root.path / "out", deployed)
                ]
                assert headers[0] == headers[1], path
            elif path.endswith("pyvenv.cfg"):
                texts = [
                    (folder / name / path).read_text().replace(str(folder), "")
                    for folder in (root.path / "out", deployed)
                ]
                assert texts[0] == texts[1]
            else:
                assert entry == theirs[path], path


def test_the_metadata_beside_the_layers(
    root: BuildRoot, exported: Finished, archives: Path
) -> None:
    folder = root.path / "out" / "__venvstacks__"
    manifest = json.loads((folder / "venvstacks.json").read_text())
    layers = manifest["layers"]
    names = [layer["layer_name"] for kind in layers.values() for layer in kind]
    assert sorted(names) == sorted(LAYERS)
    for kind in layers.values():
        for layer in kind:
            snippet = folder / "env_metadata" / f"{layer['layer_name']}.json"
            assert json.loads(snippet.read_text()) == layer
            archived = {"archive_name", "archive_size", "archive_hashes", "archive_build"}
            assert not {*archived, "target_platform"} & set(layer)
    kept = json.loads((archives / "app-report.json").read_text())
    (report,) = (layer for layer in layers["applications"] if layer["layer_name"] == "app-report")
    assert report.items() <= kept.items()


def test_exporting_again_touches_nothing(root: BuildRoot, exported: Finished) -> None:
    before = state(root.path / "out")
    done = export(root, "stack:", "out")
    assert said(done) == [
        *(f"{line.split(':')[0]}: unchanged" for line in said(exported)[:-1]),
        f"Exported to {root.path}/out",
    ]
    assert state(root.path / "out") == before


def test_the_layers_run_without_the_caches(root: BuildRoot, exported: Finished) -> None:
    out = root.path / "out"
    assert run_deployed(out, "app-classify").startswith("accuracy &lt;1&gt;")
    cache = Path(root.environment["PANTS_NAMED_CACHES_DIR"]) / "venvstacks_trees"
    shutil.rmtree(cache)
    assert run_deployed(out, "app-classify").startswith("accuracy &lt;1&gt;")
    assert run_deployed(out, "app-report").startswith("1,000 idna")


def test_an_edited_module_changes_its_application_only(root: BuildRoot, exported: Finished) -> None:
    out = root.path / "out"
    before = state(out)
    source = root.path / "stack/classify.py"
    text = source.read_text()
    source.write_text(text.replace("accuracy", "precision"))
    done = export(root, "stack:classify", "out")
    source.write_text(text)
    assert said(done) == [
        "cpython-3.9: unchanged",
        "framework-markup: unchanged",
        "app-classify: 9 written files",
        "Not changed, because this export does not include them: `app-report`, `framework-http`",
        f"Exported to {out}",
    ]
    changed = {path for path, found in state(out).items() if before.get(path) != found}
    assert {path.split("/")[0] for path in changed} == {"app-classify", "__venvstacks__"}
    assert run_deployed(out, "app-classify").startswith("precision &lt;1&gt;")


def test_copies_on_another_file_system(root: BuildRoot) -> None:
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == root.path.stat().st_dev:
        pytest.skip("there is no second file system")
    destination = memory / f"venvstacks-rules-export-{os.getpid()}"
    try:
        done = export(root, "examples/hello:manifest", str(destination))
        assert "framework-text: " in done.stderr
        assert " copied, " in done.stderr
        assert " linked, " not in done.stderr
        assert "Hello, Ann!" in run_deployed(destination, "app-hello", "Ann")
    finally:
        shutil.rmtree(destination, ignore_errors=True)


def test_the_default_folder_and_a_file_in_the_way(root: BuildRoot) -> None:
    mine = root.write("dist/export/venvstacks/app-hello", "mine")
    done = root.pants("venvstacks-export", "examples/hello:hello")
    assert done.code == 1
    assert (
        "error: something is in the way of the layers\n"
        f"  * `{mine}` is there, and no export wrote it. Move it away, or export to another folder."
        "\n"
    ) in done.stderr
    assert sorted(path.name for path in mine.parent.iterdir()) == [".venvstacks", "app-hello"]
    assert mine.read_text() == "mine"
    mine.unlink()
    root.succeed("venvstacks-export", "examples/hello:hello")
    assert "Hello, Ann!" in run_deployed(mine.parent, "app-hello", "Ann")


def test_layers_of_one_name_cannot_share_a_folder(root: BuildRoot) -> None:
    done = root.pants("venvstacks-export", "examples::", "stack::")
    assert done.code == 1
    assert done.error == (
        "DefinitionError: Layers cannot be exported together:\n"
        "  * examples/hello:cpython-3.9 and stack:cpython-3.9 would both be exported to "
        "`cpython-3.9`. Export them to different folders, or rename one of them."
    )


def test_pants_own_export_takes_layers_and_stacks_as_resolves(root: BuildRoot) -> None:
    folder = "dist/export/venvstacks-resolves/examples.hello."
    for resolve, written in (
        ("hello", "the virtual environment `app-hello` of examples/hello:hello"),
        ("manifest", "the layers of examples/hello:manifest"),
    ):
        done = root.succeed("export", f"--resolve=examples/hello:{resolve}")
        assert done.stdout == f"Wrote {written} to {folder}{resolve}\n"
        layers = root.path / f"{folder}{resolve}"
        assert sorted(path.name for path in layers.iterdir()) == [
            ".venvstacks",
            "app-hello",
            "cpython-3.9",
            "framework-text",
        ]
        assert (layers / "app-hello/pyvenv.cfg").is_file()
        assert "Hello, you!" in run_deployed(layers, "app-hello", "you")
    unknown = root.pants("export", "--resolve=examples/hello:nothing")
    assert unknown.code == 1
    assert "examples/hello:nothing" in unknown.error


def test_targets_that_are_no_layers(root: BuildRoot) -> None:
    root.write("other/BUILD", 'file(name="file", source="text.txt")\n')
    root.write("other/text.txt", "")
    done = root.succeed("venvstacks-export", "other:file")
    assert "No layers to export were named. Name targets of layers, or `::` for all." in done.stderr


@pytest.mark.slow
def test_kills_of_the_daemon_leave_whole_layers(tmp_path: Path) -> None:
    """The process that exports does its work although nobody waits for it any more."""
    environment = {"PANTS_NAMED_CACHES_DIR": str(tmp_path / "caches")}
    with build_root(tmp_path / "root", environment=environment) as root:
        root.copy_example("hello")
        _kill_exports(root)


def _kill_exports(root: BuildRoot) -> None:
    out = root.path / "killed"
    for _ in range(2):
        started = root.start("venvstacks-export", "--output-dir=killed", "examples/hello:")
        found: list[Path] = []
        while started.poll() is None and not ((out / ".venvstacks/staging").exists() and found):
            time.sleep(0.05)
            found = list(root.path.glob(".pids/*/pantsd/pid"))
        for pid in found:
            os.kill(int(pid.read_text()), signal.SIGKILL)
            pid.unlink()
        # The client may wait for a daemon that is gone.
        started.kill()
        started.communicate()
        for layer in out.iterdir():
            assert layer.name[0] in "._" or (layer / ".venvstacks-exported.json").is_file()
    export(root, "examples/hello:", "killed")
    assert "Hello, Ada!" in run_deployed(out, "app-hello", "Ada")
    assert [path.name for path in (out / ".venvstacks").iterdir()] == ["lock"]

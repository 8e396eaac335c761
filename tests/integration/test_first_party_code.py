"""The code of the repository in layers: which files, where, and what an edit builds anew."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import tarfile
from collections.abc import Iterator

import pytest

from tests.support.build_root import NATIVE, REPOSITORY, BuildRoot
from tests.support.documented import blocks
from tests.support.shared_roots import shared_root
from venvstacks_rules.model.contents.segments import LARGE_FILE

TREE = {
    "src/python/acme/__init__.py": "",
    "src/python/acme/util/BUILD": 'python_sources()\npython_tests(name="tests")\n',
    "src/python/acme/util/text.py": (
        "from words.greetings import GREETING\n\n\n"
        'def greet(name):\n    return f"{GREETING}, {name}"\n'
    ),
    "src/python/acme/util/test_text.py": "from acme.util.text import greet\n",
    "src/python/acme/BUILD": "python_sources()\n",
    "src/python/acme/server/BUILD": (
        'python_sources(dependencies=[":pages", ":notes"])\n'
        'resources(name="pages", sources=["*.html"])\n'
        'files(name="notes", sources=["*.txt"])\n'
        'pex_binary(name="pex", entry_point="main.py")\n'
    ),
    "src/python/acme/server/__init__.py": "",
    "src/python/acme/server/main.py": (
        "import sys\n\nfrom acme.server.page import page\nfrom acme.util.text import greet\n\n\n"
        "def main():\n    print(greet(page()), *sys.argv[1:])\n"
        "    return 3\n\n\n"
        'if __name__ == "__main__":\n    main()\n'
    ),
    "src/python/acme/server/page.py": (
        "import pkgutil\n\n\n"
        'def page():\n    return pkgutil.get_data(__package__, "page.html").decode().strip()\n'
    ),
    "src/python/acme/server/page.html": "<p>\n",
    "src/python/acme/server/notes.txt": "for people\n",
    "src/python/acme/model/BUILD": 'resources(name="weights", sources=["*.bin"])\n',
    "src/python/acme/model/large.bin": "0123456789abcdef" * (LARGE_FILE // 16),
    "src/python/acme/plugins/BUILD": "python_sources()\n",
    "src/python/acme/plugins/extra.py": "EXTRA = 1\n",
    "lib/words/BUILD": "python_sources()\n",
    "lib/words/greetings.py": 'GREETING = "Hello"\n',
    "stacks/BUILD": (
        'venvstacks_runtime(name="py", python_implementation="cpython@3.9")\n'
        'venvstacks_framework(name="acme", runtime=":py", dependencies=["src/python/acme/util"])\n'
        "venvstacks_application(\n"
        '    name="calls", frameworks=[":acme"], launch_module="acme.server.main:main"\n)\n'
        "venvstacks_application(\n"
        '    name="runs",\n    runtime=":py",\n    launch_module="acme.server.main",\n'
        '    dependencies=["src/python/acme/plugins", "!!src/python/acme/server:notes"],\n)\n'
        "venvstacks_application(\n"
        '    name="path", runtime=":py", launch_module="../src/python/acme/server/main.py"\n)\n'
    ),
    # Beside the others, whose tests know all layers of a folder.
    "model/BUILD": (
        "venvstacks_application(\n"
        '    name="model",\n    runtime="stacks:py",\n    launch_module="acme.server.main",\n'
        '    dependencies=["src/python/acme/model:weights"],\n)\n'
    ),
}
SITE = "lib/python3.9/site-packages"


@pytest.fixture(scope="module")
def root() -> Iterator[BuildRoot]:
    with shared_root(config='\n[source]\nroot_patterns = ["/src/python", "/lib"]\n') as made:
        for path, content in TREE.items():
            made.write(path, content)
        made.succeed("generate-lockfiles", *(f"--resolve=stacks:{n}" for n in layers()))
        made.succeed("package", "stacks::")
        yield made


@pytest.fixture
def edited(root: BuildRoot) -> Iterator[BuildRoot]:
    """The build root, whose files are put back after the test."""
    yield root
    for path, content in TREE.items():
        if root.read(path) != content:
            root.write(path, content)


def layers() -> tuple[str, ...]:
    return ("py", "acme", "calls", "runs", "path")


def archive(name: str, folder: str = "stacks") -> str:
    return f"dist/{folder}/{NATIVE}/{name}.tar.zst"


def code_of(root: BuildRoot, layer: str, folder: str = "stacks") -> set[str]:
    """The files of the layer's code, relative to site-packages."""
    data = subprocess.run(
        ["zstd", "-dcq", archive(layer, folder)], cwd=root.path, capture_output=True, check=True
    ).stdout
    with tarfile.open(fileobj=io.BytesIO(data)) as opened:
        names = [member.name for member in opened if member.isfile()]
    start = f"{layer}/{SITE}/"
    return {
        name[len(start) :]
        for name in names
        if name.startswith(start) and "venvstacks_chain" not in name
    }


NOTES = "src/python/acme/server/notes.txt"
UTIL = {"acme/__init__.py", "acme/util/text.py", "words/greetings.py"}
SERVER = {
    *("acme/server/__init__.py", "acme/server/main.py"),
    *("acme/server/page.py", "acme/server/page.html"),
    NOTES,
}


def test_files_lie_by_source_root(root: BuildRoot) -> None:
    code = {*UTIL, *SERVER, "acme/plugins/extra.py"}
    # `!!` leaves out what it names wherever it is reached.
    assert code_of(root, "app-runs") == code - {NOTES}


def test_the_how_to(root: BuildRoot) -> None:
    """Its first application has the files that it lists, and those that only this tree has."""
    text = (REPOSITORY / "docs/how-to/first-party-code.md").read_text(encoding="utf-8")
    tree, build, files = (block.text.split("\n") for block in list(blocks(text))[:3])
    assert {line.split()[0] for line in tree if line} <= TREE.keys()
    root.write("page/BUILD", "\n".join(build))
    root.succeed("generate-lockfiles", "--resolve=page:cpython-3.9")
    root.succeed("package", "page:server")
    ours = {"acme/__init__.py", "acme/server/__init__.py", "acme/server/page.py", NOTES}
    assert code_of(root, "app-server", "page") == {*filter(None, files)} | ours
    shutil.rmtree(root.path / "page")


def test_no_second_copy_of_what_a_layer_below_has(root: BuildRoot) -> None:
    assert code_of(root, "framework-acme") == UTIL
    assert code_of(root, "app-calls") == {*SERVER, "_venvstacks_launch.py"}


def test_a_path_has_what_the_owner_of_the_file_depends_on(root: BuildRoot) -> None:
    assert code_of(root, "app-path") == {*UTIL, *SERVER - {"acme/server/main.py"}, "main.py"}


def test_it_runs(root: BuildRoot) -> None:
    done = root.pants("run", "stacks:calls", "--", "a", "b c")
    assert (done.code, done.stdout) == (3, "Hello, <p> a b c\n")
    assert root.succeed("run", "stacks:runs").stdout == "Hello, <p>\n"
    assert root.succeed("run", "stacks:path").stdout == "Hello, <p>\n"
    root.succeed("test", "stacks:calls", "stacks:runs", "stacks:path")


def test_metadata_names_the_code(root: BuildRoot) -> None:
    metadata = json.loads(root.read(f"dist/stacks/{NATIVE}/app-calls.json"))
    assert metadata["app_launch_module"] == "_venvstacks_launch"
    assert [each["name"] for each in metadata["app_support_modules"]] == ["acme", "src"]


@pytest.mark.parametrize(
    ("path", "changed"),
    [
        ("src/python/acme/util/text.py", {"framework-acme", "app-runs", "app-path"}),
        ("lib/words/greetings.py", {"framework-acme", "app-runs", "app-path"}),
        ("src/python/acme/server/page.html", {"app-calls", "app-runs", "app-path"}),
        ("src/python/acme/server/notes.txt", {"app-calls", "app-path"}),
        ("src/python/acme/server/main.py", {"app-calls", "app-runs", "app-path"}),
        ("src/python/acme/plugins/extra.py", {"app-runs"}),
        ("src/python/acme/util/test_text.py", set()),
    ],
)
def test_edges_are_those_that_change_archives(
    edited: BuildRoot, path: str, changed: set[str]
) -> None:
    """What `dependents` says of a file, and whose archives an edit of the file changes."""
    names = {"acme": "framework-acme", "calls": "app-calls", "runs": "app-runs", "path": "app-path"}
    edited.succeed("package", "stacks::")
    before = {name: (edited.path / archive(name)).read_bytes() for name in names.values()}
    edited.write(path, edited.read(path) + "\n# More\n")
    done = edited.succeed("package", "stacks::")
    after = {name: (edited.path / archive(name)).read_bytes() for name in names.values()}
    assert {name for name in after if after[name] != before[name]} == changed
    built = {name.split(".")[0] for name, (_, count) in done.segments.items() if count}
    assert built == changed
    asked = edited.succeed("dependents", "--transitive", path)
    # A launch module that is no path is no file of the target.
    assert "Unmatched glob" not in asked.stderr
    dependents = asked.stdout.split()
    direct = {names[spec.split(":")[1]] for spec in dependents if spec.startswith("stacks:")}
    # Layers above a changed one are built on it, and stay the same.
    assert changed <= direct
    assert direct - changed <= {"app-calls", *(["app-runs"] if path == NOTES else [])}


def test_imports_that_no_layer_provides(edited: BuildRoot) -> None:
    path = "src/python/acme/util/text.py"
    edited.write(path, TREE[path] + "import yaml\nimport acme.plugins.other\nimport os, wintools\n")
    edited.write("src/python/acme/plugins/other.txt", "")
    expected = [
        f"{path}:6: it imports `yaml`, which neither stacks:acme nor a layer below provides. Add "
        "its distribution, probably 'pyyaml', to the `requirements` of stacks:acme.",
        f"{path}:7: it imports `acme.plugins.other`, which neither stacks:acme nor a layer below "
        "provides. No file of the repository has it: correct the name, or add the target that "
        "generates it to the `dependencies` of stacks:acme.",
        f"{path}:8: it imports `wintools`, which neither stacks:acme nor a layer below provides. "
        "Add its distribution, probably 'wintools', to the `requirements` of stacks:acme.",
    ]
    end = " If the code does without it, add `# pants: no-infer-dep` to the line."
    done = edited.pants("package", "stacks:acme")
    message = "\n".join(f"  * {line}{end}" for line in expected)
    assert done.error == f"DefinitionError: Code imports what no layer provides:\n{message}"
    checked = edited.pants("check", "stacks:acme")
    assert checked.code == 1
    assert message in checked.stderr
    assert "✕ venvstacks-imports failed." in checked.stderr
    assert "✓ venvstacks-locks succeeded." in checked.stderr
    # As `[python-infer]` has it.
    ignored = edited.succeed(
        "--python-infer-unowned-dependency-behavior=ignore", "package", "stacks:acme"
    )
    assert "yaml" not in ignored.stderr
    note = 'No imports were compared: `{}` is "ignore".'
    option = "--python-infer-unowned-dependency-behavior=ignore"
    silent = edited.succeed(option, "check", "stacks:acme").stderr
    assert note.format("[python-infer].unowned_dependency_behavior") in silent
    # Ours comes first.
    assert edited.pants(option, "--venvstacks-missing-imports=error", "check", "stacks:acme").code
    warned = edited.succeed("--venvstacks-missing-imports=warning", "check", "stacks:acme").stderr
    assert message.replace("  * ", "") in warned
    assert "No imports" not in warned


def test_a_launch_module_that_is_not_there(edited: BuildRoot) -> None:
    build = TREE["stacks/BUILD"].replace("acme.server.main:main", "acme.sever.main:main")
    edited.write("stacks/BUILD", build.replace('":acme"],', '":acme"], dependencies=[_server],'))
    edited.write(
        "stacks/BUILD",
        '_server = "src/python/acme/server"\n' + edited.read("stacks/BUILD"),
    )
    message = (
        "What an application starts with is missing:\n"
        "  * stacks:calls: `launch_module` names 'acme.sever.main:main', but there is no such "
        "module. Did you mean 'acme.server.main'?"
    )
    assert edited.pants("package", "stacks:calls").error == f"DefinitionError: {message}"
    # Without its code the requirements of that are gone, too: the lock is not the one to blame.
    checked = edited.pants("check", "stacks:calls")
    assert message in checked.stderr
    assert "stale" not in checked.stderr


def test_a_function_that_is_not_there(edited: BuildRoot) -> None:
    build = TREE["stacks/BUILD"].replace("acme.server.main:main", "acme.server.main:mian")
    edited.write("stacks/BUILD", build)
    message = (
        "What an application starts with is missing:\n"
        "  * stacks:calls: `launch_module` names 'acme.server.main:mian', but `acme.server.main` "
        "has no `mian`. Did you mean 'main'?"
    )
    assert edited.pants("package", "stacks:calls").error == f"DefinitionError: {message}"
    for only in ((), ("--only=venvstacks-imports",), ("--only=venvstacks-locks",)):
        checked = edited.pants("check", *only, "stacks:calls")
        assert (checked.code, message in checked.stderr) == (1, True), only
        assert "not compared" not in checked.stdout + checked.stderr


def test_a_large_file_is_compressed_once(edited: BuildRoot) -> None:
    """An edit of the code beside it makes the segment of the other files only."""
    edited.succeed("generate-lockfiles", "--resolve=model:model")
    edited.succeed("package", "model:model")
    assert "acme/model/large.bin" in code_of(edited, "app-model", "model")
    before = segments_of(edited, "model", "app-model")
    assert [files for _, files in before][:-1] == [[f"{SITE}/acme/model/large.bin"]]
    edited.write("src/python/acme/server/page.html", "<p>2\n")
    done = edited.succeed("package", "model:model")
    assert done.segments == {"app-model.tar.zst": (1, 1)}
    assert not [line for line in done.work if line.startswith("Compressed")]
    after = segments_of(edited, "model", "app-model")
    assert after[0] == before[0]
    assert after[1] != before[1]
    assert edited.pants("run", "model:model").stdout == "Hello, <p>2\n"


def segments_of(root: BuildRoot, folder: str, layer: str) -> list[tuple[str, list[str]]]:
    """The hashes of a layer's segments, and their files."""
    index = json.loads(root.read(f"dist/{folder}/{NATIVE}/{layer}.segments.json"))
    return [
        (segment["sha256"], [file["path"] for file in segment["files"]])
        for segment in index["segments"]
    ]


@pytest.mark.parametrize("goal", ["venvstacks-export", "export"])
def test_an_export_for_editors_takes_code_from_the_repository(edited: BuildRoot, goal: str) -> None:
    if goal == "export":
        edited.succeed("export", "--resolve=stacks:calls")
        folder = "dist/export/venvstacks-resolves/stacks.calls"
    else:
        edited.succeed("venvstacks-export", "--editable", "stacks:calls")
        folder = "dist/export/venvstacks"
    start = [f"{folder}/app-calls/bin/python", "-m", "_venvstacks_launch"]
    assert _printed(edited, start) == "Hello, <p>\n"
    edited.write("lib/words/greetings.py", 'GREETING = "Bye"\n')
    assert _printed(edited, start) == "Bye, <p>\n"
    where = "import acme.util.text as t; print(t.__file__)"
    found = _printed(edited, [start[0], "-c", where])
    assert found == f"{edited.path}/src/python/acme/util/text.py\n"


def _printed(root: BuildRoot, command: list[str]) -> str:
    return subprocess.run(
        command, cwd=root.path, stdout=subprocess.PIPE, text=True, check=False
    ).stdout

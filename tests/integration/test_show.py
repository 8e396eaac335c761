"""``venvstacks-show`` on the examples: before and after ``package``, and with what is broken."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.build_root import NATIVE, BuildRoot
from tests.support.published_layers import PublishedLayer
from tests.support.shared_roots import shared_root
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS

STACK = "examples/sklearn"
RUNTIME = "cpython-3.9"
LOWER = {
    RUNTIME: [],
    "framework-http": [RUNTIME],
    "framework-sklearn": [RUNTIME],
    "app-classify": ["framework-sklearn", RUNTIME],
    "app-report": ["framework-sklearn", "framework-http", RUNTIME],
}
ADDRESSES = {name: f"{STACK}:{name.split('-', 1)[-1]}" for name in LOWER} | {
    RUNTIME: f"{STACK}:{RUNTIME}"
}

pytestmark = pytest.mark.skipif(
    not NATIVE.startswith("linux"), reason="the texts are those of Linux"
)


@pytest.fixture(scope="module")
def root() -> Iterator[BuildRoot]:
    with shared_root() as made:
        made.copy_example("sklearn")
        yield made


@pytest.fixture
def edited(root: BuildRoot) -> Iterator[BuildRoot]:
    """The build root; what a test writes into the BUILD file is undone."""
    build = root.read(f"{STACK}/BUILD")
    yield root
    root.write(f"{STACK}/BUILD", build)


def shown(root: BuildRoot, *arguments: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(root.succeed("venvstacks-show", "--json", *arguments).stdout)
    return data


def layers(data: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The layers of the only stack, by name."""
    (stack,) = data["stacks"]
    kinds = (stack["runtimes"], stack["frameworks"], stack["applications"])
    return {layer["layer_name"]: layer for kind in kinds for layer in kind}


def summarized(root: BuildRoot, layer: str) -> tuple[dict[str, str], dict[str, str]]:
    """Own and shared packages with their versions, from the summary beside the lockfile."""
    text = root.read(f"{STACK}/requirements/{layer}/packages-{layer}.txt")
    own, _, shared = text.partition("# Shared packages")
    pins = re.compile(r"^([\w-]+)==(\S+)$", re.MULTILINE)
    return dict(pins.findall(own)), dict(pins.findall(shared))


# Run in the order of this file: the first ones see a build root without any build.
def test_text_before_a_build(root: BuildRoot) -> None:
    done = root.succeed("venvstacks-show", f"{STACK}:http")
    platforms = "linux_x86_64, linux_aarch64, macosx_arm64, macosx_x86_64, win_amd64"
    lines = done.stdout.splitlines()
    assert re.fullmatch(rf"{STACK} on {NATIVE}: 2 layers, \d+\.\d MB to download", lines[0])
    assert lines[1:3] == ["", "runtimes"]
    assert re.fullmatch(
        r"└─ cpython-3\.9     locked              not built, \d+\.\d MB to download", lines[3]
    )
    assert lines[4:8] == [
        "     address    examples/sklearn:cpython-3.9",
        "     python     cpython@3.9",
        f"     platforms  {platforms}",
        "     packages   1, by wheel size",
    ]
    assert re.fullmatch(r" {18}numpy  2\.0\.2   \d+\.\d MB", lines[8])
    assert lines[9:11] == ["", "frameworks"]
    assert re.fullmatch(
        r"└─ framework-http  locked              not built, \d+\.\d kB to download", lines[11]
    )
    assert lines[12:16] == [
        "     address    examples/sklearn:http",
        "     layers     cpython-3.9",
        f"     platforms  {platforms}",
        "     packages   8, by wheel size",
    ]
    assert len(lines) == 16 + 8
    assert "\x1b" not in done.stdout


def test_json_before_a_build(root: BuildRoot) -> None:
    data = shown(root, f"{STACK}::")
    assert (data["target_platform"], data["problems"]) == (NATIVE, [])
    assert data["stacks"][0]["name"] == STACK
    found = layers(data)
    assert {
        name: [x["layer_name"] for x in layer["lower_layers"]] for name, layer in found.items()
    } == (LOWER)
    for name, layer in found.items():
        assert layer["install_target"] == name
        assert layer["address"] == ADDRESSES[name]
        assert layer["target_platforms"] == [p for p in PLATFORMS if p != "win_arm64"]
        assert layer["lock"]["state"] == "valid"
        assert layer["lock"]["remedy"] is None
        own, shared = summarized(root, name)
        assert {p["name"]: p["version"] for p in layer["packages"]} == own
        assert {p["name"]: p["version"] for p in layer["shared_packages"]} == shared
        for package in layer["shared_packages"]:
            assert package["layer"] in LOWER[name]
            assert package["name"] in summarized(root, package["layer"])[0]
        assert layer["sizes"]["unpacked"] is layer["sizes"]["archive"] is None
        assert layer["heaviest_packages"]["by"] == "wheel_size"
        sizes = {p["name"]: p["wheel_size"] for p in layer["packages"]}
        heaviest = layer["heaviest_packages"]["names"]
        assert [sizes[x] for x in heaviest] == sorted(sizes.values(), reverse=True)
        assert layer["sizes"]["download"] == sum(sizes.values())


def test_other_platforms(root: BuildRoot) -> None:
    windows = layers(shown(root, "--platform=win_amd64", f"{STACK}:sklearn"))
    assert [p["wheel"] for p in windows[RUNTIME]["packages"]] == [
        "numpy-2.0.2-cp39-cp39-win_amd64.whl"
    ]
    arm = layers(shown(root, "--platform=win_arm64", f"{STACK}:sklearn"))
    assert arm["framework-sklearn"]["packages"] == []
    assert arm["framework-sklearn"]["sizes"]["download"] is None
    assert arm["framework-sklearn"]["lock"]["state"] == "valid"
    refused = root.pants("venvstacks-show", "--platform=amiga", f"{STACK}:sklearn")
    assert refused.code == 1
    assert "amiga" in refused.stderr


def test_sizes_after_a_build(root: BuildRoot) -> None:
    root.succeed("package", f"{STACK}::")
    data = shown(root, f"{STACK}::")
    folder = root.path / "dist" / STACK.replace("/", ".") / NATIVE
    for name, layer in layers(data).items():
        published = PublishedLayer(folder, name)
        content = {path: e.content for path, e in published.entries().items() if e.info.isfile()}
        assert layer["archive_name"] == published.archive.name
        assert layer["sizes"]["archive"] == published.archive.stat().st_size
        assert layer["sizes"]["unpacked"] == sum(map(len, content.values()))
        assert layer["heaviest_packages"]["by"] == "unpacked_size"
        parts = sum(package["unpacked_size"] for package in layer["packages"])
        own = layer["sizes"]["own_files_unpacked"]
        rest = layer["sizes"]["interpreter_unpacked"] or 0
        assert parts + own + rest == layer["sizes"]["unpacked"]
    text = root.succeed("venvstacks-show", f"{STACK}:classify").stdout
    assert re.search(
        r"^└─ app-classify       locked              [\d.]+ kB unpacked, [\d.]+ kB archive$",
        text,
        re.MULTILINE,
    )
    assert "     packages   4, by unpacked size\n" in text
    assert "     starts     python -m classify\n" in text


def test_page(root: BuildRoot) -> None:
    done = root.succeed("venvstacks-show", "--html=out/deep/stack.html", f"{STACK}::")
    assert done.stdout == ""
    assert "[INFO] Wrote out/deep/stack.html\n" in done.stderr
    page = root.read("out/deep/stack.html")
    assert page.startswith("<!doctype html>\n")
    for name, address in ADDRESSES.items():
        assert f">{name}</text>" in page
        assert f"<code>{address}</code>" in page
    both = root.succeed(
        "venvstacks-show",
        "--json",
        "--html=out/again.html",
        "--output-file=out/a.json",
        f"{STACK}::",
    )
    assert both.stdout == ""
    assert root.read("out/again.html") == page
    assert len(layers(json.loads(root.read("out/a.json")))) == 5
    for text in (page, root.read("out/a.json")):
        assert str(root.path) not in text
    refused = root.pants("venvstacks-show", "--html=out", f"{STACK}::")
    assert refused.code == 1
    assert refused.error == (
        "VenvstacksError: `--venvstacks-show-html` is 'out', which cannot be written: it is a "
        "folder. Name a file in a folder that you may write to."
    )


def test_what_changed_since_an_earlier_run(root: BuildRoot) -> None:
    root.succeed("venvstacks-show", "--json", "--output-file=old.json", f"{STACK}::")
    same = root.succeed("venvstacks-show", "--compare=old.json", f"{STACK}::")
    assert same.stdout.endswith("\n\nnothing changed since old.json\n")

    old = json.loads(root.read("old.json"))
    package = layers(old)["framework-http"]["packages"][0]
    now, package["version"] = package["version"], "0.1"
    root.write("old.json", json.dumps(old))
    changed = root.succeed("venvstacks-show", "--compare=old.json", f"{STACK}::")
    assert changed.stdout.split("\n\n")[-1] == (
        "changed since old.json\n"
        f"  framework-http ({ADDRESSES['framework-http']})\n"
        f"    {package['name']} 0.1 → {now}\n"
    )
    root.succeed("venvstacks-show", "--compare=old.json", "--html=c.html", f"{STACK}::")
    assert f"<dd>{package['name']} 0.1 → {now}</dd>" in root.read("c.html")

    for path, problem in (
        ("none.json", "cannot be read: none.json: No such file or directory. Name a file "),
        ("pants.toml", "not the JSON of an earlier run: it is not JSON."),
    ):
        refused = root.pants("venvstacks-show", f"--compare={path}", f"{STACK}::")
        assert refused.code == 1
        assert refused.error.startswith(
            f"VenvstacksError: `--venvstacks-show-compare` is '{path}', which "
        )
        assert problem in refused.error


def test_colours_are_for_terminals(root: BuildRoot) -> None:
    text = root.succeed("--colors", "venvstacks-show", f"{STACK}:http").stdout
    assert "\x1b[32mlocked\x1b[0m" in text


def test_a_stale_lock(edited: BuildRoot) -> None:
    build = edited.read(f"{STACK}/BUILD")
    edited.write(f"{STACK}/BUILD", build.replace('["httpx"]', '["httpx", "h2"]'))
    found = layers(shown(edited, f"{STACK}::"))
    states = {name: layer["lock"]["state"] for name, layer in found.items()}
    assert states == {**dict.fromkeys(LOWER, "valid"), "framework-http": "stale"}
    lock = found["framework-http"]["lock"]
    assert lock["reasons"] == ["requirement `h2` was added"]
    assert lock["remedy"] == f"pants generate-lockfiles --resolve={STACK}:http"
    # The packages are still those of the lockfile, and so is the build.
    assert len(found["framework-http"]["packages"]) == 8
    assert found["framework-http"]["archive_name"] == "framework-http.tar.zst"
    text = edited.succeed("venvstacks-show", f"{STACK}:http").stdout
    assert "└─ framework-http  lock is stale " in text
    assert "requirement `h2` was added. Run\n" in text
    assert f"`pants generate-lockfiles --resolve={STACK}:http`.\n" in text


def test_a_missing_lock_and_a_build_of_another_one(edited: BuildRoot) -> None:
    folder = f"{STACK}/requirements/framework-http"
    files = {path: path.read_text() for path in (edited.path / folder).iterdir()}
    metadata = edited.path / f"dist/examples.sklearn/{NATIVE}/framework-sklearn.json"
    published = metadata.read_text()
    try:
        for path in files:
            path.unlink()
        metadata.write_text(
            published.replace('"requirements_hash": "sha256:', '"requirements_hash": "')
        )
        found = layers(shown(edited, f"{STACK}::"))
    finally:
        for path, text in files.items():
            path.write_text(text)
        metadata.write_text(published)
    states = {name: layer["lock"]["state"] for name, layer in found.items()}
    assert states == {
        **dict.fromkeys(LOWER, "valid"),
        "framework-http": "missing",
        "app-report": "unjudged",
    }
    assert found["framework-http"]["sizes"]["download"] is None
    assert found["framework-sklearn"]["archive_name"] is None
    (note,) = found["framework-sklearn"]["notes"]
    assert note.startswith(
        f"examples.sklearn/{NATIVE}/framework-sklearn.json is ignored: `requirements_hash`: "
    )


def test_a_broken_definition_does_not_hide_the_others(edited: BuildRoot) -> None:
    build = edited.read(f"{STACK}/BUILD")
    edited.write(f"{STACK}/BUILD", f'{build}\nvenvstacks_framework(name="x", runtime=":none")\n')
    problem = (
        f"{STACK}:x: `runtime` names ':none', but there is no such target. Name a "
        "`venvstacks_runtime` target."
    )
    done = edited.pants("venvstacks-show", "--json", f"{STACK}::")
    assert done.code == 1
    data = json.loads(done.stdout)
    assert data["problems"] == [problem]
    assert set(layers(data)) == set(LOWER)
    done = edited.pants("venvstacks-show", f"{STACK}::")
    assert done.code == 1
    assert done.stdout.endswith(f"\na problem with the definitions of layers\n  * {problem}\n")


def test_no_layers(root: BuildRoot) -> None:
    root.write("plain/BUILD", 'files(name="f", sources=["BUILD"])\n')
    done = root.succeed("venvstacks-show", "plain::")
    assert done.stdout == ""
    assert "No layers were named. Name targets of layers, or `::` for all." in done.stderr
    assert shown(root, "plain::")["stacks"] == []


def test_every_stack_of_the_repository(root: BuildRoot) -> None:
    root.copy_example("hello")
    assert [stack["name"] for stack in shown(root, "::")["stacks"]] == [
        "examples/hello",
        STACK,
    ]


STACK_FILE = """
[[runtimes]]
name = "cpython@3.9"
python_implementation = "cpython@3.9.18"
requirements = []

[[frameworks]]
name = "large"
runtime = "cpython@3.9"
requirements = ["numpy"]
versioned = true

[[applications]]
name = "small"
launch_module = "small.py"
frameworks = ["large"]
requirements = []
"""


def test_a_stack_file(root: BuildRoot) -> None:
    root.write("generated/venvstacks.toml", STACK_FILE)
    root.write("generated/small.py", "")
    root.write("generated/BUILD", 'venvstacks_stack(name="stack")\n')
    data = shown(root, "generated:stack")
    assert data["stacks"][0]["name"] == "generated:stack"
    found = layers(data)
    assert {name: layer["install_target"] for name, layer in found.items()} == {
        "cpython@3.9": "cpython@3.9",
        "framework-large": "framework-large@1",
        "app-small": "app-small",
    }
    assert found["app-small"]["lower_layers"] == [
        {"layer_name": "framework-large", "address": "generated:stack#framework-large"},
        {"layer_name": "cpython@3.9", "address": "generated:stack#cpython%403.9"},
    ]
    assert {layer["lock"]["state"] for layer in found.values()} == {"missing"}
    text = root.succeed("venvstacks-show", "generated:stack#app-small").stdout
    assert text.startswith(f"generated:stack on {NATIVE}: 3 layers\n")
    assert "     layers     framework-large, cpython@3.9\n" in text

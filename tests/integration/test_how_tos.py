"""Pages of how-tos, followed to the letter after the quick start, beside the examples."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.build_root import NATIVE, REPOSITORY, BuildRoot
from tests.support.documented import WrittenFile, blocks, steps
from tests.support.installers import shell
from tests.support.reader import Reader
from tests.support.shared_roots import shared_root

QUICK_START = REPOSITORY / "docs/quick-start.md"
HOW_TOS = REPOSITORY / "docs/how-to"

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(NATIVE != "linux_x86_64", reason="the pages are for linux_x86_64"),
]


@pytest.fixture(scope="module")
def root() -> Iterator[BuildRoot]:
    """A repository after the quick start, and with the examples."""
    with shared_root() as made:
        made.copy_example("hello")
        made.copy_example("sklearn")
        page, _, _ = QUICK_START.read_text(encoding="utf-8").partition("## 3. Lock")
        for step in steps(page):
            if isinstance(step, WrittenFile) and step.path.startswith("src/"):
                step.write(made.path)
        made.succeed("generate-lockfiles", "--resolve=src/assistant:cpython-3.9")
        made.succeed("package", "src/assistant::", "examples/::")
        yield made


@pytest.fixture(scope="module")
def reader(root: BuildRoot, tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """Folders that pages give as examples are not ours to write into."""
    near = root.path.parent
    places = {"/tmp/stack": f"{near}/exported", "/srv/layers": f"{near}/shop"}
    return Reader.of(root, tmp_path_factory.mktemp("programs"), places)


@pytest.mark.parametrize(
    ("name", "count", "skipped"),
    [
        ("bundle", 7, ()),
        # What installs the plugin with pip, and what needs a request by hand.
        ("deploy", 6, ("pip ", "python -m venvstacks_rules")),
        ("export", 4, ()),
        ("publish-stack", 1, ()),
        ("show", 8, ("pants venvstacks-show --json :: |",)),
    ],
)
def test_a_page(reader: Reader, name: str, count: int, skipped: tuple[str, ...]) -> None:
    assert len(reader.follow(HOW_TOS / f"{name}.md", skipped=skipped)) == count


@pytest.mark.skipif(shutil.which("jq") is None, reason="the page uses jq")
def test_the_largest_files(reader: Reader) -> None:
    """In another stack than that of the page."""
    places = {"dist/src.stack/": "dist/examples.sklearn/"}
    page = HOW_TOS / "make-layers-smaller.md"
    (printed,) = replace(reader, places=places).follow(page).values()
    largest = [int(line.partition(" ")[0]) for line in printed.lines]
    assert len(largest) == 10
    assert largest == sorted(largest, reverse=True)


@pytest.mark.skipif(shutil.which("node") is None, reason="the page uses node")
def test_programs_that_read_archives(root: BuildRoot, reader: Reader, tmp_path: Path) -> None:
    page = HOW_TOS / "read-archives.md"
    node, tar, zipped = (
        block.text
        for block in blocks(page.read_text(encoding="utf-8"))
        if block.kind in ("js", "python")
    )
    root.write("read.mjs", node)
    options = ("--venvstacks-archive-format=tar.gz", "package", "examples/hello:text")
    root.succeed(*options)
    assert len(reader.follow(page)) == 1
    dist = root.path / f"dist/examples.hello/{NATIVE}"
    names = subprocess.run(
        [sys.executable, "-c", tar], cwd=dist, stdout=subprocess.PIPE, text=True, check=True
    )
    files = json.loads((dist / "app-hello.segments.json").read_text())["segments"]
    assert int(names.stdout) == sum(len(segment["files"]) for segment in files)
    root.succeed("--venvstacks-archive-format=zip", "package", "examples/hello:hello")
    shutil.copy(dist / "app-hello.zip", tmp_path)
    subprocess.run([sys.executable, "-c", zipped], cwd=tmp_path, check=True)
    for segment in files:
        for file in segment["files"]:
            path = tmp_path / "app-hello" / file["path"]
            assert path.is_symlink() == ("link_target" in file), path
            if not path.is_symlink():
                assert (path.stat().st_mode & 0o111 != 0) == file.get("executable", False), path


@pytest.mark.skipif(shutil.which("jq") is None, reason="the page uses jq")
def test_sbom(reader: Reader) -> None:
    assert len(reader.follow(HOW_TOS / "sbom.md", skipped=("pip-audit ",))) == 6


def test_the_client_ships_with_layers_and_updates_itself(
    root: BuildRoot, reader: Reader, tmp_path: Path
) -> None:
    assert len(reader.follow(HOW_TOS / "ship-the-client.md")) == 11
    assert len(reader.follow(HOW_TOS / "make-installers.md")) == 10
    # The publisher releases both again; from here on only the installed client works.
    build = root.read("src/apps/BUILD")
    root.write("src/apps/BUILD", build.replace('version="1.0"', 'version="1.1"'))
    root.write("src/apps/hello.py", root.read("src/apps/hello.py").replace("Hello", "Hi"))
    root.succeed("publish", "src/apps:hello-release", "src/apps:client")
    apps = root.path / "apps"
    installed = apps / "apps/app-deploy/1/layers/app-deploy/bin/venvstacks-deploy"

    def deploy(*arguments: str) -> str:
        return subprocess.run(
            [str(installed), *arguments], env={}, stdout=subprocess.PIPE, text=True, check=True
        ).stdout

    into = ("--into", str(apps))
    assert "Installed app-hello 1.1 (generation 2).\n" in deploy("update", *into, "app-hello")
    assert deploy("run", *into, "app-hello", "--", "Ada") == "Hi Ada 1,000\n"
    # So does what an installer installed, on a machine that has next to nothing.
    for name in ("dash", "busybox"):
        machine = shell(name, tmp_path / name)
        place = machine.home / ".local/share/hello-installer"
        installer = root.path / f"dist/src.apps/hello-installer-{NATIVE}.sh"
        assert machine.run(installer).returncode == 0
        client = (place / "client/venvstacks-deploy", "update", "--into", place)
        assert "Installed app-hello 1.1 (generation 2).\n" in machine.run(*client).stdout
    # It is old as soon as it has updated itself, and still runs.
    told = deploy("update", *into, "app-deploy", "--keep", "1").splitlines()
    assert told[-2:] == [
        "Installed app-deploy 1.1 (generation 2).",
        "Generation 1 of app-deploy is in use, and stays.",
    ]
    newer = ("run", *into, "app-deploy", "--")
    assert deploy(*newer, "verify", *into, "app-hello") == "app-hello (generation 2): verified.\n"
    assert deploy(*newer, "verify", *into, "app-deploy") == "app-deploy (generation 2): verified.\n"


def test_variants(root: BuildRoot, reader: Reader) -> None:
    page = HOW_TOS / "variants.md"
    assert len(reader.follow(page)) == 6
    # The two formats of the runtime have one lock, and so has the application on them.
    written = sorted(path.name for path in (root.path / "src/weekly/requirements").iterdir())
    assert written == [
        *("app-report", "app-report-py311", "app-report-py39", "cpython", "cpython-py311"),
        *("cpython-py39", "framework-text-py311", "framework-text-py39"),
    ]
    # The page has the message of an application that does not choose.
    build = """
venvstacks_framework(
    name="text",
    runtime=":cpython",
    requirements=parametrize(py311=[], py39=["rich"]),
)

venvstacks_application(name="open", launch_module="report.py", frameworks=[":text"])
"""
    root.write("src/weekly/BUILD", root.read("src/weekly/BUILD") + build)
    expected = re.search(r"(?<=`frameworks\[0\]` )names ':text', .*: ", page.read_text())
    assert expected is not None
    refused = root.pants("package", "src/weekly:open")
    assert refused.error == (
        "DefinitionError: A layer definition cannot be built as written:\n"
        f"  * src/weekly:open: `frameworks[0]` {expected[0]}"
        "':text@requirements=py311', ':text@requirements=py39'."
    )


def test_the_server_answers_and_ends_by_a_signal(
    root: BuildRoot, reader: Reader, tmp_path: Path
) -> None:
    page = HOW_TOS / "servers.md"
    assert reader.follow(page) == {}
    root.succeed("generate-lockfiles", "--resolve=src/web:cpython-3.9")
    root.succeed("test", "src/web:hello")
    layers = tmp_path / "layers"
    root.succeed("venvstacks-export", f"--output-dir={layers}", "src/web:hello")
    starts = r"^(?:ExecStart=/opt/hello/|\$ )(app-hello/bin/.*)$"
    commands = re.findall(starts, page.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(commands) == 2
    for command in commands:
        port = _free_port()
        started = f"exec {layers}/{command.replace('8080', port)}"
        server = subprocess.Popen(["bash", "-c", started], env={"LISTEN": f"127.0.0.1:{port}"})
        try:
            assert _answer(f"http://127.0.0.1:{port}/there") == b"Hello from /there\n"
        finally:
            server.send_signal(signal.SIGTERM)
        # The process that was started is the server itself.
        assert server.wait(timeout=10) in (-signal.SIGTERM, 0)


def _free_port() -> str:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return str(listening.getsockname()[1])


def _answer(url: str) -> bytes:
    deadline = time.monotonic() + 20
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                content: bytes = response.read()
                return content
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def test_the_commands_of_the_container_image_make_layers_that_start(
    root: BuildRoot, reader: Reader, tmp_path: Path
) -> None:
    assert len(reader.follow(HOW_TOS / "containers.md")) == 1
    (dockerfile,) = (
        step
        for step in steps((HOW_TOS / "containers.md").read_text(encoding="utf-8"))
        if isinstance(step, WrittenFile)
    )
    # Without Docker: the same commands, in another place.
    text = dockerfile.content.replace("\\\n", "")
    (copied,) = re.findall(r"^COPY (\S+) /archives/$", text, re.MULTILINE)
    shutil.copytree(root.path / "dist" / copied, tmp_path / "archives")
    run = re.findall(r"^RUN (.*)$", text, re.MULTILINE)[-1]
    here = re.sub(r"/(layers|archives)\b", rf"{tmp_path}/\1", run)
    subprocess.run(["sh", "-c", here], check=True)
    copies = re.findall(r"^COPY --from=layers (\S+) (\S+)$", text, re.MULTILINE)
    assert all(source == place for source, place in copies)
    found = {f"/layers/{layer.name}" for layer in (tmp_path / "layers").iterdir()}
    assert {source for source, _ in copies} == found
    (entry,) = re.findall(r"^ENTRYPOINT \[(.*)\]$", text, re.MULTILINE)
    program, *arguments = re.findall(r'"([^"]*)"', entry)
    done = subprocess.run(
        [f"{tmp_path}{program}", *arguments, "Ada"], capture_output=True, text=True, check=True
    )
    assert done.stdout == "Hello Ada, you are the 1st.\n"

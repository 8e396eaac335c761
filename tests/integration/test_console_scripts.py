"""Commands of packages beside the interpreter of a layer, and programs in wheels."""

from __future__ import annotations

import shutil
import subprocess
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.build_root import NATIVE, BuildRoot
from tests.support.shared_roots import shared_root
from tests.support.wheels import FILE_NAME, METADATA, wheel_bytes

SERVER = """\
import http.server, sys

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"served")

    def log_message(self, *args):
        pass

def main():
    server = http.server.HTTPServer(("127.0.0.1", 0), Answer)
    print(server.server_port, *sys.argv[1:], flush=True)
    server.handle_request()
    return 3
"""
ENTRY_POINTS = b"[console_scripts]\nserve = demo:main\n"
BUILD = f"""\
venvstacks_runtime(
    name="py", python_implementation="cpython@3.9", platforms=["{NATIVE}", "win_amd64"]
)
venvstacks_framework(
    name="web", runtime=":py", local_wheels=["wheels"], requirements=["demo"],
)
venvstacks_application(
    name="site", frameworks=[":web"], launch_module="site_app.py", console_scripts=["serve"],
)
"""


@pytest.fixture(scope="module")
def root() -> Iterator[BuildRoot]:
    program = shutil.which("true")
    assert program is not None
    with shared_root(config='uv_config = "uv.toml"\n') as root:
        root.write("uv.toml", "no-index = true\n")
        root.write("s/BUILD", BUILD)
        root.write("s/site_app.py", "import demo\n")
        wheel = wheel_bytes(
            {
                "demo.py": SERVER.encode(),
                "demo-1.0.dist-info/entry_points.txt": ENTRY_POINTS,
                "demo-1.0.data/scripts/native": Path(program).read_bytes(),
            },
            metadata=METADATA,
        )
        root.write(f"s/wheels/{FILE_NAME}", wheel)
        root.succeed("generate-lockfiles")
        yield root


def test_a_command_runs_on_the_chain_of_layers(root: BuildRoot, tmp_path: Path) -> None:
    root.write("s/BUILD", BUILD)
    root.succeed("venvstacks-export", "s:site")
    (exported,) = root.path.glob("dist/**/app-site")
    # In another place, started by a link.
    moved = tmp_path / "else where"
    shutil.move(str(exported.parent), str(moved))
    for name in ("py", "framework-web", "app-site"):
        python = next((moved / "py/bin").glob("python3.?"))
        subprocess.run([str(python), "-I", str(moved / name / "postinstall.py")], check=True)
    link = tmp_path / "link"
    link.symlink_to(moved / "app-site/bin/serve")
    command = [str(link), "a b"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={}) as started:
        assert started.stdout is not None
        port, arguments = started.stdout.readline().split(maxsplit=1)
        url = f"http://127.0.0.1:{port}/"
        with urllib.request.urlopen(url) as answer:
            assert answer.read() == b"served"
    assert (arguments, started.returncode) == ("a b\n", 3)
    assert subprocess.run([str(moved / "framework-web/bin/native")], check=False).returncode == 0
    assert not (moved / "framework-web/bin/serve").exists()


def test_a_command_that_no_package_defines(root: BuildRoot) -> None:
    root.write("s/BUILD", BUILD.replace('["serve"]', '["sevre", "serve"]'))
    done = root.pants("package", "s:site")
    assert done.code == 1
    assert done.error.startswith("DefinitionError: Commands that packages do not define:\n")
    assert (
        "`console_scripts` has 'sevre', which no package of the layer and of those below defines; "
        "they have `serve`. Did you mean `serve`?"
    ) in done.error


def test_archives_for_windows_leave_programs_to_postinstallation(root: BuildRoot) -> None:
    root.write("s/BUILD", BUILD)
    root.succeed("package", "--venvstacks-platforms=['win_amd64']", "s:site")
    (archive,) = root.path.glob("dist/**/app-site.zip")
    with zipfile.ZipFile(archive) as opened:
        config = opened.read("app-site/share/venv/metadata/venvstacks_layer.json").decode()
        assert not [name for name in opened.namelist() if "Scripts" in name or "/bin/" in name]
    assert '"console_scripts": {\n    "serve": "demo:main"\n  }' in config

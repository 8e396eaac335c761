"""The programs of the pages about embedding, compiled and run: first start, updates, a bad version.

Each of them starts the application once, asks it one thing, and updates it for the next start.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.build_root import REPOSITORY
from tests.support.client_repository import APP, SITE, ClientRepository
from tests.support.documented import WrittenFile, steps
from tests.support.signed_repository import SignedRepository
from venvstacks_rules.model.repository.keys import ChannelKey
from venvstacks_rules.model.repository.records import ChannelRecord

URL = "https://apps.example.com/layers"
CLIENT = f"""\
#!/bin/sh
PYTHONPATH="{REPOSITORY}/src/python" exec "{sys.executable}" -m venvstacks_rules.client "$@"
"""
# As the page has it, with a version to see.
HELLO = """\
import sys

print("ready", flush=True)
for line in sys.stdin:
    print({version!r}, line.strip(), flush=True)
"""
BAD = 'raise SystemExit("This version does not start.")\n'
# The two modules of Electron that the page uses; `process.resourcesPath` is Electron's as well.
ELECTRON = """\
const { EventEmitter } = require("node:events");
process.resourcesPath = __dirname + "/../..";
const app = new EventEmitter();
app.getPath = (name) => `${process.env.HOME}/${name}`;
app.whenReady = () => Promise.resolve();
class BrowserWindow {
  async loadFile() {}
  setProgressBar(share) {
    if (share >= 0) console.log(`${share * 100} % of bytes`);
  }
  webContents = {
    send(channel, value) {
      const updates = { null: "nothing new" };
      const update = updates[value] ?? `next time: ${value}`;
      console.log(channel === "update" ? update : `${channel}: ${value}`);
      if (channel === "update") app.emit("will-quit");
    },
  };
}
module.exports = { app, BrowserWindow };
"""


class Shop:
    """A signed repository, and the machine of a user who has a program with the client in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program = folder / "program"
        self._keys = SignedRepository(folder)
        self.repository = ClientRepository(folder / "repository")
        client = self.program / "client/app-deploy/bin/venvstacks-deploy"
        client.parent.mkdir(parents=True)
        client.write_text(CLIENT)
        client.chmod(0o755)
        (self.program / "client/root.json").write_bytes(self._keys.begin().content)

    def release(self, version: str, hello: str = HELLO) -> None:
        """A version, to which the channel moves."""
        files = {f"{SITE}/hello.py": hello.format(version=version)}
        self.repository.publish(version, files=files, name=APP)
        key = ChannelKey(APP, "stable", self.repository.platform)
        path = self.repository.folder / str(key)
        path.write_bytes(self._keys.text(ChannelRecord.from_json(path.read_bytes(), key)))

    def files_of(self, page: str) -> None:
        """Write the files of a page."""
        text = (REPOSITORY / f"docs/how-to/{page}.md").read_text(encoding="utf-8")
        for step in steps(text.replace(URL, self.repository.url)):
            assert isinstance(step, WrittenFile)
            step.write(self.program)

    def start(self, command: Sequence[object], *, fails: bool = False) -> list[str]:
        """What the program prints, without how much has come."""
        home = self.folder / "home"
        done = subprocess.run(
            [str(word) for word in command],
            cwd=self.folder,
            env={"HOME": str(home), "PATH": os.environ["PATH"]},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert (done.returncode != 0) == fails, done.stderr
        lines = done.stdout.splitlines()
        self.progress = [line for line in lines if " of " in line and line.endswith("bytes")]
        return [line for line in lines if line not in self.progress]


def follow(shop: Shop, command: Sequence[object]) -> None:
    """The life of the program on a user's machine."""
    shop.release("0.9", BAD)
    assert shop.start(command, fails=True) == []
    assert len(shop.progress) > 1
    # No version came before.
    shop.release("1.0")
    assert shop.start(command) == ["answer: 1.0 hello", "nothing new"]
    shop.release("1.1")
    assert shop.start(command) == ["answer: 1.0 hello", "next time: 1.1"]
    assert shop.progress == []
    shop.release("1.2", BAD)
    assert shop.start(command) == ["answer: 1.1 hello", "next time: 1.2"]
    # It goes back, and does not bring the version again.
    assert shop.start(command) == ["answer: 1.1 hello", "nothing new"]
    shop.release("1.3")
    assert shop.start(command) == ["answer: 1.1 hello", "next time: 1.3"]
    # Without the server, what is installed starts.
    shop.repository.folder.rename(shop.folder / "away")
    answer, *update = shop.start(command)
    assert answer == "answer: 1.3 hello"
    assert "there is no repository" in "".join(update)


def test_electron(tmp_path: Path) -> None:
    """With Node; the window and the application are those of this test."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node (Debian: nodejs)")
    shop = Shop(tmp_path)
    shop.files_of("embed-electron")
    electron = shop.program / "node_modules/electron/index.js"
    electron.parent.mkdir(parents=True)
    electron.write_text(ELECTRON)
    follow(shop, [node, shop.program / "main.js"])


def test_rust(tmp_path: Path) -> None:
    rustc = shutil.which("rustc")
    # That of rustup is there before any compiler is.
    if rustc is None or subprocess.run([rustc, "--version"], capture_output=True).returncode != 0:
        pytest.skip("needs rustc (Debian: rustc)")
    shop = Shop(tmp_path)
    shop.files_of("embed-rust")
    compiled(rustc, "--edition=2021", "-Dwarnings", "-o", shop.program / "acme", source(shop, "rs"))
    follow(shop, [shop.program / "acme"])


def test_swift(tmp_path: Path) -> None:
    swiftc = shutil.which("swiftc")
    if swiftc is None:
        pytest.skip("needs swiftc (Debian 13: swiftlang)")
    shop = Shop(tmp_path)
    shop.files_of("embed-swift")
    compiled(swiftc, "-swift-version", "5", "-o", shop.program / "acme", source(shop, "swift"))
    follow(shop, [shop.program / "acme"])


def source(shop: Shop, extension: str) -> Path:
    return shop.program / f"main.{extension}"


def compiled(*command: object) -> None:
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_options_of_the_pages_are_those_of_the_client() -> None:
    """Also where a compiler is missing."""
    from venvstacks_rules.client.arguments import parser

    for page in ("embed-electron", "embed-rust", "embed-swift"):
        text = (REPOSITORY / f"docs/how-to/{page}.md").read_text(encoding="utf-8")
        for words in (
            ["install", "--json", "--into", "f", "--from", "u", "--root", "r", "--app", APP],
            ["run", "--into", "f", APP],
            ["list", "--json", "--into", "f"],
            ["update", "--json", "--into", "f", "--check", APP],
            ["update", "--json", "--into", "f", APP],
            ["rollback", "--json", "--into", "f", APP],
        ):
            parser().parse_args(words)
            for word in words:
                assert word in {"f", "u", "r", APP} or f'"{word}"' in text, (page, word)

"""Installing and updating the application `report` of the stack, beside what else installs it.

The repository is served by a web server of this process, which counts what it sends. The times are
those of whole commands, in processes of their own.

Nothing is removed between runs: for half a minute, ext4 takes ten times as long to make files where
many were removed.
"""

from __future__ import annotations

import contextlib
import functools
import http.server
import itertools
import os
import re
import shutil
import statistics
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.measure import Took, took
from benchmarks.ours import Ours
from benchmarks.peer import Peer
from benchmarks.stack import write_stack
from tests.support import client_repository as small
from venvstacks_rules.client.commands import updating
from venvstacks_rules.client.disk.operations import Disk

APP = "app-report"
LAYERS = ("cpython", "framework-sklearn", "framework-http", APP)
WHEELS = ("numpy", "scikit-learn", "httpx", "rich", "sortedcontainers==2.3.0")
CHANGED = ("sortedcontainers==2.3.0", "sortedcontainers==2.4.0")
"""A package of 29 KB, before and after."""
MANY = 10_000
"""Files of a layer of which one changes."""
CLIENT = (sys.executable, "-m", "venvstacks_rules.client")
WITH_BYTE_CODE = {"PYTHONDONTWRITEBYTECODE": ""}
"""Otherwise a setting of whoever benchmarks may have each start compile all modules."""

_RELEASE = """
venvstacks_release(
    name="release", layers=[":report"], version="{version}", channel="stable",
    repositories=["{url}"],
)
"""
_DOWNLOAD = """
import sys
from concurrent.futures import ThreadPoolExecutor
from urllib.request import urlopen
with ThreadPoolExecutor(8) as pool:
    for _ in pool.map(lambda url: len(urlopen(url).read()), sys.stdin.read().split()):
        pass
"""


@dataclass
class Figure:
    """A measurement: its values, what they are compared with, and the goal."""

    name: str
    unit: str
    values: list[float]
    base: list[float] = field(default_factory=list)
    goal: str = ""
    processor: list[float] = field(default_factory=list)

    def row(self) -> str:
        """A row of a table of Markdown; values are medians."""
        digits = 0 if self.unit == "KB" else 2
        value = statistics.median(self.values)
        busy = f"{statistics.median(self.processor):.2f} s" if self.processor else ""
        base, ratio = "", ""
        if self.base:
            other = statistics.median(self.base)
            base, ratio = f"{other:.{digits}f} {self.unit}", f"{value / other:.2f}"
        cells = (f"{value:.{digits}f} {self.unit}", busy, base, ratio, self.goal)
        return f"| {self.name} | {' | '.join(cells)} |"


_HEAD = "| what | wall, or size | processor | beside it | ratio | goal |\n|---|---|---|---|---|---|"


def table(rows: Sequence[Figure]) -> str:
    """The table, as Markdown."""
    return "\n".join([_HEAD, *(row.row() for row in rows)])


@dataclass
class Served:
    """A folder behind a web server."""

    url: str
    sent: int = 0
    paths: list[str] = field(default_factory=list)


@contextlib.contextmanager
def served(folder: Path) -> Iterator[Served]:
    """Serve `folder` until the block ends; headers count as well."""

    class Counted:
        def __init__(self, stream: Any) -> None:
            self._stream = stream

        def write(self, data: bytes) -> int:
            found.sent += len(data)
            return int(self._stream.write(data))

        def __getattr__(self, name: str) -> Any:
            return getattr(self._stream, name)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def setup(self) -> None:
            super().setup()
            self.wfile = Counted(self.wfile)  # type: ignore[assignment]

        def do_GET(self) -> None:
            found.paths.append(self.path)
            super().do_GET()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        found = Served(f"http://127.0.0.1:{server.server_address[1]}")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield found
        server.shutdown()


def publish(root: Path, folder: Path, interpreter: tuple[Path, str], *, sealed: bool) -> Path:
    """A repository with two versions, the second of which has another `sortedcontainers`."""
    stack, repository = folder / "stack", folder / "repository"
    ours = Ours(root, folder, stack)
    archive, version = interpreter
    try:
        for number, requirement in enumerate(CHANGED):
            write_stack(
                stack,
                root / "examples/sklearn",
                archive=archive,
                version=version,
                added=[requirement],
            )
            build = (stack / "BUILD").read_text()
            if sealed:
                for kind in ("runtime", "framework", "application"):
                    build = build.replace(f"venvstacks_{kind}(", f"venvstacks_{kind}(sealed=True, ")
            release = _RELEASE.format(version=number + 1, url=repository.as_uri())
            (stack / "BUILD").write_text(build + release)
            if number == 0:
                ours.set_up()
            else:
                ours.lock()
            ours.pants("publish", "//:release")
    finally:
        ours.stop()
    return repository


def client(*arguments: str) -> Took:
    """One run of the client, with its byte code, as it is installed."""
    return took([*CLIENT, *arguments], env=WITH_BYTE_CODE)


def install(url: str, into: Path, version: str = "1", name: str = APP) -> Took:
    """A first install; `name` is that of the stack."""
    options = ("--app", APP, "--name", name, "--version", version, "--allow-unsigned")
    return client("install", "--from", url, "--into", str(into), *options)


def bounds(repository: Path, found: Served, into: Path) -> dict[str, Took]:
    """What an install consists of, each alone: the largest is what it can take at least."""
    paths = [path for path in dict.fromkeys(found.paths) if "/blobs/" in path]
    urls = "\n".join(found.url + path for path in paths)
    blobs = [str(repository / path.lstrip("/")) for path in paths]
    frames = [blob for blob in blobs if Path(blob).read_bytes()[:4] == b"\x28\xb5\x2f\xfd"]
    copy = into.with_name(f"{into.name}-copy")
    unpack = ["xargs", "-P", str(os.cpu_count()), "-n", "1", "zstd", "-dqc"]
    layers = str(into / "apps" / APP / "1/layers")
    write = f'cp -R "{layers}" "{copy}" && sync -f "{copy}"'
    return {
        "download": took([sys.executable, "-c", _DOWNLOAD], given=urls),
        "decompression on all processors": took(unpack, given="\n".join(frames)),
        "creation of the files (`cp -R`, `sync -f`)": took(["sh", "-c", write]),
    }


def written(folder: Path, *arguments: str) -> int:
    """How many bytes a run of the client, and what it starts, writes below a folder."""
    logs = folder.parent / "strace"
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir()
    calls = "trace=write,writev,pwrite64,pwritev,copy_file_range,sendfile"
    strace = ["strace", "-ff", "-y", "-s", "0", "-e", calls, "-o", str(logs / "log")]
    took([*strace, *CLIENT, *arguments], env=WITH_BYTE_CODE)
    call = re.compile(rf"^\w+\([^)]*<{re.escape(str(folder))}/[^>]*>.* = (\d+)$")
    lines = (line for log in logs.iterdir() for line in log.read_text().splitlines())
    return sum(int(match[1]) for line in lines if (match := call.match(line)))


def added(layers: Path, before: Path) -> int:
    """The bytes of the files in `layers` that are no links to those `before`."""
    old = {path.lstat().st_ino for path in before.rglob("*")}
    files = (path for path in layers.rglob("*") if path.is_file() and not path.is_symlink())
    return sum(file.stat().st_size for file in files if file.stat().st_ino not in old)


def with_uv(uv: str, folder: Path, python: str, *options: str) -> Took:
    """The same wheels from a warm cache, into a new environment."""
    cache = {"UV_CACHE_DIR": str(folder / "uv-cache")}
    for number in itertools.count():
        venv = folder / f"venv-{number}"
        if venv.exists():
            continue
        took([uv, "venv", "--quiet", "--python", python, str(venv)], env=cache)
        command = [uv, "pip", "install", "--quiet", "--python", str(venv / "bin/python")]
        done = took([*command, *options, *WHEELS], env=cache)
        if number:
            # The first one fills the cache.
            return done
    raise AssertionError


def compare(
    repository: Path, folder: Path, name: str, runs: int, peers: Sequence[Took]
) -> list[Figure]:
    """First installs and small updates from a repository, beside the peer's deployments."""
    first, update, shares = Figure(f"{name}: first install", "s", []), [], []
    whole: list[float] = []
    moved = 0
    with served(repository) as found:
        for run in range(runs):
            into = folder / f"{name}-{run}"
            done = install(found.url, into)
            first.values.append(done.wall)
            first.processor.append(done.processor)
            parts = bounds(repository, found, into)
            shares.append(parts)
            whole.append(max(part.wall for part in parts.values()))
            before = found.sent
            update.append(client("update", "--into", str(into)))
            moved = found.sent - before
        into = folder / f"{name}-traced"
        install(found.url, into)
        bytes_written = written(into, "update", "--into", str(into))
        generations = into / "apps" / APP
        new = added(generations / "2/layers", generations / "1/layers")
    theirs = [peer.wall for peer in peers]
    rows = [Figure(first.name + ", beside the peer's", "s", first.values, theirs, "<= 0.2")]
    rows[0].processor = first.processor
    rows.append(Figure(f"{name}: first install, beside the largest of these", "s", first.values,
                       whole, "<= 1.2"))  # fmt: skip
    for part in shares[0]:
        took_parts = [share[part] for share in shares]
        rows.append(Figure(f"- {part}", "s", [one.wall for one in took_parts],
                           processor=[one.processor for one in took_parts]))  # fmt: skip
    rows.append(Figure(f"{name}: 29 KB package changed, beside the first install", "s",
                       [one.wall for one in update], first.values, "<= 0.1",
                       [one.processor for one in update]))  # fmt: skip
    rows.append(Figure(f"{name}: moved for that", "KB", [moved / 1e3], goal="<= 100 KB"))
    rows.append(Figure(f"{name}: written for that, beside what moved", "KB",
                       [bytes_written / 1e3], [moved / 1e3], "<= 2"))  # fmt: skip
    rows.append(Figure(f"{name}: written for that, beside the files that are new", "KB",
                       [bytes_written / 1e3], [new / 1e3]))  # fmt: skip
    return rows


def commands(repository: Path, into: Path, runs: int) -> list[Figure]:
    """What commands take that move nothing; two generations are there."""
    base = [took([sys.executable, "-c", "pass"]) for _ in range(3 * runs)]
    install(repository.as_uri(), into)
    client("update", "--into", str(into))
    todo = (
        ("`python -c pass`", "", None),
        ("`--version`", "< 0.1 s", ("--version",)),
        ("`rollback`", "< 0.1 s", ("rollback", "--into", str(into), "--to", "1")),
        ("`update` that finds nothing new", "", ("update", "--into", str(into), "--version", "1")),
    )
    rows = []
    for name, goal, arguments in todo:
        done = base if arguments is None else [client(*arguments) for _ in range(3 * runs)]
        rows.append(Figure(name, "s", [one.wall for one in done], goal=goal,
                           processor=[one.processor for one in done]))  # fmt: skip
    return rows


def many_files(folder: Path, runs: int) -> list[Figure]:
    """An update of 10,000 files of which one changed."""

    class Linking(Disk):
        """Measures how long making links takes."""

        seconds = 0.0

        def place(self, source: str, path: str, *, executable: bool = False) -> bool:
            begin = time.perf_counter()
            shares = super().place(source, path, executable=executable)
            self.seconds += time.perf_counter() - begin
            return shares

    for name in ("many", "many-apps"):
        shutil.rmtree(folder / name, ignore_errors=True)
    made = small.ClientRepository(folder / "many")

    def publish_version(version: str) -> None:
        files = {f"{small.SITE}/p{n % 100}/f{n}.txt": f"{n}\n" * 200 for n in range(MANY)}
        files[f"{small.SITE}/hello.py"] = f"print({version!r})\n"
        own = small.own_files((small.RUNTIME,), "hello")
        contents = [
            small.Content("many-1.whl", files),
            small.Content("layer", own, small.own_links()),
        ]
        runtime = made.layer(small.RUNTIME, "runtime", (), [small.runtime_content()])
        app = made.layer(small.APP, "application", (small.RUNTIME,), contents)
        made.release(version, [runtime, app])

    publish_version("1.0")
    updating.install(folder / "many-apps", made.request())
    whole, linking = [], []
    for number in range(1, runs + 1):
        publish_version(f"1.{number}")
        disk = Linking()
        begin = os.times()
        updating.update(folder / "many-apps", disk=disk)
        end = os.times()
        linking.append(disk.seconds)
        whole.append(Took(end.elapsed - begin.elapsed, sum(end[:4]) - sum(begin[:4])))
    return [
        Figure(f"{MANY:,} files: links made", "s", linking, goal="<= 0.6 s"),
        Figure(f"{MANY:,} files: the whole update, each file read and hashed", "s",
               [one.wall for one in whole], processor=[one.processor for one in whole]),
    ]  # fmt: skip


def measure(
    root: Path,
    folder: Path,
    interpreter: tuple[Path, str],
    tools: tuple[str, str],
    runs: int,
) -> list[Figure]:
    """All rows; `tools` are uv and the peer's Python."""
    uv, peer_python = tools
    archive, version = interpreter
    peer = Peer(folder / "peer", folder / "peer/stack", archive, version)
    sources = root / "examples/sklearn"
    write_stack(peer.stack, sources, archive=archive, version=version, added=CHANGED[:1])
    peer.set_up(uv, root / "benchmarks/peer-requirements.txt", peer_python)
    peer.run("lock")
    peer.run("build", "--publish")
    took([sys.executable, "-m", "compileall", "-q", str(root / "src/python")])
    rows = many_files(folder, runs)
    repositories = {
        name: publish(root, folder / f"{name}-stack", interpreter, sealed=name == "sealed")
        for name in ("sealed", "compiled")
    }
    peers = [peer.installed(folder / f"peer-layers-{run}", LAYERS) for run in range(runs)]
    for name, repository in repositories.items():
        rows += compare(repository, folder, name, runs, peers)
    python = str(folder / "compiled-0/apps" / APP / "1/layers/cpython/bin/python")
    for name, options in (("", ()), (" and byte code", ("--compile-bytecode",))):
        done = [with_uv(uv, folder, python, *options) for _ in range(runs)]
        rows.append(Figure(f"`uv pip install` of the wheels{name}, from its cache", "s",
                           [one.wall for one in done],
                           processor=[one.processor for one in done]))  # fmt: skip
    return rows + commands(repositories["sealed"], folder / "commands", runs)

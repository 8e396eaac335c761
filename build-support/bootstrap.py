"""Install a pinned tool into a folder of its own; `bootstrap.sh` runs it when one is missing.

Safe against concurrent first runs (a lock that the kernel releases) and against a kill at any
moment (the file `ready` is written last; a folder without it is removed and built again).
Standard library only, CPython 3.9.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

SUPPORT = Path(__file__).resolve().parent

# Pants has one table of known versions for all the platforms that it runs on; a pex runs on each.
PEX_PLATFORMS = ("linux_arm64", "linux_x86_64", "macos_arm64", "macos_x86_64")


# pex copies itself from folders, and not from a zip archive of this kind. Pants asks for another of
# its scripts as it would of a real pex, and what pex starts in turn must not be asked the same.
PEX_MAIN = """\
import importlib, os, shutil, sys, tempfile, zipfile
root = os.environ.get("PEX_ROOT") or os.path.join(os.path.expanduser("~"), ".pex")
folder = os.path.join(os.path.abspath(root), "cli-{version}")
if not os.path.isdir(folder):
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    staged = tempfile.mkdtemp(dir=os.path.dirname(folder))
    with zipfile.ZipFile(sys.argv[0]) as archive:
        archive.extractall(staged)
    try:
        os.rename(staged, folder)
    except OSError:
        shutil.rmtree(staged)
sys.path[0] = folder
scripts = {{"pex": "pex.bin.pex", "pex3": "pex.cli.pex", "pex-tools": "pex.tools.main"}}
importlib.import_module(scripts[os.environ.pop("PEX_SCRIPT", "pex")]).main()
"""


class BootstrapError(Exception):
    """A tool could not be installed; the text says what to do."""


def say(message: str) -> None:
    """Tell the person who waits what happens."""
    print(message, file=sys.stderr, flush=True)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[int]:
    """Hold an exclusive lock, also for child processes that inherit the descriptor."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Waiting for another run that installs the same tool ...")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


class Installation:
    """One tool's folder while it is built."""

    def __init__(self, tool: str, folder: Path, env: Mapping[str, str], lock: int) -> None:
        """Take the tool's name, its folder, the environment of processes and the held lock."""
        self.requirements = SUPPORT / f"{tool}-requirements.txt"
        self.folder = folder
        self.python = folder / "venv" / "bin" / "python"
        self._site_packages = folder / "venv" / "lib" / "python3.9" / "site-packages"
        self._env = env
        self._lock = lock

    def run(self, *argv: str, **variables: str) -> None:
        """Run a command to its end; it holds the lock even if this process is killed."""
        try:
            subprocess.run(
                argv,
                env={**self._env, **variables},
                cwd=self.folder,
                check=True,
                pass_fds=(self._lock,),
                umask=0o022,
            )
        except subprocess.CalledProcessError as e:
            raise BootstrapError(f"Exit code {e.returncode} of: {' '.join(argv)}") from e

    def install_requirements(self) -> None:
        """Fill `venv` by uv when there is one (seconds), by pip otherwise or when uv fails.

        Settings of the user come first; the hashes are pinned, whoever gives the files.
        """
        uv = shutil.which("uv")
        venv = str(self.folder / "venv")
        pins = ("--require-hashes", "-r", str(self.requirements))
        if uv:
            try:
                self.run(uv, "venv", "--quiet", "--clear", "--python", sys.executable, venv)
                self.run(uv, "pip", "install", "--quiet", "--python", str(self.python), *pins)
            except BootstrapError as e:
                say(f"{e}\nTrying pip instead ...")
            else:
                return
        try:
            self.run(sys.executable, "-m", "venv", "--clear", venv)
        except BootstrapError as e:
            raise BootstrapError(
                f"{e}\nhint: {sys.executable} cannot make virtual environments; on Debian and"
                " Ubuntu that is the package python3.9-venv. uv on PATH serves as well."
            ) from e
        pip = (str(self.python), "-m", "pip")
        what = ("install", "--quiet", "--no-input", "--disable-pip-version-check", *pins)
        try:
            self.run(*pip, *what)
        except BootstrapError as e:
            # They may name the only index that this machine reaches, or have a `constraint` that
            # stops every installation. `--isolated` alone reads the files for all users.
            say(f"{e}\nTrying without this machine's settings of pip ...")
            self.run(*pip, "--isolated", *what, PIP_CONFIG_FILE=os.devnull)

    def take_native_client(self) -> None:
        """Put an executable copy of the native client, where the wheel has one, beside `venv`.

        The wheel ships it without the executable bit. A copy, because files of `venv` may be links
        into a cache.
        """
        shipped = self._site_packages / "pants/bin/native_client"
        if shipped.is_file():
            copy = self.folder / "native_client"
            shutil.copyfile(shipped, copy)
            copy.chmod(0o755)

    def pack_pex_cli(self) -> tuple[str, str]:
        """Pack the command line of pex, which Pants would else download from where it is released.

        Only goals for Python targets use it. It is the installed package, whose hash was checked,
        as a zip archive that unpacks itself into the cache of pex. Its bytes take part in the
        keys of cached processes: they depend on the pinned version alone.

        Returns:
            The values of the options `url_template` and `known_versions` of the scope `pex-cli`;
            empty where Pants could not use them.
        """
        (dist_info,) = self._site_packages.glob("pex-*.dist-info")
        version = dist_info.name[len("pex-") : -len(".dist-info")]
        result = self.folder / "pex"
        files = [dist_info / "METADATA", dist_info / "entry_points.txt"]
        files += [path for path in (self._site_packages / "pex").rglob("*") if path.is_file()]
        names = {path.relative_to(self._site_packages).as_posix(): path for path in files}
        # Stored, as the bytes of compressed data depend on the zlib of this machine.
        with zipfile.ZipFile(result, "w") as archive:
            archive.writestr(zipfile.ZipInfo("__main__.py"), PEX_MAIN.format(version=version))
            for name in sorted(names):
                if not name.endswith(".pyc"):
                    archive.writestr(zipfile.ZipInfo(name), names[name].read_bytes())
        result.chmod(0o755)
        content = result.read_bytes()
        tail = f"{hashlib.sha256(content).hexdigest()}|{len(content)}"
        known = [f"v{version}|{platform}|{tail}" for platform in PEX_PLATFORMS]
        # Pants formats the URL as a template and uses its path as it stands, without decoding it.
        if not re.fullmatch(r"[A-Za-z0-9/._~+@=-]+", str(result)):
            say(
                f"  note: Pants cannot read a file URL of {result}, and will download pex itself.\n"
                "  hint: set XDG_CACHE_HOME to a path without spaces and special characters."
            )
            return "", ""
        return f"file://{result}", json.dumps(known)


def extra_search_path(env: Mapping[str, str]) -> str:
    """Return the option value that shows Pants this interpreter, if it would not find it."""
    folder = Path(sys.executable).parent
    pyenv = Path(env.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    on_path = any(Path(part) == folder for part in env.get("PATH", "").split(os.pathsep) if part)
    return "" if on_path or pyenv in folder.parents else "+" + json.dumps([str(folder)])


def install(tool: str, folder: Path, env: Mapping[str, str], lock: int) -> None:
    """Build the folder of one tool; whoever calls holds the lock."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    installation = Installation(tool, folder, env, lock)
    lines: tuple[str, ...] = ()
    started = time.monotonic()
    installation.install_requirements()
    say(f"  installed in {time.monotonic() - started:.1f} s")
    if tool == "pants":
        installation.take_native_client()
        lines = (*installation.pack_pex_cli(), extra_search_path(env))
    unfinished = folder / "ready.tmp"
    unfinished.write_text("".join(f"{line}\n" for line in lines))
    unfinished.replace(folder / "ready")


def check_expected_version(tool: str, expected: str) -> None:
    """Refuse a version in pants.toml that is not the pinned one."""
    distribution = {"pants": "pantsbuild-pants", "uv": "uv"}[tool]
    pins = SUPPORT / f"{tool}-requirements.txt"
    if f"\n{distribution}=={expected} " not in "\n" + pins.read_text():
        raise BootstrapError(
            f"{tool} {expected} is asked for, and {pins.name} pins another version.\n"
            f"hint: set {distribution}=={expected} in build-support/{tool}-requirements.in"
            " and run build-support/update-locks."
        )


def main(argv: Sequence[str]) -> int:
    """Install a tool unless another process did so in the meantime."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tool", choices=("pants", "uv"))
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--ca-bundle", default="")
    parser.add_argument("--expected-version", required=True)
    args = parser.parse_args(argv)
    # What these child processes download must honour the machine's certificates, as Pants does.
    # Settings of the user, in the environment or in pip's and uv's own files, come first.
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    if args.ca_bundle:
        env.setdefault("SSL_CERT_FILE", args.ca_bundle)
        env.setdefault("REQUESTS_CA_BUNDLE", args.ca_bundle)
    try:
        check_expected_version(args.tool, args.expected_version)
        args.folder.parent.mkdir(parents=True, exist_ok=True)
        with locked(args.folder.with_name(args.folder.name + ".lock")) as lock:
            if not ((args.folder / "ready").is_file() and _starts(args.folder / "venv/bin/python")):
                say(f"Installing {args.tool} {args.expected_version} (once) into {args.folder}")
                install(args.tool, args.folder, env, lock)
    except (BootstrapError, OSError) as e:
        say(f"Setting up {args.tool} failed: {e}")
        return 1
    return 0


def _starts(python: Path) -> bool:
    return os.access(python, os.X_OK)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

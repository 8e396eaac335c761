"""``generate-lockfiles`` against an index on loopback, and what ``package`` says of bad locks."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import tomli

from tests.support.build_root import NATIVE, BuildRoot, Finished
from tests.support.shared_roots import shared_root
from tests.support.simple_index import SimpleIndex, package_wheel, simple_index

STACK = f"""
venvstacks_runtime(
    name="py",
    python_implementation="cpython@3.9",
    requirements=["base<2"],
    platforms=["{NATIVE}", "win_amd64"],
)
venvstacks_framework(name="low", runtime=":py", requirements=["mid"])
venvstacks_framework(name="side", runtime=":py", platforms=["win_amd64"])
venvstacks_application(
    name="app", frameworks=[":low"], launch_module="app.py", requirements=["top"]
)
"""
OTHER_STACK = 'venvstacks_runtime(name="py", python_implementation="cpython@3.9")\n'
LOCKS = {
    "s:py": "s/requirements/py/pylock.py.toml",
    "s:low": "s/requirements/framework-low/pylock.framework-low.toml",
    "s:side": "s/requirements/framework-side/pylock.framework-side.toml",
    "s:app": "s/requirements/app-app/pylock.app-app.toml",
    "t:py": "t/requirements/py/pylock.py.toml",
}


@dataclass(frozen=True)
class Workspace:
    """Two locked stacks, the index that they came from, and how they were locked."""

    root: BuildRoot
    index: SimpleIndex
    unlocked: Finished
    """A `package` before that."""
    locked: Finished
    asked: tuple[str, ...]
    """Of the index."""

    def edit(self, old: str, new: str) -> None:
        """Change the definition of stack `s`."""
        build = self.root.read("s/BUILD")
        assert old in build
        self.root.write("s/BUILD", build.replace(old, new))

    def files(self) -> dict[str, bytes]:
        """All files of the locks."""
        found = sorted(self.root.path.glob("[st]/requirements/*/*"))
        return {str(file.relative_to(self.root.path)): file.read_bytes() for file in found}

    def versions(self, address: str) -> dict[str, tuple[str, bool]]:
        """The packages of a lock: version, and whether the layer has them itself."""
        lock = tomli.loads(self.root.read(LOCKS[address]))
        return {p["name"]: (p["version"], "wheels" in p) for p in lock["packages"]}


def shown(done: Finished) -> list[str]:
    """What a run said, without times and blanks, and what some versions of Pants add."""
    lines = (" ".join(re.sub(r"^[\d:.]* \[INFO\]", "", x).split()) for x in done.stderr.split("\n"))
    said = [line for line in lines if line and not line.startswith("Completed: Scheduling: ")]
    return [re.sub(r"^(Locked .*) \([\d.]+ s\)$", r"\1", line) for line in said]


@pytest.fixture(scope="module")
def shared() -> Iterator[Workspace]:
    wheels = (
        package_wheel("base"),
        package_wheel("base", "2.0"),
        package_wheel("mid", requires=("base",)),
        package_wheel("top", requires=("mid",)),
        package_wheel("greedy", requires=("base>=2",)),
        package_wheel("native", tag="cp39-cp39-win_amd64"),
    )
    with (
        simple_index(*wheels, sizes=False) as index,
        shared_root(config='uv_config = "uv.toml"\n') as root,
    ):
        root.write("uv.toml", index.uv_config)
        root.write("s/BUILD", STACK)
        root.write("s/app.py", "import top\n")
        root.write("t/BUILD", OTHER_STACK)
        unlocked = root.pants("package", "s:app")
        locked = root.succeed("generate-lockfiles")
        yield Workspace(root, index, unlocked, locked, tuple(index.asked))


@pytest.fixture
def workspace(shared: Workspace, tmp_path: Path) -> Iterator[Workspace]:
    """The workspace, which the test may change."""
    kept = tmp_path / "kept"
    shutil.copytree(shared.root.path / "s", kept)
    wheels, settings = dict(shared.index.wheels), shared.root.read("uv.toml")
    yield shared
    shared.index.wheels = wheels
    shared.index.upload_times.clear()
    shared.root.write("uv.toml", settings)
    shutil.rmtree(shared.root.path / "s")
    shutil.copytree(kept, shared.root.path / "s")


def test_missing_locks_of_a_chain_are_named_with_the_commands(shared: Workspace) -> None:
    missing = [
        f"  * {address}: there is no lockfile {LOCKS[address]}."
        for address in ("s:py", "s:low", "s:app")
    ]
    missing.append(
        "  * run `pants generate-lockfiles --resolve=s:py`, which locks all of them, and commit "
        "what it writes"
    )
    assert shared.unlocked.error == "\n".join(
        ["LockError: 3 lockfiles do not match the layer definitions:", *missing]
    )
    assert shared.unlocked.code == 1
    assert "Traceback (most recent call last)" not in shared.unlocked.stderr
    assert not (shared.root.path / "dist").exists()


def test_all_layers_of_two_stacks_are_locked_lower_ones_first(shared: Workspace) -> None:
    log = shared.locked.stderr
    assert shared.locked.work == [f"Locked {address}" for address in sorted(LOCKS)]
    for upper, lower in (("s:low", "s:py"), ("s:side", "s:py"), ("s:app", "s:low")):
        assert log.index(f"Locked {lower} ") < log.index(f"Locked {upper} ")
    assert {path for path in shared.files() if "/pylock." in path and path.endswith("l")} == set(
        LOCKS.values()
    )
    assert shared.versions("s:py") == {"base": ("1.0", True)}
    assert shared.versions("s:low") == {"base": ("1.0", False), "mid": ("1.0", True)}
    assert shared.versions("s:app") == {
        "base": ("1.0", False),
        "mid": ("1.0", False),
        "top": ("1.0", True),
    }


def test_sizes_are_asked_for_where_the_index_gives_none(shared: Workspace) -> None:
    lock = tomli.loads(shared.root.read(LOCKS["s:app"]))
    (wheel,) = (wheel for package in lock["packages"] for wheel in package.get("wheels", []))
    name = "top-1.0-py3-none-any.whl"
    assert wheel["url"] == f"{shared.index.url}/files/{name}"
    assert wheel["size"] == len(shared.index.wheels[name])
    assert f"HEAD /simple/files/{name}" in shared.asked


def test_locking_again_changes_no_byte_and_keeps_pins(workspace: Workspace) -> None:
    before = workspace.files()
    workspace.index.wheels.update(package_wheel("mid", "1.1", requires=("base",)))
    for _ in range(2):  # The daemon knows the second result, and asks the index all the same.
        done = workspace.root.succeed("generate-lockfiles")
        assert workspace.files() == before
        assert "Lockfile diff" not in done.stderr
        assert done.work == [f"Locked {address}" for address in sorted(LOCKS)]


def test_one_package_is_upgraded_and_no_other(workspace: Workspace) -> None:
    before = workspace.files()
    for name, requires in (("mid", ("base",)), ("top", ("mid",))):
        workspace.index.wheels.update(package_wheel(name, "1.1", requires=requires))
    done = workspace.root.succeed("generate-lockfiles", "--resolve=s:low", "--upgrade-package=Mid")
    # The application's lock follows the framework's, and its own package stays.
    assert done.work == ["Locked s:app", "Locked s:low"]
    assert workspace.versions("s:low") == {"base": ("1.0", False), "mid": ("1.1", True)}
    assert workspace.versions("s:app") == {
        "base": ("1.0", False),
        "mid": ("1.1", False),
        "top": ("1.0", True),
    }
    changed = {path for path, content in workspace.files().items() if before[path] != content}
    assert {path.split("/")[2] for path in changed} == {"framework-low", "app-app"}


def test_all_packages_of_the_named_layers_are_upgraded(workspace: Workspace) -> None:
    for name in ("mid", "top", "base"):
        requires = {"mid": ("base",), "top": ("mid",)}.get(name, ())
        workspace.index.wheels.update(package_wheel(name, "1.1", requires=requires))
    workspace.root.succeed("generate-lockfiles", "--resolve=s:py", "--upgrade")
    assert workspace.versions("s:app") == {
        "base": ("1.1", False),
        "mid": ("1.0", False),
        "top": ("1.0", True),
    }
    workspace.root.succeed("generate-lockfiles", "--upgrade")
    assert {name: version for name, (version, _) in workspace.versions("s:app").items()} == {
        "base": "1.1",
        "mid": "1.1",
        "top": "1.1",
    }


def test_packages_that_cannot_be_upgraded_name_the_layer_that_can(workspace: Workspace) -> None:
    before = workspace.files()
    done = workspace.root.pants(
        *("generate-lockfiles", "--resolve=s:app", "--upgrade-package=mid"),
        "--upgrade-package=nosuch",
    )
    assert done.error == (
        "LockError: Packages that cannot be upgraded:\n"
        "  * `--upgrade-package` names `mid`, which the layers to lock do not install themselves. "
        "Run `pants generate-lockfiles --resolve=s:low --upgrade-package=mid`.\n"
        "  * `--upgrade-package` names `nosuch`, which is in no lockfile. Correct the name, or add "
        "the package to the `requirements` of a layer."
    )
    assert done.code == 1
    done = workspace.root.pants("generate-lockfiles", "--upgrade", "--if-needed")
    assert done.error == (
        "LockError: Contradicting options of `generate-lockfiles`:\n"
        "  * `--if-needed` leaves lockfiles alone that match, and `--upgrade` renews them. Remove "
        "one of the two."
    )
    assert done.code == 1
    assert workspace.files() == before


def test_only_what_is_needed_is_locked(workspace: Workspace) -> None:
    before = workspace.files()
    workspace.index.asked.clear()
    for resolve, text in (
        ([], "All 5 layers are locked"),
        (["--resolve=s:app"], "All 3 layers are locked"),
        (["--resolve=t:py"], "The layer is locked"),
    ):
        done = workspace.root.succeed("--stats-log", "generate-lockfiles", "--if-needed", *resolve)
        assert f"[INFO] {text} as defined: nothing to do.\n" in done.stderr
        assert done.work == []
        assert done.counters["local_execution_requests"] == 0
    assert workspace.index.asked == []
    # What is below the named layer counts, and what is above the one that is locked.
    workspace.edit('"mid"', '"mid>=1"')
    done = workspace.root.succeed("generate-lockfiles", "--if-needed", "--resolve=s:app")
    assert done.work == ["Locked s:app", "Locked s:low"]
    shutil.rmtree(workspace.root.path / "s" / "requirements" / "framework-side")
    done = workspace.root.succeed("generate-lockfiles", "--if-needed")
    assert done.work == ["Locked s:side"]
    assert workspace.files().keys() == before.keys()
    workspace.root.succeed("package", "s:app")


def test_one_layer_is_locked_with_those_above_it(workspace: Workspace) -> None:
    before = workspace.files()
    workspace.index.wheels.update(package_wheel("mid", "1.1", requires=("base",)))
    workspace.edit('"mid"', '"mid>=1.1"')
    done = workspace.root.succeed("generate-lockfiles", "--resolve=s:low")
    assert done.work == ["Locked s:app", "Locked s:low"]
    assert shown(done) == [
        "Locked s:low",
        "Locked s:app",
        f"Wrote lockfile for the resolve `s:app` to {LOCKS['s:app']}",
        f"Wrote lockfile for the resolve `s:low` to {LOCKS['s:low']}",
        f"Lockfile diff: {LOCKS['s:low']} [s:low]",
        "== Upgraded dependencies ==",
        "mid 1.0 --> 1.1",
    ]
    after = workspace.files()
    changed = {path.split("/")[2] for path in after if after[path] != before[path]}
    assert changed == {"framework-low", "app-app"}
    assert workspace.versions("s:app")["mid"] == ("1.1", False)

    # The lock of the application as it was, on the new one of the framework.
    for path in before:
        if "/app-app/" in path:
            workspace.root.write(path, before[path])
    assert workspace.root.pants("package", "s:app").error == (
        "LockError: A lockfile does not match the layer definitions:\n"
        f"  * s:app: the lockfile {LOCKS['s:app']} is stale. "
        "Run `pants generate-lockfiles --resolve=s:app`.\n"
        "    - lower layer `framework-low` was locked again"
    )


def test_stale_locks_say_why(workspace: Workspace) -> None:
    workspace.edit('requirements=["mid"]', 'requirements=["mid>=1"], linux_target="glibc@2.31"')
    workspace.edit('requirements=["top"]', 'requirements=["greedy"], platforms=[]')
    done = workspace.root.pants("package", "s:low")
    assert done.error == (
        "LockError: A lockfile does not match the layer definitions:\n"
        f"  * s:low: the lockfile {LOCKS['s:low']} is stale. "
        "Run `pants generate-lockfiles --resolve=s:low`.\n"
        "    - requirement `mid` is now `mid>=1`\n"
        "    - `linux_target` was `glibc@2.28`, is now `glibc@2.31`"
    )
    assert done.code == 1


def test_an_unsatisfiable_layer_shows_who_imposed_what(workspace: Workspace) -> None:
    before = workspace.files()
    workspace.edit('"side", runtime=":py"', '"side", runtime=":py", requirements=["greedy"]')
    done = workspace.root.pants("generate-lockfiles", "--resolve=s:side")
    assert done.error == (
        "VenvstacksError: s:side: `uv` cannot lock the requirements of layer `framework-side`\n"
        "  * error: No solution found when resolving dependencies for split (markers: "
        "implementation_name == 'cpython' and platform_machine == 'AMD64' and "
        "platform_python_implementation == 'CPython' and sys_platform == 'win32')\n"
        "      cause: Because all versions of greedy depend on base>=2 and base==1.0, we can "
        "conclude that all versions of greedy cannot be used.\n"
        "             And because your project depends on greedy, we can conclude that your "
        "project's requirements are unsatisfiable.\n"
        "  * `base==1.0` is imposed by lower layer `py`, which provides it; let that layer require "
        "a version of `base` that this one can have; or name the package in `relaxed_pins` of this "
        "layer: it then has a second copy, which hides the one below"
    )
    assert done.code == 1
    assert workspace.files() == before


def test_a_layer_that_cannot_be_locked_does_not_undo_the_others(workspace: Workspace) -> None:
    before = workspace.files()
    workspace.index.wheels.update(package_wheel("mid", "1.1", requires=("base",)))
    workspace.edit('"mid"', '"mid>=1.1"')
    workspace.edit('requirements=["top"]', 'requirements=["top", "missing"]')
    workspace.edit('"side", runtime=":py"', '"side", runtime=":py", requirements=["greedy"]')
    done = workspace.root.pants("generate-lockfiles", "--resolve=s:py")
    assert done.code == 1
    first, *problems = done.error.split("\n  * ")
    assert first == (
        "LockError: 2 layers cannot be locked; the locks of the others were written: s:app, s:side"
    )
    assert [problem.splitlines()[0] for problem in problems] == [
        "s:app: `uv` cannot lock the requirements of layer `app-app`",
        "s:side: `uv` cannot lock the requirements of layer `framework-side`",
    ]
    for address in ("s:app", "s:side"):
        assert f"Wrote lockfile for the resolve `{address}`" not in done.stderr
    assert f"Wrote lockfile for the resolve `s:low` to {LOCKS['s:low']}" in done.stderr
    after = workspace.files()
    assert {path.split("/")[2] for path in after if after[path] != before[path]} == {
        "framework-low"
    }
    assert workspace.versions("s:low")["mid"] == ("1.1", True)
    # What an index answers is asked anew in the next run.
    workspace.index.wheels.update(package_wheel("missing"))
    workspace.edit('requirements=["greedy"]', "requirements=[]")
    workspace.root.succeed("generate-lockfiles", "--resolve=s:py")
    assert workspace.versions("s:app")["missing"] == ("1.0", True)


def test_a_package_without_a_wheel_for_a_platform_is_named(workspace: Workspace) -> None:
    before = workspace.files()
    workspace.edit('requirements=["mid"]', 'requirements=["mid", "native"]')
    done = workspace.root.pants("generate-lockfiles", "--resolve=s:low")
    assert done.error == (
        "VenvstacksError: s:low: packages without wheels\n"
        f"  * `native` 1.0 has no wheel for {NATIVE} (its wheels fit win_amd64); narrow the "
        "layer's `platforms`, require another version, name it in `build_from_source` of this "
        "layer, or put a wheel that you build into a folder of `local_wheels`\n"
        '  * with `platforms=["win_amd64"]` every package has a wheel'
    )
    assert done.code == 1
    assert workspace.files() == before


def test_a_layer_that_is_locked_on_a_stale_one_says_so(workspace: Workspace) -> None:
    workspace.edit('requirements=["mid"]', 'requirements=["mid>=1"]')
    done = workspace.root.succeed("generate-lockfiles", "--resolve=s:app")
    assert done.work == ["Locked s:app"]
    assert (
        "[WARN] The lockfiles of layers below are stale: s:low. Once these are locked, what is "
        "locked now is stale again: s:app. `pants generate-lockfiles --resolve=s:low` locks all of "
        "them, lower ones first." in done.stderr
    )
    both = workspace.root.succeed("generate-lockfiles", "--resolve=s:low")
    assert both.work == ["Locked s:app", "Locked s:low"]
    assert "[WARN]" not in both.stderr


def test_a_layer_on_two_versions_of_a_package_says_so(workspace: Workspace) -> None:
    workspace.index.wheels.update(package_wheel("mid", "1.1", requires=("base",)))
    workspace.edit('requirements=["mid"]', 'requirements=["mid<1.1"]')
    workspace.edit('frameworks=[":low"]', 'frameworks=[":low", ":more"]')
    more = 'venvstacks_framework(name="more", runtime=":py", requirements=["mid>=1.1"])\n'
    workspace.root.write("s/BUILD", workspace.root.read("s/BUILD") + more)
    done = workspace.root.succeed("generate-lockfiles", "--resolve=s:low", "--resolve=s:more")
    assert (
        "[WARN] s:app: layers below have different versions: `mid` 1.0 (s:low) and 1.1 (s:more). "
        "Programs import the first one. `pants lint s:app` says what to change." in done.stderr
    )
    assert done.stderr.count("[WARN]") == 1


def test_exclude_newer_of_the_configuration_holds(workspace: Workspace) -> None:
    workspace.index.wheels.update(package_wheel("mid", "1.1", requires=("base",)))
    times = dict.fromkeys(workspace.index.wheels, "2024-01-01T00:00:00Z")
    workspace.index.upload_times.update(times)
    workspace.index.upload_times["mid-1.1-py3-none-any.whl"] = "2025-06-01T00:00:00Z"
    shutil.rmtree(workspace.root.path / "s" / "requirements")
    settings = '[tool.uv]\nexclude-newer = "{}"\n' + workspace.root.read("uv.toml")
    workspace.root.write("uv.toml", settings.format("2025-01-01T00:00:00Z"))
    workspace.root.succeed("generate-lockfiles", "--resolve=s:low")
    assert workspace.versions("s:low")["mid"] == ("1.0", True)

    workspace.root.write("uv.toml", settings.format("2025-12-01T00:00:00Z"))
    assert workspace.root.pants("package", "s:low").error == "\n".join(
        [
            "LockError: 3 lockfiles do not match the layer definitions:",
            f"  * s:py: the lockfile {LOCKS['s:py']} is stale.",
            "    - `[tool.uv]` changed",
            f"  * s:low: the lockfile {LOCKS['s:low']} is stale.",
            "    - `[tool.uv]` changed",
            # It may be packaged in the same run.
            f"  * s:app: the lockfile {LOCKS['s:app']} is stale. Only other layers of the folder "
            "need it.",
            "    - `[tool.uv]` changed",
            "  * run `pants generate-lockfiles --resolve=s:py`, which locks all of them, and "
            "commit what it writes",
        ]
    )
    shutil.rmtree(workspace.root.path / "s" / "requirements" / "framework-low")
    workspace.root.succeed("generate-lockfiles", "--resolve=s:py")
    assert workspace.versions("s:low")["mid"] == ("1.1", True)


def test_the_time_of_a_lock_moves_only_with_its_content(workspace: Workspace) -> None:
    metadata = LOCKS["s:low"].replace(".toml", ".meta.json")
    data = json.loads(workspace.root.read(metadata))
    workspace.root.write(metadata, json.dumps({**data, "locked_at": "2001-02-03T04:05:06Z"}))
    workspace.edit('"mid"', '"mid<9"')
    workspace.root.succeed("generate-lockfiles", "--resolve=s:low")
    assert json.loads(workspace.root.read(metadata))["locked_at"] == "2001-02-03T04:05:06Z"
    workspace.edit('"mid<9"', '"mid<9", "top"')
    workspace.root.succeed("generate-lockfiles", "--resolve=s:low")
    assert json.loads(workspace.root.read(metadata))["locked_at"] > "2026"

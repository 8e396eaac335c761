"""What a lock is good for, judged on locks that ``venvstacks`` 0.8 made of a stack of ours."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pants.engine.addresses import Address
from pants.engine.internals.scheduler import ExecutionError
from pants.engine.rules import QueryRule
from pants.testutil.rule_runner import RuleRunner

from tests.pants_backend.distribution_rules import DISTRIBUTION_RULES
from tests.pants_backend.module_rules import module_rules
from venvstacks_rules.pants_backend.backend import target_types
from venvstacks_rules.pants_backend.graph import (
    layer_targets,
    layers,
    stack_files,
)
from venvstacks_rules.pants_backend.locks import freshness, local_wheels, lockfiles, uv_config
from venvstacks_rules.pants_backend.locks.freshness import (
    ChainLocks,
    ChainLocksRequest,
    CheckedLocks,
    CheckedLocksRequest,
    RequiredLocks,
    RequiredLocksRequest,
)
from venvstacks_rules.pants_backend.locks.local_wheels import (
    LocalWheelsInFolders,
    LocalWheelsRequest,
)
from venvstacks_rules.pants_backend.locks.uv_config import UvConfig, UvConfigRequest
from venvstacks_rules.pants_backend.subsystems.venvstacks import VenvstacksSubsystem

STACK = Path(__file__).resolve().parents[2] / "vectors/peer_stack/stack"
BUILD = """\
venvstacks_runtime(
    name="cpython-3.11",
    python_implementation="cpython@3.11.7",
    requirements=["packaging"],
    platforms=["linux_x86_64", "macosx_arm64", "win_amd64"],
    versioned=True,
)
venvstacks_framework(
    name="maps", runtime=":cpython-3.11", requirements=["rtree"], versioned=True
)
venvstacks_framework(name="people", frameworks=[":maps"], requirements=["humanize"])
venvstacks_framework(
    name="text",
    frameworks=[":maps"],
    requirements=["tabulate", "colorama; sys_platform == 'win32'"],
)
venvstacks_application(
    name="report",
    launch_module="report",
    frameworks=[":text", ":people"],
    requirements=["rtree", "tabulate", "idna"],
    support_modules=["extras", "helpers.py"],
    versioned=True,
)
venvstacks_application(
    name="hello",
    launch_module="hello.py",
    runtime=":cpython-3.11",
    requirements=["packaging"],
    platforms=["linux_x86_64", "macosx_arm64"],
)
"""
REPORT = "src/requirements/app-report/pylock.app-report"


@pytest.fixture
def runner() -> RuleRunner:
    runner = RuleRunner(
        rules=[
            *layers.rules(),
            *local_wheels.rules(),
            *DISTRIBUTION_RULES,
            *freshness.rules(),
            *lockfiles.rules(),
            *module_rules(),
            *layer_targets.rules(),
            *stack_files.rules(),
            *uv_config.rules(),
            *VenvstacksSubsystem.rules(),
            QueryRule(CheckedLocks, [CheckedLocksRequest]),
            QueryRule(ChainLocks, [ChainLocksRequest]),
            QueryRule(RequiredLocks, [RequiredLocksRequest]),
            QueryRule(LocalWheelsInFolders, [LocalWheelsRequest]),
            QueryRule(UvConfig, [UvConfigRequest]),
        ],
        target_types=[*target_types()],
    )
    files = [path for path in STACK.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    runner.write_files(
        {
            "src/BUILD": BUILD,
            **{f"src/{path.relative_to(STACK)}": path.read_bytes() for path in files},
        }
    )
    runner.set_options([], env_inherit={"PATH", "PYENV_ROOT", "HOME"})
    return runner


def states(runner: RuleRunner, name: str = "report") -> dict[str, tuple[str, tuple[str, ...]]]:
    checked = runner.request(CheckedLocks, [CheckedLocksRequest(Address("src", target_name=name))])
    return {lock.layer.name: (lock.state.value, lock.reasons) for lock in checked.locks.values()}


def stale(runner: RuleRunner, name: str = "report") -> dict[str, tuple[str, ...]]:
    found = states(runner, name)
    return {layer: reasons for layer, (state, reasons) in found.items() if state == "stale"}


def edit(runner: RuleRunner, path: str, old: str, new: str) -> None:
    text = Path(runner.build_root, path).read_text()
    assert old in text
    runner.write_files({path: text.replace(old, new)})


def test_locks_of_the_peer_are_valid(runner: RuleRunner) -> None:
    assert {name: state for name, (state, _) in states(runner).items()} == dict.fromkeys(
        ("cpython-3.11", "maps", "people", "text", "report"), "valid"
    )
    assert stale(runner, "hello") == {}
    chain = runner.request(ChainLocks, [ChainLocksRequest(Address("src", target_name="report"))])
    metadata = json.loads((STACK / REPORT[4:]).with_suffix(".app-report.meta.json").read_text())
    assert chain.files["src:report"].lock_version == metadata["lock_version"]
    assert chain.files["src:report"].locked_at == metadata["locked_at"]
    assert chain.locks["src:report"].requirements_hash == metadata["requirements_hash"]


@pytest.mark.parametrize(
    ("path", "old", "new", "expected"),
    [
        (
            "src/helpers.py", "", "added = 1\n",
            {"report": ("the launch or support modules changed since version 2 was locked",)},
        ),
        (
            "src/BUILD", '"tabulate", "idna"', '"tabulate", "idna", "humanize"',
            {"report": ("requirement `humanize` is not met on `linux_x86_64`, `macosx_arm64`, "
                        "`win_amd64`", "`requirements` are not those that it was locked for")},
        ),
        (
            "src/BUILD", '["humanize"]', "[]",
            {"people": ("`requirements` are not those that it was locked for",)},
        ),
        (
            "src/BUILD", '[":text", ":people"]', '[":people", ":text"]',
            {"report": ("the Python version, `linux_target`, `macosx_target` or the layers below "
                        "are not those that it was locked for",)},
        ),
        (
            "src/BUILD", '["humanize"])', '["humanize"], versioned=True)',
            {"people": ("`versioned` changed since version 1 was locked",)},
        ),
    ],
)  # fmt: skip
def test_what_changed_since(
    runner: RuleRunner, path: str, old: str, new: str, expected: dict[str, tuple[str, ...]]
) -> None:
    if old:
        edit(runner, path, old, new)
    else:
        runner.write_files({path: new})
    assert stale(runner) == expected


def test_content_changed_alone(runner: RuleRunner) -> None:
    text = Path(runner.build_root, f"{REPORT}.toml").read_text()
    sha256 = text.split('sha256 = "')[1][:64]
    edit(runner, f"{REPORT}.toml", sha256, sha256[::-1])
    assert stale(runner) == {
        "report": (
            "its `.meta.json` belongs to different content: only one of the two files was changed",
        )
    }


def test_without_metadata(runner: RuleRunner) -> None:
    for path in ("app-report/pylock.app-report", "framework-text/pylock.framework-text"):
        Path(runner.build_root, f"src/requirements/{path}.meta.json").unlink()
    assert stale(runner) == {
        "report": ("there is no `.meta.json` beside it, which has the layer's version",)
    }


def test_messages(runner: RuleRunner) -> None:
    Path(runner.build_root, "src/requirements/framework-maps/pylock.framework-maps.toml").unlink()
    runner.write_files({f"{REPORT}.meta.json": "{", "src/helpers.py": "x = 1\n"})
    assert {name: state for name, (state, _) in states(runner).items()} == {
        "cpython-3.11": "valid",
        "maps": "missing",
        "people": "unjudged",
        "text": "unjudged",
        "report": "unreadable",
    }
    with pytest.raises(ExecutionError) as caught:
        runner.request(ChainLocks, [ChainLocksRequest(Address("src", target_name="report"))])
    assert str(next(iter(caught.value.wrapped_exceptions))).splitlines() == [
        "2 lockfiles do not match the layer definitions:",
        "  * src:maps: there is no lockfile src/requirements/framework-maps/"
        "pylock.framework-maps.toml.",
        f"  * src:report: the lockfile {REPORT}.toml cannot be read. Restore it, or delete it.",
        f"    - {REPORT}.meta.json: not a JSON file: Expecting property name enclosed in double "
        "quotes: line 1 column 2 (char 1)",
        "  * run `pants generate-lockfiles --resolve=src:maps`, which locks all of them, and "
        "commit what it writes",
    ]


def test_one_message_has_the_locks_of_all_layers_of_a_run(runner: RuleRunner) -> None:
    locks = ("framework-maps/pylock.framework-maps", "app-hello/pylock.app-hello")
    for path in locks:
        Path(runner.build_root, f"src/requirements/{path}.toml").unlink()

    def refused(*names: str, siblings: tuple[str, ...] = ()) -> list[str]:
        """The addresses in the message, in brackets for other layers; none if locks are valid."""
        addresses = tuple(Address("src", target_name=name) for name in names)
        try:
            runner.request(RequiredLocks, [RequiredLocksRequest(addresses, siblings)])
        except ExecutionError as e:
            error = next(iter(e.wrapped_exceptions))
            first, *others = str(error).splitlines()
            if not others[1:]:
                assert first.startswith("A lockfile does")
                return [others[0].split()[1].rstrip(":")]
            *locks, command = others
            assert first.startswith(f"{len(locks)} lockfiles do")
            named = [line.split()[1].rstrip(":") for line in locks]
            # None of them is built on another one.
            resolves = " ".join(f"--resolve={spec}" for spec in named)
            assert f"`pants generate-lockfiles {resolves}`" in command
            beside = [
                line.endswith(".toml. Only other layers of the folder need it.") for line in locks
            ]
            return [f"({spec})" if other else spec for spec, other in zip(named, beside)]
        return []

    assert refused("text", "hello") == ["src:maps", "src:hello"]
    assert refused("hello") == ["src:hello"]
    assert refused("cpython-3.11") == []
    # Pants packages each target apart: whichever fails first names all.
    assert refused("hello", siblings=("linux_x86_64",)) == ["src:hello", "(src:maps)"]
    assert refused("text", siblings=("linux_x86_64",)) == ["(src:hello)", "src:maps"]
    # Except those that are not for the platforms.
    assert refused("text", siblings=("win_amd64",)) == ["src:maps"]
    assert refused("cpython-3.11", siblings=("linux_x86_64",)) == []


def test_settings_of_a_stack_file(runner: RuleRunner) -> None:
    def find(path: str) -> str | None:
        found = runner.request(UvConfig, [UvConfigRequest(path)])
        assert isinstance(found, UvConfig)
        return found.hash

    inline = find("src/venvstacks.toml")
    assert inline is not None
    runner.write_files(
        {
            "src/venvstacks.uv.toml": 'exclude-newer = "2026-10-01T00:00:00Z"\n'
            'environments = ["x"]\nno-build = false\nnative-tls = true\n',
            "src/none.uv.toml": "cache-keys = []\n",
        }
    )
    assert find("src/venvstacks.uv.toml") == inline
    assert find("src/none.uv.toml") is None


def test_folders_of_wheels(runner: RuleRunner) -> None:
    runner.write_files({"src/wheels/a-1-py3-none-any.whl": b"", "empty/x": ""})
    below, above = Address("src/sub", target_name="fw"), Address("src", target_name="fw")
    found = runner.request(LocalWheelsInFolders, [LocalWheelsRequest(below, ("../wheels/",))])
    assert found.folders == ("src/wheels",)
    for name, problem in (
        ("../..", "'../..' is not inside the repository. Move the wheels into it."),
        (
            "../empty",
            "'../empty', relative to src, has no wheels (`*.whl`). Put some there, or remove the "
            "folder from the field.",
        ),
    ):
        with pytest.raises(ExecutionError) as caught:
            runner.request(LocalWheelsInFolders, [LocalWheelsRequest(above, (name,))])
        assert str(next(iter(caught.value.wrapped_exceptions))) == (
            f"`local_wheels` cannot be used:\n  * src:fw: {problem}"
        )

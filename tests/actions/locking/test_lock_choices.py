"""Overrides, packages without what they ask for, and versions of a layer's own, with real `uv`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.layer_locks import Index, lock, pins, refused, served_index, write_wheels
from venvstacks_rules.actions.files.toml import read_toml
from venvstacks_rules.model.layers.lock_choices import LockChoices


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    with served_index(tmp_path, monkeypatch) as index:
        for version in ("1.0", "1.5", "2.0"):
            write_wheels(index.root / "num", "num", version)
            write_wheels(index.root / "other", "other", version)
        write_wheels(index.root / "frame", "frame", "1.0", requires=("num>=2", "extra"))
        write_wheels(index.root / "extra", "extra", "1.0", requires=("more",))
        write_wheels(index.root / "more", "more", "1.0")
        yield index


def versions(path: Path) -> dict[str, tuple[str, bool]]:
    """Of each package, and whether a lower layer provides it."""
    return {name: (version, below) for name, version, _, below in pins(path)}


def recorded(path: Path) -> object:
    """What the lock says about itself."""
    return read_toml(path)["tool"]["venvstacks-rules"]["inputs"]


def test_an_override_replaces_what_a_package_asks_for(index: Index) -> None:
    choices = LockChoices(override_requirements=("num<2",))
    path = lock("rt", "frame", choices=choices)
    assert versions(path)["num"] == ("1.5", False)
    assert recorded(path)["override_requirements"] == ["num<2"]  # type: ignore[index]
    # It is the layer's own word against that of the settings.
    text = Path("uv.toml").read_text()
    Path("uv.toml").write_text(f'{text}\n[tool.uv]\noverride-dependencies = ["num==1.0"]\n')
    assert versions(lock("two", "frame", choices=choices))["num"] == ("1.5", False)
    assert versions(lock("three", "frame"))["num"] == ("1.0", False)


def test_the_hash_of_what_was_asked_for_has_it_only_if_it_is_set(index: Index) -> None:
    plain = lock("rt", "other==1.0")
    same = lock("same", "other==1.0", choices=LockChoices(), previous=plain)
    chosen = LockChoices(without_dependencies=("other",))
    changed = lock("changed", "other==1.0", choices=chosen)
    hashes = [
        json.loads(path.with_suffix(".meta.json").read_text()) for path in (plain, same, changed)
    ]
    asked = [found["lock_input_hash"] for found in hashes]
    assert asked[0] == asked[1] != asked[2]
    # The content is the same: no layer above has to be built again.
    assert len({found["requirements_hash"] for found in hashes}) == 1
    assert "without_dependencies" not in plain.read_text()


def test_an_override_can_take_a_package_out(index: Index) -> None:
    choices = LockChoices(override_requirements=("extra ; sys_platform == 'never'",))
    assert set(versions(lock("rt", "frame", choices=choices))) == {"frame", "num"}


def test_a_package_without_what_it_asks_for(index: Index) -> None:
    choices = LockChoices(without_dependencies=("frame",))
    path = lock("rt", "frame", choices=choices)
    assert versions(path) == {"frame": ("1.0", False)}
    # What of it is needed all the same.
    assert set(versions(lock("two", "frame", "num<2", choices=choices))) == {"frame", "num"}
    # A layer above that requires it does not bring the rest back.
    above = lock("app", "frame", "other", lower=[path], choices=choices)
    assert versions(above) == {"frame": ("1.0", True), "other": ("2.0", False)}
    assert set(versions(lock("all", "frame", lower=[path]))) == {"frame", "num", "extra", "more"}


def test_a_version_of_the_layers_own(index: Index) -> None:
    low = lock("rt", "num<2", "other<2")
    contradiction = refused("app", "frame", lower=[low])
    assert contradiction.splitlines()[-1] == (
        "  * `num==1.5` is imposed by lower layer `rt`, which provides it; let that layer require "
        "a version of `num` that this one can have; or name the package in `relaxed_pins` of this "
        "layer: it then has a second copy, which hides the one below"
    )
    choices = LockChoices(relaxed_pins=("num", "other"))
    app = lock("app", "frame", "other", lower=[low], choices=choices)
    # Only what has to move moves, although there is a newer one.
    assert versions(app) == {
        "extra": ("1.0", False),
        "frame": ("1.0", False),
        "more": ("1.0", False),
        "num": ("2.0", False),
        "other": ("1.5", True),
    }
    # Where the version below will do, it stays the layer's.
    assert versions(lock("two", "num", lower=[low], choices=choices)) == {"num": ("1.5", True)}
    # The layers above the application's version have that one.
    above = lock("top", "num", lower=[app, low])
    assert versions(above) == {"num": ("2.0", True)}
    assert read_toml(app)["tool"]["venvstacks-rules"]["inputs"]["relaxed_pins"] == ["num", "other"]


def test_choices_about_unknown_packages(index: Index) -> None:
    low = lock("rt", "num<2")
    choices = LockChoices(
        override_requirements=("mroe<2", "nothing ; sys_platform == 'never'"),
        without_dependencies=("frmae", "num"),
        relaxed_pins=("nmu", "frame"),
    )
    assert refused("app", "frame", "num", lower=[low], choices=LockChoices()).startswith("//:app")
    assert refused("app", "extra", "num", lower=[low], choices=choices) == (
        "//:app: choices about unknown packages\n"
        "  * `without_dependencies` names 'frmae', which is not in the lock. Remove it, or correct "
        "the name\n"
        "  * `override_requirements` names 'mroe', which is not in the lock. Did you mean 'more'?\n"
        "  * `relaxed_pins` names 'nmu', of which neither a layer below nor a resolve decides the "
        "version. Did you mean 'num'?\n"
        "  * `relaxed_pins` names 'frame', of which neither a layer below nor a resolve decides "
        "the version. Remove it, or correct the name"
    )


def test_where_contradicting_requirements_come_from(index: Index) -> None:
    message = refused(
        "rt", "num<2", "num>=2", requirement_origins=(("num<2", "3rdparty:reqs#num"),)
    )
    assert message.splitlines()[-1] == "  * `num<2` is required by 3rdparty:reqs#num"


def test_the_requirement_of_a_target_goes_into_the_layer_below(index: Index) -> None:
    low = lock("framework-low", "num")
    message = refused(
        "app",
        "num<2",
        "num>1",
        lower=[low],
        requirement_origins=(("num<2", "3rdparty:reqs#num"), ("num>1", "3rdparty:more#num")),
    )
    assert message.splitlines()[-3:] == [
        "  * `num==2.0` is imposed by lower layer `framework-low`, which provides it; add "
        "`3rdparty:reqs#num`, which requires `num<2`, to `requirements` of that layer, or take the "
        "versions of both layers from one `python_resolve`; or name the package in `relaxed_pins` "
        "of this layer: it then has a second copy, which hides the one below",
        "  * `num<2` is required by 3rdparty:reqs#num",
        "  * `num>1` is required by 3rdparty:more#num",
    ]


def test_versions_of_a_resolve(index: Index) -> None:
    fields: dict[str, Any] = {
        "choices": LockChoices(python_resolve="main"),
        "resolve_pins": ("num==1.0", "other==1.0", "unused==7"),
        "resolve_lockfile": "3rdparty/main.lock",
    }
    path = lock("rt", "num", "other", **fields)
    assert versions(path) == {"num": ("1.0", False), "other": ("1.0", False)}
    assert read_toml(path)["tool"]["venvstacks-rules"]["inputs"]["python_resolve"] == "main"
    # What the resolve lacks is completed.
    assert versions(lock("two", "other", "more", **fields)) == {
        "more": ("1.0", False),
        "other": ("1.0", False),
    }
    assert refused("three", "frame", **fields).splitlines()[-1] == (
        "  * `num==1.0` is the version of resolve `main` (3rdparty/main.lock), which "
        "`python_resolve` names"
    )
    commit = f"git+https://x/num@{'0' * 40}"
    for url, shown in (
        (commit, commit),
        ("git+https://x/num@v7", "git+https://x/num@<commit>"),
        ("git+https://x/num", "git+https://x/num@<commit>"),
        ("git+ssh://git@x/num@a/b#egg=num", "git+https://x/num@<commit>"),
        # As most private repositories are named.
        (f"git+ssh://x/num@{'0' * 40}#subdirectory=p", f"{commit}#subdirectory=p"),
        (f"git+ssh://git@x/num@{'0' * 40}#egg=num", commit),
    ):
        foreign = {**fields, "resolve_pins": ("num==7",), "resolve_repositories": (("num", url),)}
        assert refused("three", "num", **foreign).splitlines()[-1] == (
            "  * `num==7` is the version of resolve `main` (3rdparty/main.lock), which "
            "`python_resolve` names. The resolve has it from a repository, and an index need not "
            f"have it: add `num @ {shown}` to `requirements` of this layer, and `num` to its "
            "`build_from_source`"
        )
    foreign = {**foreign, "resolve_repositories": (("num", "hg+https://x"),)}
    assert refused("three", "num", **foreign).splitlines()[-1] == (
        "  * `num==7` is the version of resolve `main` (3rdparty/main.lock), which "
        "`python_resolve` names. The resolve has it from a repository that no layer can have it "
        "from, and an index need not have it: put a wheel that you build into a folder of "
        "`local_wheels`"
    )
    low = lock("low", "num==1.5")
    assert refused("four", "num", lower=[low], **fields).splitlines()[-2:] == [
        "  * `num==1.5` is imposed by lower layer `low`, which provides it; set `python_resolve` "
        "of that layer to 'main', too; or name the package in `relaxed_pins` of this layer: it "
        "then has a second copy, which hides the one below",
        "  * `num==1.0` is the version of resolve `main` (3rdparty/main.lock), which "
        "`python_resolve` names",
    ]
    write_wheels(index.root / "win", "win", "1.0", "py3-none-win_amd64")
    lacking = refused("six", "win", **{**fields, "resolve_pins": ("win==1.0",)})
    assert lacking.splitlines()[-1] == (
        "  * `win==1.0` is the version of resolve `main` (3rdparty/main.lock), which "
        "`python_resolve` names"
    )
    fields["choices"] = LockChoices(python_resolve="main", relaxed_pins=("num",))
    assert versions(lock("five", "frame", **fields))["num"] == ("2.0", False)


@pytest.mark.integration
def test_real_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A layer without what its package asks for, and one above with a version of its own."""
    monkeypatch.chdir(tmp_path)
    Path("uv.toml").write_text('[tool.uv]\nexclude-newer = "2024-06-01T00:00:00Z"\n')
    low = lock("rt", "requests", "idna<3", choices=LockChoices(without_dependencies=("requests",)))
    assert versions(low) == {"idna": ("2.10", False), "requests": ("2.32.3", False)}
    inherited = LockChoices(without_dependencies=("requests",), relaxed_pins=("idna",))
    app = lock("app", "requests", "httpx", "idna>=3", lower=[low], choices=inherited)
    found = versions(app)
    assert found["idna"] == ("3.7", False)
    assert found["requests"] == ("2.32.3", True)
    assert "urllib3" not in found
    overridden = lock(
        "two", "requests", choices=LockChoices(override_requirements=("urllib3<2", "idna<3"))
    )
    assert versions(overridden)["urllib3"] == ("1.26.18", False)

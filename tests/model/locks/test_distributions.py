from __future__ import annotations

from dataclasses import replace

import pytest

from venvstacks_rules.model.errors import LockError
from venvstacks_rules.model.locks.distributions import Distribution, changed_distributions
from venvstacks_rules.model.locks.metadata import HashedInputs
from venvstacks_rules.model.locks.pylock import LockedPackage, LockedWheel, Lockfile, LockInputs
from venvstacks_rules.model.locks.selection import select_wheels, with_built_wheels
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS

TEXT = Distribution("acme-text", "1.0", ">=3.9", ("idna>=3",))
INPUTS = LockInputs(
    python_implementation="cpython@3.11.4",
    python_provider=None,
    requirements=(),
    platforms=("linux_x86_64",),
    linux_target="glibc@2.28",
    macosx_target="13.0",
    lower_layers=(),
    uv_config=None,
    distributions=(TEXT, Distribution("plain", "2", "", ())),
)
BUILT = LockedPackage("acme-text", "1.0", None, None, (), from_distribution=True)
LOCK = Lockfile("==3.11.*", (BUILT,), inputs=INPUTS)


def test_what_a_lock_has_to_know() -> None:
    assert list(changed_distributions([TEXT], [TEXT])) == []
    other = replace(TEXT, version="1.1", requires_python="", requires=("idna>=3.1", "attrs"))
    assert list(changed_distributions([TEXT], [other])) == [
        "distribution `acme-text` was version 1.0, is now 1.1",
        "distribution `acme-text` is for other versions of Python",
        "distribution `acme-text` now requires `idna>=3.1`, `attrs`",
        "distribution `acme-text` no longer requires `idna>=3`",
    ]
    assert list(changed_distributions([TEXT], [replace(TEXT, name="b")])) == [
        "distribution `b` was added",
        "distribution `acme-text` was removed",
    ]


def test_a_lock_is_written_and_read_again() -> None:
    data = LOCK.to_dict()
    assert data["packages"] == [
        {
            "name": "acme-text",
            "version": "1.0",
            "tool": {"venvstacks-rules": {"from": "python_distribution"}},
        }
    ]
    assert Lockfile.from_dict(data, "lock") == LOCK


@pytest.mark.parametrize(
    ("ours", "wheels", "problem"),
    [
        (
            {"from": "git"},
            [],
            "`packages[0].tool.venvstacks-rules.from`: `git` is none of `python_distribution`, "
            "`sdist` and `vcs`",
        ),
        (
            {"from": "python_distribution"},
            [{"path": "acme_text-1.0-py3-none-any.whl", "hashes": {}}],
            "`packages[0].wheels`: a package that is built has no wheels",
        ),
        (
            {},
            [],
            "`packages[0].wheels`: `acme-text` has no wheels, and a layer can install only wheels",
        ),
    ],
)
def test_a_lock_that_contradicts_itself(
    ours: dict[str, str], wheels: list[dict[str, object]], problem: str
) -> None:
    package = {"name": "acme-text", "version": "1.0", "wheels": wheels}
    data = {
        "lock-version": "1.0",
        "requires-python": "==3.11.*",
        "packages": [{**package, "tool": {"venvstacks-rules": ours}}],
    }
    with pytest.raises(LockError) as caught:
        Lockfile.from_dict(data, "x")
    assert problem in str(caught.value)


def test_the_hash_of_a_lock_does_not_depend_on_the_wheel() -> None:
    wheel = LockedWheel("acme_text-1.0-py3-none-any.whl", None, None, 1, "0" * 64)
    filled = with_built_wheels(LOCK, {"acme-text": wheel})
    assert filled.packages[0].wheels == (wheel,)
    package = replace(BUILT, from_distribution=False, index="https://example.org/simple")
    hashes = {Lockfile("==3.11.*", (p,)).requirements_hash for p in (BUILT, package)}
    assert len(hashes) == 2


def test_a_built_wheel_that_does_not_fit_is_refused() -> None:
    name = "acme_text-1.0-cp311-cp311-linux_x86_64.whl"
    wheel = LockedWheel(name, None, None, 1, "0" * 64)
    lock = with_built_wheels(LOCK, {"acme-text": wheel})

    def select(platform: str, python_version: str = "3.11.4") -> tuple[LockedWheel, ...]:
        return select_wheels(
            lock,
            platform=PLATFORMS[platform],
            python_version=python_version,
            linux_target="glibc@2.28",
            macosx_target="13.0",
        )

    assert select("linux_x86_64") == (wheel,)
    for platform, python in (("win_amd64", "3.11.4"), ("linux_x86_64", "3.12.1")):
        with pytest.raises(LockError) as caught:
            select(platform, python)
        assert str(caught.value) == (
            f"the lockfile does not fit platform {platform}\n  * `acme-text` 1.0 is built from the "
            f"repository as `{name}`, which does not fit CPython {python[:4]} on {platform}; "
            "package the layer on a machine of that platform, set the `interpreter_constraints` of "
            "the `python_distribution` to the layer's Python, narrow the layer's `platforms`, or "
            "make the distribution one of pure Python"
        )


def test_wheels_are_inputs_of_a_version() -> None:
    inputs = HashedInputs(
        layer_name="framework-a",
        requirements=(),
        python_version="3.11.4",
        platforms=("linux_x86_64",),
        linux_target="glibc@2.28",
        macosx_target="13.0",
        lower_layers=(),
        versioned=True,
        module_hashes=(),
    )
    assert inputs.version_inputs_called == "`versioned`"
    with_wheel = replace(inputs, distribution_hashes=("0" * 64,))
    assert with_wheel.version_inputs_called == "the distributions in `dependencies`"
    assert with_wheel.hashes("").version_inputs != inputs.hashes("").version_inputs

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from venvstacks_rules.model.errors import LockError
from venvstacks_rules.model.layers.requirements import normalised_requirements
from venvstacks_rules.model.locks.freshness import (
    inconsistent_with_lower,
    metadata_reasons,
    stale_reasons,
)
from venvstacks_rules.model.locks.metadata import HashedInputs, LockMetadata
from venvstacks_rules.model.locks.pylock import (
    LockedInterpreter,
    LockedPackage,
    LockedWheel,
    Lockfile,
    LockInputs,
    mirrored_url,
)

SHA = "ab" * 32
PEER = {
    "lock-version": "1.0",
    "created-by": "uv",
    "requires-python": "==3.11.*",
    "packages": [
        {
            "name": "rich",
            "version": "14.0.0",
            "index": "https://index.example/simple",
            "sdist": {"url": "https://files.example/rich-14.0.0.tar.gz"},
            "wheels": [
                {
                    "url": "https://files.example/rich-14.0.0-py3-none-any.whl",
                    "size": 243229,
                    "hashes": {"sha256": SHA},
                }
            ],
        },
        {
            "name": "idna",
            "version": "3.7",
            "marker": "(sys_platform == 'win32') and sys_platform == 'from_lower_layer'",
        },
    ],
}
INPUTS = LockInputs(
    python_implementation="cpython@3.11.4",
    python_provider="local",
    requirements=('idna ; sys_platform == "win32"', "rich>=13"),
    platforms=("linux_x86_64", "win_amd64"),
    linux_target="glibc@2.28",
    macosx_target="13.0",
    lower_layers=(("rt", "sha256:1"),),
    uv_config=None,
)


def test_reads_what_uv_exports() -> None:
    assert Lockfile.from_dict(PEER, "pylock.toml") == Lockfile(
        "==3.11.*",
        (
            LockedPackage(
                "rich",
                "14.0.0",
                None,
                "https://index.example/simple",
                (
                    LockedWheel(
                        "rich-14.0.0-py3-none-any.whl",
                        "https://files.example/rich-14.0.0-py3-none-any.whl",
                        None,
                        243229,
                        SHA,
                    ),
                ),
            ),
            LockedPackage(
                "idna", "3.7", "sys_platform == 'win32'", None, (), from_lower_layer=True
            ),
        ),
    )


def test_written_and_read_again() -> None:
    lock = replace(
        Lockfile.from_dict(PEER, "pylock.toml"),
        inputs=INPUTS,
        interpreters=(LockedInterpreter("linux_x86_64", "https://e.example/a.tar.gz", SHA, 7),),
    )
    assert Lockfile.from_dict(lock.to_dict(), "again") == lock


def test_requirements_hash() -> None:
    # Spelled out from the reference, "Hashes".
    strings = [
        "idna==3.7 ; sys_platform == 'win32' from unspecified index",
        "rich==14.0.0 from https://index.example/simple",
        f"rich-14.0.0-py3-none-any.whl:sha256:{SHA}",
    ]
    expected = hashlib.sha256("".join(sorted(strings)).encode()).hexdigest()
    assert Lockfile.from_dict(PEER, "x").requirements_hash == f"sha256:{expected}"


def test_all_problems_at_once() -> None:
    data = {
        "lock-version": "2.0",
        "requires-python": "3",
        "packages": [
            "rich",
            {"name": "Foo", "version": "x", "marker": "never", "wheels": 3},
            {
                "name": "a",
                "version": "1",
                "wheels": [
                    {"url": "file:///a-1-py3-none-any.whl", "size": -1, "hashes": {"sha256": "0"}},
                    {"path": "/tmp/b-1-py3-none-any.whl", "size": True},
                    {"name": "../a-1-py3-none-any.whl", "url": "https://e.example/a"},
                ],
            },
            {"name": "b", "version": "1", "vcs": {"type": "git"}},
        ],
        "tool": {"venvstacks-rules": {"interpreters": [{"platform": "amiga", "size": "1"}]}},
    }
    with pytest.raises(LockError) as caught:
        Lockfile.from_dict(data, "requirements/x/pylock.x.toml")
    assert str(caught.value).splitlines() == [
        "requirements/x/pylock.x.toml: invalid lockfile",
        "  * `lock-version`: `2.0` is not supported, only `1.0` is",
        "  * `requires-python`: `3` is not a version specifier",
        "  * `packages[0]`: expected a table, got a string",
        "  * `packages[1].name`: `Foo` is not normalised; it would be `foo`",
        "  * `packages[1].version`: `x` is not a version",
        "  * `packages[1].marker`: `never` is not an environment marker",
        "  * `packages[1].wheels`: expected a list, got an integer",
        "  * `packages[1].wheels`: `Foo` has no wheels, and a layer can install only wheels",
        "  * `packages[2].wheels[0].url`: `file:///a-1-py3-none-any.whl` is not an http or https "
        "URL",
        "  * `packages[2].wheels[0].size`: expected a size in bytes, got -1",
        "  * `packages[2].wheels[0].hashes.sha256`: `0` is not a SHA-256 in lower-case hexadecimal",
        "  * `packages[2].wheels[1].path`: `/tmp/b-1-py3-none-any.whl` is not a relative path with "
        "forward slashes",
        "  * `packages[2].wheels[1].name`: `b-1-py3-none-any.whl` is not a wheel of `a` 1",
        "  * `packages[2].wheels[1].size`: expected a size in bytes, got True",
        "  * `packages[2].wheels[1].hashes`: missing",
        "  * `packages[2].wheels[2].name`: `../a-1-py3-none-any.whl` is not the name of a wheel",
        "  * `packages[2].wheels[2].hashes`: missing",
        "  * `packages[3].vcs`: a layer can install only wheels",
        "  * `packages[3].wheels`: `b` has no wheels, and a layer can install only wheels",
        "  * `tool.venvstacks-rules.interpreters[0].platform`: `amiga` is not one of linux_x86_64, "
        "linux_aarch64, macosx_arm64, macosx_x86_64, win_amd64, win_arm64",
        "  * `tool.venvstacks-rules.interpreters[0].url`: missing",
        "  * `tool.venvstacks-rules.interpreters[0].sha256`: missing",
        "  * `tool.venvstacks-rules.interpreters[0].size`: expected a size in bytes, got a string",
    ]


OURS = replace(Lockfile.from_dict(PEER, "x"), inputs=INPUTS)


def test_fresh_whatever_the_spelling_and_order() -> None:
    written = ("Rich >= 13", "idna; sys_platform=='win32'")
    assert stale_reasons(OURS, replace(INPUTS, requirements=written)) == ()


@pytest.mark.parametrize(
    ("change", "reasons"),
    [
        ({"requirements": (*INPUTS.requirements, "httpx")}, ("requirement `httpx` was added",)),
        ({"requirements": INPUTS.requirements[1:]},
         ("requirement `idna ; sys_platform == \"win32\"` was removed",)),
        ({"requirements": (INPUTS.requirements[0], "rich>=14")},
         ("requirement `rich>=13` is now `rich>=14`",)),
        ({"python_implementation": "cpython@3.12.1"},
         ("`python_implementation` was `cpython@3.11.4`, is now `cpython@3.12.1`",)),
        ({"platforms": ("linux_x86_64",)},
         ("`platforms` were `linux_x86_64`, `win_amd64`, are now `linux_x86_64`",)),
        ({"linux_target": "glibc@2.17"},
         ("`linux_target` was `glibc@2.28`, is now `glibc@2.17`",)),
        ({"uv_config": "sha256:2"}, ("`[tool.uv]` was added",)),
        ({"lower_layers": (("rt", "sha256:2"),)}, ("lower layer `rt` was locked again",)),
        ({"lower_layers": (("framework-a", "x"), ("rt", "sha256:1"))},
         ("lower layer `framework-a` was added",)),
        ({"lower_layers": ()}, ("lower layer `rt` was removed",)),
        ({"python_provider": "archive"}, ()),
        ({"python_provider": "pbs"},
         ("it pins no interpreter archive for `linux_x86_64`, `win_amd64`",)),
    ],
)  # fmt: skip
def test_stale(change: dict[str, Any], reasons: tuple[str, ...]) -> None:
    assert stale_reasons(OURS, replace(INPUTS, **change)) == reasons


def test_a_version_that_leaves_the_release_open() -> None:
    wanted = replace(INPUTS, python_implementation="cpython@3.11", python_provider="pbs")
    pins = tuple(LockedInterpreter(name, "", "", 1) for name in wanted.platforms)
    lock = Lockfile("==3.11.*", (), pins, wanted)
    unnamed = ("it names no release of CPython 3.11",)
    assert stale_reasons(lock, wanted) == unnamed
    assert stale_reasons(replace(lock, python_version="3.12.1"), wanted) == unnamed
    assert stale_reasons(replace(lock, python_version="3.11.9"), wanted) == ()
    foreign = replace(lock, inputs=None)
    assert stale_reasons(foreign, replace(wanted, requirements=())) == unnamed
    # Only the machine that builds knows which release it is, or the layer is no runtime.
    for provider in ("local", None):
        inputs = replace(wanted, python_provider=provider)
        assert stale_reasons(replace(lock, inputs=inputs), inputs) == ()


def test_lock_of_another_tool() -> None:
    lock = Lockfile.from_dict(PEER, "x")
    assert stale_reasons(lock, INPUTS) == ()
    requirements = ("idna", "rich<14", "httpx; sys_platform == 'darwin'")
    assert stale_reasons(lock, replace(INPUTS, requirements=requirements)) == (
        "requirement `idna` is not met on `linux_x86_64`",
        "requirement `rich<14` is not met on `linux_x86_64`, `win_amd64`",
    )
    assert stale_reasons(lock, replace(INPUTS, python_implementation="cpython@3.12.1")) == (
        "it is for Python `==3.11.*`, and the layer's is `cpython@3.12.1`",
    )


def test_consistent_with_lower_layers() -> None:
    lock = Lockfile.from_dict(PEER, "x")
    wheel = LockedWheel("idna-3.7-py3-none-any.whl", "https://e.example/i", None, 1, SHA)
    idna = LockedPackage("idna", "3.7", None, None, (wheel,))
    good = Lockfile("==3.11.*", (idna,))
    assert inconsistent_with_lower(lock, (("rt", good),)) == ()
    other = Lockfile("==3.11.*", (replace(idna, version="3.8"), replace(idna, name="rich")))
    assert inconsistent_with_lower(lock, (("framework-f", other), ("rt", good))) == (
        "`rich==14.0.0` is locked, but lower layer `framework-f` has 3.7",
        "`idna==3.7` is locked, but lower layer `framework-f` has 3.8",
    )
    empty = Lockfile("==3.11.*", ())
    assert inconsistent_with_lower(lock, (("rt", empty),)) == (
        "`idna==3.7` is marked as provided, but no lower layer provides it",
    )
    assert inconsistent_with_lower(lock, (("rt", empty),), ["linux_x86_64"]) == ()


def test_normalised_requirements() -> None:
    assert normalised_requirements(["B_c[y,X] >=1, <2 ; python_version<'4'", "a", "A"]) == (
        "a",
        'b-c[x,y]<2,>=1 ; python_version < "4"',
    )
    with pytest.raises(LockError) as caught:
        normalised_requirements(["a b", "c", "==1"])
    assert str(caught.value) == (
        "invalid requirements\n"
        "  * `==1` is not a PEP 508 requirement\n"
        "  * `a b` is not a PEP 508 requirement"
    )


def test_mirrored_url() -> None:
    url = "https://github.com/astral-sh/p-b-s/releases/download/20250101/cpython-3.11.tar.gz"
    assert mirrored_url(url, None) == url
    assert mirrored_url(url, "http://mirror.example/pbs/") == (
        "http://mirror.example/pbs/20250101/cpython-3.11.tar.gz"
    )


def test_sources_are_part_of_what_it_was_made_from() -> None:
    changes: dict[str, Any] = {
        "package_indexes": (("torch", "cpu"),),
        "priority_indexes": ("cpu",),
        "local_wheels": ("wheels",),
    }
    made = replace(OURS, inputs=replace(INPUTS, **changes))
    assert Lockfile.from_dict(made.to_dict(), "again") == made
    assert stale_reasons(made, INPUTS) == (
        "`package_indexes` changed",
        "`priority_indexes` changed",
        "`local_wheels` changed",
    )


def test_what_only_other_tools_write() -> None:
    data = {
        "lock-version": "1.0",
        "requires-python": "==3.11.*",
        "packages": [
            # As with an index that names no sizes, and files beside the lockfile.
            {
                "name": "a",
                "version": "2024.08.1",
                "marker": 'sys_platform=="win32"',
                "wheels": [
                    {
                        "url": "https://e.example/a-2024.8.1-py3-none-any.whl",
                        "hashes": {"sha256": SHA, "sha512": "cd"},
                    },
                    {"path": "../w/a-2024.8.1-1-py3-none-any.whl", "hashes": {}},
                ],
            },
            {
                "name": "b",
                "version": "1",
                "archive": {
                    "url": "https://e.example/b-1-py3-none-any.whl",
                    "hashes": {"sha256": SHA},
                },
            },
        ],
    }
    lock = Lockfile.from_dict(data, "pylock.toml")
    a, b = lock.packages
    assert [(w.size, w.sha256, w.other_hashes) for w in a.wheels] == [
        (0, SHA, (("sha512", "cd"),)),
        (0, "", ()),
    ]
    assert [wheel.file_name for wheel in b.wheels] == ["b-1-py3-none-any.whl"]
    assert Lockfile.from_dict(lock.to_dict(), "again") == lock
    strings = [
        "a==2024.8.1 ; sys_platform == 'win32' from unspecified index",
        f"a-2024.8.1-py3-none-any.whl:sha256:{SHA}",
        "a-2024.8.1-py3-none-any.whl:sha512:cd",
        "b==1 from unspecified index",
        f"b-1-py3-none-any.whl:sha256:{SHA}",
    ]
    expected = hashlib.sha256("".join(sorted(strings)).encode()).hexdigest()
    assert lock.requirements_hash == f"sha256:{expected}"


def test_without_metadata_every_platform_has_its_wheels() -> None:
    wheel = LockedWheel("a-1-cp311-cp311-win_amd64.whl", "https://e.example/a", None, 1, SHA)
    lock = Lockfile("==3.11.*", (LockedPackage("a", "1", None, "https://e.example", (wheel,)),))
    inputs = HashedInputs(
        layer_name="rt",
        requirements=("a",),
        python_version="3.11.4",
        platforms=("linux_x86_64", "win_amd64"),
        linux_target="glibc@2.28",
        macosx_target="13.0",
        lower_layers=(),
        versioned=False,
        module_hashes=(),
    )
    assert metadata_reasons(lock, None, inputs) == ("`a==1` has no wheel for `linux_x86_64`",)
    hashes = inputs.hashes(lock.requirements_hash)
    vouching = LockMetadata(hashes, 1, "2026-01-01T00:00:00+00:00")
    assert metadata_reasons(lock, vouching, inputs) == ()
    ours = replace(lock, inputs=INPUTS)
    assert metadata_reasons(ours, None, inputs) == ()
    versioned = replace(inputs, versioned=True)
    assert metadata_reasons(ours, vouching, versioned) == (
        "`versioned` changed since version 1 was locked",
    )
    other = replace(vouching, hashes=versioned.hashes("sha256:0"))
    assert metadata_reasons(ours, other, versioned) == (
        "its `.meta.json` has the version of different content",
    )


def test_requirements_with_credentials_are_refused_without_showing_them() -> None:
    with pytest.raises(LockError) as caught:
        normalised_requirements(["b @ https://u:hunter2@h.example/b.whl", "a @ https://h/a.whl"])
    assert str(caught.value) == (
        "requirements contain credentials\n"
        "  * `b @ https://h.example/b.whl` contains credentials, which a lockfile would "
        "keep; put them into netrc, for h.example"
    )

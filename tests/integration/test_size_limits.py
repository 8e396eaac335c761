"""Layers that outgrow their limits, with real wheels and a real history."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator

import pytest

from tests.support.build_root import NATIVE, BuildRoot
from tests.support.shared_roots import shared_root

pytestmark = pytest.mark.slow

BUILD = """\
venvstacks_runtime(name="py", python_implementation="cpython@3.9", platforms=["{native}"])
venvstacks_framework(
    name="a", runtime=":py", requirements=["idna=={idna}", "six==1.17.0"], max_archive_size={limit}
)
venvstacks_framework(
    name="b", runtime=":py", requirements=["toml"], max_unpacked_size="0.02 MiB"
)
venvstacks_framework(name="c", runtime=":py", requirements=["six"], max_archive_size="1 MB")
"""
LINE = r"^    (\S+(?: \S+)?)  +[\d.]+ k?B +[\d.]+ k?B +[\d.]+ k?B  (.+)$"


def git(root: BuildRoot, *arguments: str) -> None:
    identity = ("-c", "user.name=n", "-c", "user.email=n@example.org")
    subprocess.run(["git", *identity, *arguments], cwd=root.path, check=True)


def write(root: BuildRoot, idna: str, limit: str = '"20 kB"') -> None:
    root.write("s/BUILD", BUILD.format(native=NATIVE, idna=idna, limit=limit))


@pytest.fixture(scope="module")
def root() -> Iterator[BuildRoot]:
    with shared_root() as made:
        git(made, "init", "-q")
        write(made, "2.7")
        made.succeed("generate-lockfiles")
        yield made


def test_one_message_for_all_layers_with_changes_since_the_lock_before(root: BuildRoot) -> None:
    failed = root.pants("package", "s:")
    assert failed.code == 1
    assert not (root.path / "dist").exists()
    assert failed.error.startswith("SizeLimitError: 2 layers outgrow their limits:\n")
    heads = re.findall(r"^  \* (.*?)\.? Leave out files", failed.error, re.MULTILINE)
    assert [re.sub(r"[\d.]+ k?B", "N", head) for head in heads] == [
        f"s:a for {NATIVE}: its archive has N, N more than `max_archive_size` allows, which is N",
        f"s:b for {NATIVE}: it unpacks to N, N more than `max_unpacked_size` allows, which is N",
    ]
    assert failed.error.count("There is no lock before this one") == 2

    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "Locked")
    write(root, "3.7")
    root.succeed("generate-lockfiles", "--resolve=s:a")
    changed = root.pants("package", "s:a").error
    assert dict(re.findall(LINE, changed, re.MULTILINE)) == {
        "idna 3.7": "+8.6 kB, was 2.7",
        "six 1.17.0": "same",
    }
    # Committed, it is the present lock, and that of the commit before it is the one before.
    git(root, "commit", "-q", "-a", "-m", "Newer")
    assert root.pants("package", "s:a").error == changed
    # So it is in a later commit that leaves it alone.
    root.write("note", "")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "Unrelated")
    assert root.pants("package", "s:a").error == changed


def test_a_raised_limit_packages_the_same_archive_without_any_process(root: BuildRoot) -> None:
    write(root, "3.7", "10**6")
    done = root.succeed("--stats-log", "package", "s:a")
    assert done.work == []
    assert done.counters["local_execution_requests"] == 0
    # Two wheels, and the layer's own files.
    assert done.segments == {"framework-a.tar.zst": (3, 0)}
    assert (root.path / "dist" / "s" / NATIVE / "framework-a.tar.zst").is_file()


def test_a_manifest_has_the_limits_of_its_layers(root: BuildRoot) -> None:
    write(root, "3.7")
    root.write("m/BUILD", 'venvstacks_manifest(name="m", layers=["s:a", "s:b", "s:c"])\n')
    error = root.pants("package", "m:m", "s:a", "s:c").error
    assert error.startswith("SizeLimitError: 2 layers outgrow their limits:\n")
    assert len(re.findall(r"^  \* s:", error, re.MULTILINE)) == 2


def test_an_archive_of_packages_fails_as_well(root: BuildRoot) -> None:
    root.write(
        "z/BUILD", 'archive(name="z", format="zip", packages=["s:b"], output_path="z.zip")\n'
    )
    error = root.pants("package", "z:z").error
    assert error.startswith("SizeLimitError: A layer outgrows its limits:\n  * s:b for ")


def test_values_that_are_no_sizes(root: BuildRoot) -> None:
    write(root, "3.7", '"20"')
    error = root.pants("package", "s:c").error
    assert "s:a: `max_archive_size` is '20', which is neither a number of bytes" in error
    write(root, "3.7", "[20]")
    failed = root.pants("package", "s:c")
    assert (
        "The 'max_archive_size' field in target s:a must be a number of bytes, or a text like "
        "'250 MB' or '1.5 GiB', but was `[20]` with type `list`." in failed.stderr
    )

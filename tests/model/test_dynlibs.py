from __future__ import annotations

import pytest

from venvstacks_rules.model.action_io import ArchivedFile, OwnLink
from venvstacks_rules.model.dynlibs import shared_library_links
from venvstacks_rules.model.errors import DefinitionError
from venvstacks_rules.model.layout import LayerLayout

LAYOUT = LayerLayout("3.11.13", "posix")
SITE = "lib/python3.11/site-packages"


def file(path: str, content: str = "a") -> ArchivedFile:
    return ArchivedFile(f"{SITE}/{path}", 1, content * 64)


def link(path: str, target: str) -> ArchivedFile:
    return ArchivedFile(f"{SITE}/{path}", 0, "", link_target=target)


def linked(*files: ArchivedFile, exclude: tuple[str, ...] = ()) -> list[str]:
    links = shared_library_links(files, LAYOUT, exclude)
    return [link.target for link in links]


def test_link_is_relative_to_its_folder() -> None:
    assert shared_library_links([file("torch/lib/libtorch.so")], LAYOUT, ()) == (
        OwnLink(
            "share/venv/dynlib/libtorch.so",
            "../../../lib/python3.11/site-packages/torch/lib/libtorch.so",
        ),
    )


@pytest.mark.parametrize(
    ("path", "is_library"),
    [
        ("torch/lib/libc10.so", True),
        ("torch/lib/libc10.dylib", True),
        ("pkg/plain.so", True),
        ("top.so", True),
        ("pkg/lib.cpython.dylib", True),
        ("numpy.libs/libgfortran-040039e1.so.5.0.0", False),
        ("pkg/_ext.cpython-311-x86_64-linux-gnu.so", False),
        ("pkg/_ext.cpython-39-darwin.so", False),
        ("pkg/_ext.abi3.so", False),
        ("pkg/x.dll", False),
        ("pkg/so", False),
        ("pkg/.so", False),
        ("pkg/x.so/readme", False),
    ],
)
def test_what_is_a_library(path: str, is_library: bool) -> None:
    assert bool(linked(file(path))) is is_library


def test_only_site_packages_count() -> None:
    outside = [ArchivedFile(path, 1, "a" * 64) for path in ("lib/libpython3.so", "share/x.so")]
    assert linked(*outside) == []


@pytest.mark.parametrize(
    ("glob", "excluded"),
    [
        ("libshm.so", True),
        ("*.so", True),
        ("lib/*.so", True),
        ("torch/*/libshm*", True),
        ("torch/**/libshm.so", True),
        ("torch/**", True),
        ("**", True),
        ("torch/lib/**/libshm.so", True),
        ("torch/*.so", False),
        ("shm.so", False),
        ("lib/libshm", False),
        ("torch/lib", False),
        ("LIBSHM.so", False),
        ("libsh?.so", True),
    ],
)
def test_exclusions_match_the_end_of_the_path(glob: str, excluded: bool) -> None:
    assert (linked(file("torch/lib/libshm.so"), exclude=(glob,)) == []) is excluded


def test_same_content_twice_links_the_first() -> None:
    assert linked(file("b/libx.so"), file("a/libx.so")) == [f"../../../{SITE}/a/libx.so"]


def test_links_count_and_are_followed() -> None:
    files = [file("a/real.1"), link("a/libx.so", "mid"), link("a/mid", "real.1"), file("b/libx.so")]
    assert linked(*files) == [f"../../../{SITE}/a/libx.so"]


def test_link_loops_end() -> None:
    assert linked(link("a/libx.so", "libx.so")) == [f"../../../{SITE}/a/libx.so"]


def test_different_content_is_reported_with_an_exclusion_that_helps() -> None:
    files = [
        file("a/lib/libx.so"),
        file("b/lib/libx.so", "b"),
        file("a/liby.so"),
        link("b/liby.so", "gone"),
    ]
    with pytest.raises(DefinitionError) as caught:
        linked(*files)
    assert str(caught.value) == (
        "Packages of one layer carry different shared libraries of the same name, and one folder "
        "offers them all.\n"
        "  * `libx.so`:\n"
        f"    `{SITE}/a/lib/libx.so`\n"
        f"    `{SITE}/b/lib/libx.so`\n"
        "    Exclude all but one of them, for example with "
        '`dynlib_exclude=["b/lib/libx.so"]`.\n'
        "  * `liby.so`:\n"
        f"    `{SITE}/a/liby.so`\n"
        f"    `{SITE}/b/liby.so`\n"
        '    Exclude all but one of them, for example with `dynlib_exclude=["b/liby.so"]`.'
    )
    assert linked(*files, exclude=("b/lib/libx.so", "b/liby.so")) == [
        f"../../../{SITE}/a/lib/libx.so",
        f"../../../{SITE}/a/liby.so",
    ]

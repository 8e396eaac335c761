from __future__ import annotations

import re

import pytest

from venvstacks_rules.model.contents.compression import ARCHIVE_FORMATS, Compression, compression


def test_default_levels() -> None:
    assert [compression(name) for name in ARCHIVE_FORMATS] == [
        Compression("tar.zst", 9),
        Compression("tar.xz", 5),
        Compression("tar.gz", 6),
        Compression("zip", 5),
    ]


def test_extension_follows_the_install_target() -> None:
    extensions = [f.extension for f in ARCHIVE_FORMATS.values()]
    assert extensions == [".tar.zst", ".tar.xz", ".tar.gz", ".zip"]


@pytest.mark.parametrize(("name", "level"), [("tar.zst", 19), ("tar.xz", 0), ("tar.gz", 9)])
def test_levels_at_the_ends(name: str, level: int) -> None:
    assert compression(name, level) == Compression(name, level)


@pytest.mark.parametrize(
    ("name", "level", "message"),
    [
        (
            "tar.zst",
            20,
            "20 is not a compression level of `tar.zst`: use 1 to 19 (the default is 9)",
        ),
        ("tar.zst", 0, "0 is not a compression level of `tar.zst`: use 1 to 19 (the default is 9)"),
        ("tar.xz", 7, "7 is not a compression level of `tar.xz`: use 0 to 6 (the default is 5)"),
        ("tar.gz", -1, "-1 is not a compression level of `tar.gz`: use 1 to 9 (the default is 6)"),
        ("zip", 0, "0 is not a compression level of `zip`: use 1 to 9 (the default is 5)"),
        (
            "rar",
            None,
            "`rar` is not an archive format: use one of `tar.zst`, `tar.xz`, `tar.gz`, `zip`",
        ),
    ],
)
def test_what_is_refused(name: str, level: int | None, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        compression(name, level)

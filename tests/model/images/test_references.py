from __future__ import annotations

import re

import pytest

from venvstacks_rules.model.images.references import (
    parsed_reference,
    registry_problem,
    repository_problem,
    tag_problem,
)

HEX = "3f" * 32


# As `docker pull` reads them.
@pytest.mark.parametrize(
    ("written", "place"),
    [
        ("debian", "registry-1.docker.io/library/debian"),
        ("debian:bookworm", "registry-1.docker.io/library/debian"),
        ("acme/base", "registry-1.docker.io/acme/base"),
        ("docker.io/acme/base", "registry-1.docker.io/acme/base"),
        ("docker.io/debian", "registry-1.docker.io/library/debian"),
        ("index.docker.io/acme/base:1", "registry-1.docker.io/acme/base"),
        ("localhost/base", "localhost/base"),
        ("127.0.0.1:5000/a/b_c--d:1.0", "127.0.0.1:5000/a/b_c--d"),
        ("registry.example.com/a/b/c", "registry.example.com/a/b/c"),
        ("[::1]:5000/base", "[::1]:5000/base"),
    ],
)
def test_references(written: str, place: str) -> None:
    found = parsed_reference(f"{written}@sha256:{HEX}")
    assert found.place == place
    assert found.digest == f"sha256:{HEX}"
    assert parsed_reference(str(found)) == found


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        (
            f"debian@sha256:{HEX[:-1]}",
            f"`{HEX[:-1]}` is no digest: write 64 hexadecimal digits in lower case",
        ),
        (f"debian@sha256:{HEX.upper()}", f"`{HEX.upper()}` is no digest"),
        (f"Debian@sha256:{HEX}", "`library/Debian` is no name of a repository"),
        (f"a..b/../c@sha256:{HEX}", "`../c` is no name of a repository"),
        (
            f"user:secret@host.example/x@sha256:{HEX}",
            "it has credentials: remove them, as they come from `docker login`",
        ),
        (f"host:port/x@sha256:{HEX}", "`host:port` is no host of a registry"),
        (f"debian:-@sha256:{HEX}", "`-` is no tag"),
        (f"@sha256:{HEX}", "`library/` is no name of a repository"),
    ],
)
def test_wrong_references(written: str, problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(problem)}"):
        parsed_reference(written)


def test_what_a_registry_refuses() -> None:
    assert registry_problem("registry.example.com") is None
    assert registry_problem("https://registry.example.com") == (
        "`https://registry.example.com` is no host of a registry: write `host` or `host:port`"
    )
    assert repository_problem("a/b") is None
    assert repository_problem("a" * 256) is not None
    assert repository_problem("a/-b") == (
        "`a/-b` is no name of a repository: use letters in lower case, digits, and single `.`, "
        "`_`, `-` and `/` between them"
    )
    assert tag_problem("_1.0-rc.1") is None
    assert tag_problem("a" * 129) is not None
    assert tag_problem("1.0+local") == (
        "`1.0+local` is no tag: use up to 128 letters, digits, `.`, `_` and `-`, the first of them "
        "no `.` or `-`"
    )

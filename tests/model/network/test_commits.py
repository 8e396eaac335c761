"""Commits of git repositories, as requirements and lockfiles name them."""

from __future__ import annotations

import pytest

from venvstacks_rules.model.layers.requirements import requirement_problem
from venvstacks_rules.model.network.commits import Commit

SHA = "0123456789abcdef0123456789abcdef01234567"
URL = "https://example.org/a/b.git"
REMEDY = (
    "Name a commit, for example 'rich @ git+https://example.org/rich.git@"
    f"{SHA}' (`#subdirectory=folder` follows if the project is not at the top), and the package in "
    "`build_from_source`; or put a wheel of it into a folder of `local_wheels`."
)


@pytest.mark.parametrize("folder", [None, "python", "a/b-c"])
def test_a_commit_is_written_as_it_is_read(folder: str | None) -> None:
    commit = Commit(URL, SHA, folder)
    assert commit.problem is None
    assert Commit.of_vcs(commit.to_vcs()) == commit
    end = "" if folder is None else f"#subdirectory={folder}"
    assert commit.reference == f"git+{URL}@{SHA}{end}"
    assert requirement_problem(f"x @ {commit.reference}") is None
    assert requirement_problem(f"x[y] @ {commit.reference} ; python_version > '3'") is None


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        (f"git+{URL}", "names a repository, but no commit, so that its files may change"),
        (
            f"git+{URL}@v1.2",
            "whose 'v1.2' is not a commit of 40 hexadecimal digits, so that it may move",
        ),
        (
            f"git+{URL}@{SHA[:8]}",
            "whose '01234567' is not a commit of 40 hexadecimal digits, so that it may move",
        ),
        (f"hg+{URL}@{SHA}", "names a repository, but not by `git+https`"),
        (f"git+ssh://example.org/a@{SHA}", "names a repository, but not by `git+https`"),
        (f"git://example.org/a@{SHA}", "names a repository, but not by `git+https`"),
        (f"git+file:///srv/a@{SHA}", "names a repository, but not by `git+https`"),
        (
            f"git+{URL}@{SHA}#egg=x",
            "whose '#egg=x' is not `#subdirectory=` and a folder of the repository",
        ),
        (
            f"git+{URL}@{SHA}#subdirectory=../x",
            "whose '#subdirectory=../x' is not `#subdirectory=` and a folder of the repository",
        ),
    ],
)
def test_what_may_change_is_refused(url: str, problem: str) -> None:
    written = f"x @ {url}"
    if not problem.startswith("whose"):
        problem = f"which {problem}"
    assert requirement_problem(written) == f"is {written!r}, {problem}. {REMEDY}"


def test_credentials_are_not_repeated() -> None:
    problem = requirement_problem(f"x @ git+https://user:secret@example.org/a.git@{SHA}")
    assert problem == (
        f"is 'x @ git+https://example.org/a.git@{SHA}', with credentials removed here; a lockfile "
        "would keep them. Put them into netrc, for example.org, and remove them from the "
        "requirement."
    )


@pytest.mark.parametrize(
    "commit",
    [
        Commit("file:///srv/a", SHA),
        Commit("--upload-pack=x", SHA),
        Commit("https://u:p@example.org/a", SHA),
        Commit(URL, "--help"),
        Commit(URL, SHA.upper()),
        Commit(URL, SHA, "/etc"),
        Commit(URL, SHA, "a/../../b"),
        Commit(URL, SHA, ""),
    ],
)
def test_no_lockfile_can_name_more_than_a_commit(commit: Commit) -> None:
    assert commit.problem is not None
    assert "u:p" not in commit.problem

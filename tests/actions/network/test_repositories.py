"""Files of commits, from a server of git's own."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.git_server import GitServer, git_server
from venvstacks_rules.actions import cli
from venvstacks_rules.actions.commands import fetch_commit
from venvstacks_rules.actions.network.repositories import save_commit
from venvstacks_rules.model.errors import NetworkError
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.network.commits import Commit
from venvstacks_rules.model.requests.network import FetchCommitRequest

# Of the tree below; it must be the same on every machine, and for ever.
SHA256 = "e4e2be993bfd1febf4fd13593f771afd3152973498096312e3df57e606c58f3d"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitServer]:
    home = tmp_path / "home"
    home.mkdir()
    # Settings that change what a checkout has.
    (home / ".gitconfig").write_text("[core]\n\tautocrlf = true\n\tsymlinks = false\n")
    monkeypatch.setenv("HOME", str(home))
    with git_server(tmp_path / "repo") as made:
        yield made


def tree(server: GitServer) -> str:
    (server.folder / "link").symlink_to("a.txt")
    (server.folder / "run").write_text("#!/bin/sh\n")
    (server.folder / "run").chmod(0o755)
    return server.commit(
        {
            "a.txt": "one\ntwo\n",
            "b/ö.txt": "crlf\r\n",
            ".gitattributes": "*.txt text eol=crlf export-ignore\n",
        }
    )


def test_the_archive_follows_from_the_commit_alone(server: GitServer, tmp_path: Path) -> None:
    first = tree(server)
    server.commit({"a.txt": "three\n"})
    output = tmp_path / "x.tar"
    save_commit(Commit(server.url, first), output)
    with tarfile.open(output) as archive:
        found = {
            m.name: (m.mode, m.linkname or archive.extractfile(m).read())  # type: ignore[union-attr]
            for m in archive
        }
    assert found == {
        "source/.gitattributes": (0o644, b"*.txt text eol=crlf export-ignore\n"),
        "source/a.txt": (0o644, b"one\ntwo\n"),
        "source/b/ö.txt": (0o644, b"crlf\n"),
        "source/link": (0o644, "a.txt"),
        "source/run": (0o755, b"#!/bin/sh\n"),
    }
    assert hashlib.sha256(output.read_bytes()).hexdigest() == SHA256


def test_what_does_not_fit_the_lockfile_is_refused(
    server: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    commit = server.commit({"a": "1"})
    request = FetchCommitRequest(server.url, commit, "0" * 64, "out/x.tar")
    with pytest.raises(NetworkError, match=r"^http.*: its files have SHA-256 \w{64}, but the lock"):
        fetch_commit.run(to_json(request))
    assert list(Path("out").iterdir()) == []
    gone = FetchCommitRequest(server.url, "0" * 40, "0" * 64, "out/x.tar")
    with pytest.raises(NetworkError) as caught:
        fetch_commit.run(to_json(gone))
    assert str(caught.value) == f"{server.url} at {'0' * 40}: the repository has no such commit"
    evil = FetchCommitRequest("--upload-pack=touch x", commit, "0" * 64, "out/x.tar")
    with pytest.raises(NetworkError) as caught:
        fetch_commit.run(to_json(evil))
    assert str(caught.value).startswith("a commit cannot be fetched: `--upload-pack=touch?x` is ")


def test_large_files_are_not_held_in_memory(server: GitServer, tmp_path: Path) -> None:
    commit = server.commit({"large": "x" * 40_000_000, "later": "y"})
    tracemalloc.start()
    save_commit(Commit(server.url, commit), tmp_path / "x.tar")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10_000_000
    with tarfile.open(tmp_path / "x.tar") as archive:
        assert [(m.name, m.size) for m in archive] == [
            ("source/large", 40_000_000),
            ("source/later", 1),
        ]


def test_links_to_endless_paths_are_refused(server: GitServer, tmp_path: Path) -> None:
    server.commit({"target": "x" * 70_000})
    blob = server.git("rev-parse", "HEAD:target")
    server.git("update-index", "--add", "--cacheinfo", f"120000,{blob},link")
    server.git("commit", "--quiet", "--message", "x")
    with pytest.raises(NetworkError, match=r"the link `link` has a target of 70000 bytes$"):
        save_commit(Commit(server.url, server.git("rev-parse", "HEAD")), tmp_path / "x.tar")


def test_submodules_are_refused_in_words(server: GitServer, tmp_path: Path) -> None:
    commit = server.commit({"a": "1"})
    server.git("update-index", "--add", "--cacheinfo", f"160000,{commit},vendored")
    server.git("commit", "--quiet", "--message", "x")
    with pytest.raises(NetworkError) as caught:
        save_commit(Commit(server.url, server.git("rev-parse", "HEAD")), tmp_path / "x.tar")
    assert "the repository has submodules (vendored), whose files" in str(caught.value)


def test_a_private_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    with git_server(tmp_path / "repo", login="me:secret") as server:
        commit = Commit(server.url, server.commit({"a": "1"}))
        with pytest.raises(NetworkError, match="git says:\n.*could not read Username"):
            save_commit(commit, tmp_path / "x.tar")
        (home / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
        save_commit(commit, tmp_path / "x.tar")
    with tarfile.open(tmp_path / "x.tar") as archive:
        assert archive.getnames() == ["source/a"]


def test_settings_of_the_user_do_not_matter(
    server: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    (tmp_path / "home/.gitconfig").write_text(
        "[safe]\n\tbareRepository = explicit\n[init]\n\tdefaultObjectFormat = sha256\n"
    )
    save_commit(Commit(server.url, server.commit({"a": "1"})), tmp_path / "x.tar")
    with tarfile.open(tmp_path / "x.tar") as archive:
        assert archive.getnames() == ["source/a"]


def test_a_token_in_settings_of_the_user_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with git_server(tmp_path / "repo", login="me:secret") as server:
        used = server.url.replace("//", "//t0ken@")
        (tmp_path / ".gitconfig").write_text(f'[url "{used}"]\n\tinsteadOf = {server.url}\n')
        with pytest.raises(NetworkError, match="could not read Password for 'http://127") as caught:
            save_commit(Commit(server.url, server.commit({"a": "1"})), tmp_path / "x.tar")
    assert "t0ken" not in str(caught.value)


def test_a_git_that_ends_too_early(
    server: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = server.commit({"a": "12345"})
    program = tmp_path / "bin/git"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\ncase "$*" in *--batch) "{shutil.which("git")}" "$@" | head -c 50 ;;\n'
        f'*) exec "{shutil.which("git")}" "$@" ;; esac\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    with pytest.raises(NetworkError, match="git cannot read the files that it fetched"):
        save_commit(Commit(server.url, commit), tmp_path / "x.tar")


def test_without_git(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    url = "http://127.0.0.1:1/a"
    Path("request.json").write_text(
        to_json(FetchCommitRequest(url, "0" * 40, "0" * 64, "out/x.tar"))
    )
    assert cli.main(["fetch-commit", "--request", "request.json", "--result", "r.json"]) == 1
    assert capsys.readouterr().err == (
        f"error: {url} at {'0' * 40}: fetching a commit needs the program `git`, which is not on "
        "the `PATH`. Install it\n"
    )

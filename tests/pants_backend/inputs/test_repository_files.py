"""Files of the repository that are not as a lockfile pins them."""

from __future__ import annotations

import hashlib

import pytest
from pants.engine.internals.scheduler import ExecutionError
from pants.engine.rules import QueryRule
from pants.testutil.rule_runner import RuleRunner
from pants.util.docutil import bin_name

from venvstacks_rules.pants_backend.inputs.repository_files import (
    RepositoryFile,
    RepositoryFiles,
    RepositoryFilesRequest,
    rules,
)

CONTENT = b"wheel"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def file(path: str, sha256: str | None = SHA256, size: int | None = len(CONTENT)) -> RepositoryFile:
    return RepositoryFile(path, f"../{path}", sha256, size)


@pytest.fixture
def runner() -> RuleRunner:
    runner = RuleRunner(
        rules=[*rules(), QueryRule(RepositoryFiles, [RepositoryFilesRequest])],
    )
    runner.write_files({"wheels/a.whl": CONTENT, "wheels/[b].whl": CONTENT})
    return runner


def test_files_keep_the_order_of_the_request(runner: RuleRunner) -> None:
    files = (file("wheels/[b].whl", None, None), file("wheels/a.whl"))
    found = runner.request(RepositoryFiles, [RepositoryFilesRequest("src:fw", files)])
    assert [entry.path for entry in found.entries] == ["wheels/[b].whl", "wheels/a.whl"]
    assert {entry.file_digest.fingerprint for entry in found.entries} == {SHA256}


def test_all_problems_are_reported_together(runner: RuleRunner) -> None:
    files = (
        file("wheels/a.whl", size=6),
        file("wheels/a.whl", sha256="0" * 64),
        file("wheels/none.whl"),
        RepositoryFile(None, "../../away.whl", SHA256, len(CONTENT)),
    )
    with pytest.raises(ExecutionError) as caught:
        runner.request(RepositoryFiles, [RepositoryFilesRequest("src:fw", files)])
    (error,) = list(caught.value.wrapped_exceptions)
    renewal = f"or renew the lockfile with `{bin_name()} generate-lockfiles --resolve=src:fw`."
    assert str(error) == (
        "4 files cannot be fetched as a lockfile pins them:\n"
        f"  * src:fw: wheels/a.whl has 5 bytes, but the lockfile pins 6. Restore it, {renewal}\n"
        f"  * src:fw: wheels/a.whl has SHA-256 {SHA256}, but the lockfile pins {'0' * 64}. "
        f"Restore it, {renewal}\n"
        "  * src:fw: there is no file wheels/none.whl, or Pants ignores it: see "
        f"`[GLOBAL].pants_ignore` and `.gitignore`. Restore it, {renewal}\n"
        "  * src:fw: `../../away.whl` is outside of the repository. Move it into it, and lock "
        "again."
    )

"""What the client believes, with real keys: each refusal leaves what is installed as it was."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.client_repository import APP, ClientRepository, called
from tests.support.signed_repository import SignedRepository
from venvstacks_rules.model.repository.keys import ChannelKey, root_key
from venvstacks_rules.model.repository.records import ChannelRecord
from venvstacks_rules.repository.trust.commands import RoleFiles

SOON = "2045-01-01T00:00:00Z"


def without_progress(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if " % of " not in line)


class Publisher:
    """A signed repository, and an installation that follows it."""

    def __init__(self, folder: Path) -> None:
        self.keys = SignedRepository(folder)
        self.repository = ClientRepository(folder / "repository")
        self.root = folder / "root.json"
        self.root.write_bytes(self.keys.begin().content)
        self.folder = folder / "apps"
        self.key = ChannelKey("hello", "stable", self.repository.platform)
        self.record = self.repository.folder / str(self.key)

    def release(self, version: str, expires: str = SOON) -> bytes:
        """Publish a version; the record that was there before."""
        before = self.record.read_bytes() if self.record.exists() else b""
        self.repository.publish(version)
        record = ChannelRecord.from_json(self.record.read_bytes(), self.key)
        self.record.write_bytes(self.keys.text(replace(record, expires=expires)))
        return before

    def install(self, *trust: object) -> tuple[int, str]:
        done = called(
            *("install", "--from", self.repository.url, "--app", APP, "--name", "hello"),
            *("--into", self.folder, *trust),
        )
        return done.returncode, without_progress(done.stderr)

    def update(self, *options: str) -> tuple[int, str]:
        done = called("update", "--into", self.folder, *options)
        return done.returncode, without_progress(done.stderr)

    def version(self) -> str:
        return called("run", "--into", self.folder).stdout.split(" ")[0]


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    made = Publisher(tmp_path)
    made.release("1.0")
    return made


def test_a_pinned_root_is_followed_through_rotations(publisher: Publisher) -> None:
    assert publisher.install("--root", publisher.root) == (0, "")
    # A new key for records; the old one signs no more.
    publisher.keys.rotate(
        ["root"],
        records=RoleFiles(publisher.keys.public("new"), remove=publisher.keys.public("records")),
    )
    publisher.repository.publish("1.1")
    record = ChannelRecord.from_json(publisher.record.read_bytes(), publisher.key)
    publisher.record.write_bytes(publisher.keys.text(replace(record, expires=SOON), ["new"]))
    assert publisher.update() == (0, "")
    assert publisher.version() == "1.1"
    assert (publisher.folder / "apps" / APP / "root.json").read_bytes() == (
        publisher.repository.folder / root_key(2)
    ).read_bytes()
    publisher.record.write_bytes(publisher.keys.text(replace(record, number=9, expires=SOON)))
    code, text = publisher.update()
    assert code == 4
    assert "0 keys of root 2 signed it, and 1 have to" in text
    assert publisher.version() == "1.1"


def test_nothing_is_installed_without_a_decision(publisher: Publisher, tmp_path: Path) -> None:
    code, text = publisher.install()
    assert code == 4
    assert "no root was pinned, so nothing can be verified" in text
    other = tmp_path / "other"
    other.mkdir()
    (tmp_path / "wrong.json").write_bytes(SignedRepository(other).begin().content)
    code, text = publisher.install("--root", tmp_path / "wrong.json")
    assert code == 4
    assert "0 keys of root 1 signed it, and 1 have to" in text
    assert publisher.install("--root", "sha256:" + "0" * 64)[0] == 4


def test_an_older_record_is_never_believed(publisher: Publisher) -> None:
    publisher.install("--root", publisher.root)
    before = publisher.release("1.1")
    assert publisher.update() == (0, "")
    publisher.record.write_bytes(before)
    for options in ([], ["--allow-expired"]):
        code, text = publisher.update(*options)
        assert code == 4
        assert "its number is 1, and 2 was seen before" in text
    assert publisher.version() == "1.1"


def test_an_expired_record_is_believed_only_if_somebody_says_so(publisher: Publisher) -> None:
    publisher.install("--root", publisher.root)
    publisher.release("1.1", expires="2020-01-01T00:00:00Z")
    code, text = publisher.update()
    assert code == 4
    assert "has expired, at 2020-01-01T00:00:00Z; somebody may hide a newer one" in text
    assert publisher.version() == "1.0"
    assert publisher.update("--allow-expired") == (0, "")
    assert publisher.version() == "1.1"


def test_a_clock_that_was_set_back_shows_nothing_that_has_expired(publisher: Publisher) -> None:
    publisher.install("--root", publisher.root)
    seen = publisher.folder / "apps" / APP / "seen.json"
    data = json.loads(seen.read_text())
    # The clock said this at the last look.
    seen.write_text(json.dumps({**data, "time": "2040-01-01T00:00:00Z"}))
    publisher.release("1.1", expires="2035-01-01T00:00:00Z")
    code, text = publisher.update()
    assert code == 4
    assert "has expired, at 2035-01-01T00:00:00Z" in text
    publisher.release("1.2", expires="2045-01-01T00:00:00Z")
    assert publisher.update() == (0, "")
    assert json.loads(seen.read_text())["time"] == "2040-01-01T00:00:00Z"


def test_a_signed_repository_does_not_become_an_unsigned_one(publisher: Publisher) -> None:
    assert publisher.install("--allow-unsigned") == (0, "")
    for path in (publisher.repository.folder / "trust").iterdir():
        path.unlink()
    publisher.repository.publish("1.1")
    code, text = publisher.update()
    assert code == 4
    assert "0 keys of root 1 signed it, and 1 have to" in text
    assert publisher.version() == "1.0"

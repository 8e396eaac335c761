"""Publishing into a signed repository, where somebody else can write to the store."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.publications import PLATFORM, small_release
from tests.support.signed_repository import Client, SignedRepository
from venvstacks_rules.actions.commands import publish as action
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.publishing.publication import PublicationFiles, StackFiles
from venvstacks_rules.model.repository.keys import ChannelKey
from venvstacks_rules.model.repository.records import ChannelRecord
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.model.requests.publish import PublishRequest
from venvstacks_rules.repository.publishing.planning import planned
from venvstacks_rules.repository.publishing.publication import Publication
from venvstacks_rules.repository.reading.repository import Repository
from venvstacks_rules.repository.trust.channels import utc_now
from venvstacks_rules.repository.trust.verification import TrustedRoot

KEY = ChannelKey("release", "stable", PLATFORM)


class Publisher:
    """Publishes as the build does: by the action, with a key."""

    def __init__(self, folder: Path) -> None:
        self.signed = SignedRepository(folder)
        self.folder = folder

    def publish(self, version: str, keys: tuple[str, ...] = ("records",)) -> None:
        """Publish a version to the channel."""
        folder = self.folder / version
        small_release(folder, version)
        indexes = sorted(str(path) for path in folder.glob("?" * 64 + ".json"))
        files = PublicationFiles(
            tuple(indexes),
            (StackFiles(str(folder / f"release-{version}-{PLATFORM}.json"), ("stable",)),),
            {path.name: str(path) for path in folder.glob("?" * 64)},
        )
        plan = planned(Publication.read(files), Repository(self.signed.store))
        request = PublishRequest(
            self.signed.store.url,
            files,
            plan,
            only_show=False,
            keys=tuple(self.signed.key(name) for name in keys),
        )
        action.run(to_json(request))

    def client_sees(self, root: TrustedRoot) -> str:
        """The version that a client with a pinned root would install."""
        return Client(root).version(self.signed.store, now=utc_now(), key=KEY)


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    return Publisher(tmp_path)


def record_of(publisher: Publisher) -> ChannelRecord:
    return ChannelRecord.from_json(publisher.signed.content(str(KEY)), KEY)


def test_clients_believe_what_was_published(
    publisher: Publisher, capsys: pytest.CaptureFixture[str]
) -> None:
    root = publisher.signed.begin()
    for version in ("1.0", "2.0"):
        publisher.publish(version)
        assert publisher.client_sees(root) == version
    assert f"the channel `stable` of release for {PLATFORM} moved from 1.0 to 2.0" in (
        capsys.readouterr().out
    )


@pytest.mark.parametrize("keep_signatures", [False, True])
def test_nobody_gets_versions_signed_by_a_publisher(
    publisher: Publisher, *, keep_signatures: bool
) -> None:
    root = publisher.signed.begin()
    publisher.publish("1.0")
    record = record_of(publisher)
    evil = replace(record.moved("0.9", Reference("e" * 64, 1)), number=record.number + 10**9)
    signatures = ({"keyid": "0" * 64, "sig": "00" * 64},) if keep_signatures else ()
    content = evil.to_json(signatures).encode()
    publisher.signed.put(str(KEY), content)
    with pytest.raises(RepositoryError) as caught:
        publisher.publish("2.0")
    assert f"`{KEY}` is not believed." in caught.value.summary
    assert caught.value.problems[-1] == (
        "Nothing is published on top of it. If the record is right, sign it with"
        " `venvstacks-repository sign`; if somebody else wrote it, put back the last one of yours."
    )
    assert publisher.signed.content(str(KEY)) == content
    assert not publisher.signed.store.size(f"stacks/release/2.0/{PLATFORM}.json")
    # As it was, it goes on.
    publisher.signed.write(replace(record, expires="2020-01-01T00:00:00Z"))
    publisher.publish("2.0")
    assert publisher.client_sees(root) == "2.0"
    assert [known.version for known in record_of(publisher).history] == ["1.0"]


def test_a_signed_repository_takes_a_key(publisher: Publisher) -> None:
    publisher.signed.begin()
    with pytest.raises(RepositoryError, match="clients would not believe what is published"):
        publisher.publish("1.0", keys=())
    with pytest.raises(RepositoryError, match="clients would not believe what is published"):
        publisher.publish("1.0", keys=("other",))
    assert not publisher.signed.store.size(str(KEY))


def test_an_unsigned_repository_needs_none(publisher: Publisher) -> None:
    publisher.publish("1.0", keys=())
    publisher.publish("2.0", keys=())
    assert record_of(publisher).current.version == "2.0"

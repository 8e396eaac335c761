"""The attacks of TUF's specification (1.5.2), by its names, and two more; with real keys."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.signed_repository import KEY, LATER, NOW, SOON, Client, SignedRepository, stack
from tests.support.slow_server import slow_server
from venvstacks_rules.local.web import pace
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.repository.keys import ChannelKey, root_key
from venvstacks_rules.model.repository.manifests import StackLayer
from venvstacks_rules.model.repository.records import ChannelRecord
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.repository.stores.opened import opened
from venvstacks_rules.repository.stores.store import StoreError, checked_blob
from venvstacks_rules.repository.trust.commands import RoleFiles
from venvstacks_rules.repository.trust.signers import signer
from venvstacks_rules.repository.trust.verification import Seen, TrustedRoot

RECORD = str(KEY)
NOT_BELIEVED = f"`{RECORD}` is not believed."


@pytest.fixture
def published(tmp_path: Path) -> SignedRepository:
    repository = SignedRepository(tmp_path)
    repository.begin()
    repository.publish("1.0")
    return repository


@pytest.fixture
def client(published: SignedRepository) -> Client:
    return Client(TrustedRoot.pinned(published.content(root_key(1))))


def refused(client: Client, repository: SignedRepository, now: str = NOW) -> tuple[str, ...]:
    """Why the client believes nothing; and nothing of it stays with the client."""
    before = (client.pinned, client.seen)
    with pytest.raises(RepositoryError) as e:
        client.version(repository.store, now=now)
    assert (client.pinned, client.seen) == before
    return (e.value.summary, *e.value.problems)


def test_arbitrary_software_installation(published: SignedRepository, client: Client) -> None:
    assert client.version(published.store) == "1.0"
    own = published.manifest("6.6.6")
    record = published.record()
    assert record is not None
    hostile = replace(record.moved("6.6.6", own), expires=SOON)

    published.write(hostile, ())
    asked = published.public("records")[0].read_text()
    keyid = json.loads(asked)["keyid"]
    none = f"0 keys of root 1 signed it, and 1 have to: of {keyid}"
    assert refused(client, published) == (NOT_BELIEVED, none)

    published.write(hostile, ("attacker",))
    assert refused(client, published) == (NOT_BELIEVED, none)

    # The attacker's signature under the id of the real key.
    content = json.loads(published.content(RECORD))
    content["signatures"][0]["keyid"] = keyid
    published.put(RECORD, json.dumps(content).encode())
    assert refused(client, published) == (NOT_BELIEVED, none)

    # The real signature over other content.
    content["signatures"] = json.loads(published.text(record))["signatures"]
    published.put(RECORD, json.dumps(content).encode())
    assert refused(client, published) == (NOT_BELIEVED, none)

    # The keys of root and records are not each other's.
    published.write(hostile, ("root",))
    assert refused(client, published) == (NOT_BELIEVED, none)


def test_arbitrary_software_installation_by_an_own_root(
    published: SignedRepository, client: Client, tmp_path: Path
) -> None:
    attacker = SignedRepository(tmp_path / "attacker")
    attacker.folder.mkdir()
    attacker.begin(("evil root",), ("evil records",))
    attacker.publish("6.6.6", ("evil records",))
    keyid = json.loads(published.public("records")[0].read_text())["keyid"]
    assert refused(client, attacker) == (
        NOT_BELIEVED,
        f"0 keys of root 1 signed it, and 1 have to: of {keyid}",
    )
    # As the second root of the real one.
    attacker.rotate(("evil root",))
    published.put(root_key(2), attacker.content(root_key(2)))
    root = json.loads(published.public("root")[0].read_text())["keyid"]
    assert refused(client, published) == (
        f"`{root_key(2)}` is not believed.",
        f"0 keys of root 1 signed it, and 1 have to: of {root}",
    )


@pytest.mark.parametrize("key", [RECORD, root_key(2)])
def test_endless_data(published: SignedRepository, client: Client, key: str) -> None:
    path = published.folder / "repository" / key
    path.unlink(missing_ok=True)
    path.symlink_to("/dev/zero")
    limit = {RECORD: 1048576, root_key(2): 512000}[key]
    with pytest.raises(RepositoryError) as e:
        client.version(published.store)
    assert e.value.summary == f"{published.store.url}: `{key}` has more than {limit} bytes."


def test_endless_data_in_place_of_a_manifest(published: SignedRepository) -> None:
    record = published.record()
    assert record is not None
    key = str(record.stack_key)
    path = published.folder / "repository" / key
    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(RepositoryError) as e:
        checked_blob(published.store, key, record.current.manifest, limit=2**24)
    size = record.current.manifest.size
    assert e.value.summary == f"{published.store.url}: `{key}` has more than {size} bytes."


def test_endless_roots(published: SignedRepository, client: Client) -> None:
    # Only who has the keys of the root could make them: a chain of 257.
    content = json.loads(published.content(root_key(1)))
    signed = content["signed"]
    sign = signer([published.key("root")], {})
    for version in range(2, 259):
        signed["version"] = version
        text = json.dumps({"signatures": sign(signed), "signed": signed})
        published.put(root_key(version), text.encode())
    assert refused(client, published) == (
        f"`{published.store.url}` is not believed.",
        "it has more than 256 roots after 1",
    )


def test_extraneous_dependencies(published: SignedRepository, client: Client) -> None:
    record = published.record()
    assert record is not None
    extra = StackLayer("framework", "framework-evil", "evil", ("cpython-3.11",), *_SIZES)
    old = stack("1.0")
    more = replace(old, layers=(*old.layers, extra)).to_json().encode()
    published.put(str(record.stack_key), more)
    assert refused(client, published) == (
        f"`{record.stack_key}` is not believed.",
        f"it has {len(more)} bytes, not {record.current.manifest.size}",
    )
    # Of the same size.
    other = old.to_json().replace("cpython-3.11", "cpython-3.10").encode()
    published.put(str(record.stack_key), other)
    assert refused(client, published) == (
        f"`{record.stack_key}` is not believed.",
        f"its hash is sha256:{Reference.of(other).sha256}",
    )


def test_fast_forward(published: SignedRepository, client: Client) -> None:
    # Somebody has stolen the key of the records, and uses the highest number.
    record = published.record()
    assert record is not None
    published.write(replace(record, number=2**63, expires=SOON))
    assert client.version(published.store) == "1.0"
    published.write(replace(record.moved("1.1", published.manifest("1.1")), expires=SOON))
    assert refused(client, published) == (
        NOT_BELIEVED,
        f"its number is 2, and {2**63} was seen before",
    )
    # As TUF has it: the root takes the key away, and what it signed is forgotten.
    published.rotate(
        ("root",),
        records=RoleFiles(published.public("new records"), published.public("records")),
    )
    published.publish("1.2", ("new records",))
    assert client.version(published.store) == "1.2"
    assert client.seen.number == 3


def test_fast_forward_is_not_forgotten_for_a_key_that_is_added(
    published: SignedRepository, client: Client
) -> None:
    record = published.publish("1.1")
    assert client.version(published.store) == "1.1"
    published.rotate(("root",), records=RoleFiles(published.public("new records")))
    published.write(replace(record, number=1), ("records", "new records"))
    assert refused(client, published) == (
        NOT_BELIEVED,
        "its number is 1, and 2 was seen before",
    )


def test_fast_forward_of_a_root(published: SignedRepository, client: Client) -> None:
    content = json.loads(published.content(root_key(1)))
    content["signed"]["version"] = 7
    content["signatures"] = signer([published.key("root")], {})(content["signed"])
    published.put(root_key(2), json.dumps(content).encode())
    assert refused(client, published) == (
        f"`{root_key(2)}` is not believed.",
        "its version is 7, not 2",
    )


def test_indefinite_freeze(published: SignedRepository, client: Client) -> None:
    assert client.version(published.store, now="2030-01-31T23:59:59Z") == "1.0"
    expired = f"`{RECORD}` has expired, at {SOON}; somebody may hide a newer one"
    assert refused(client, published, now=SOON) == (NOT_BELIEVED, expired)
    assert refused(client, published, now=LATER) == (NOT_BELIEVED, expired)
    # A person may say that the machine is offline.
    assert client.version(published.store, now=LATER, allow_expired=True) == "1.0"


def test_indefinite_freeze_is_never_a_way_to_older_records(
    published: SignedRepository, client: Client
) -> None:
    old = published.content(RECORD)
    published.publish("1.1")
    assert client.version(published.store) == "1.1"
    published.put(RECORD, old)
    with pytest.raises(RepositoryError) as e:
        client.version(published.store, now=LATER, allow_expired=True)
    assert e.value.problems == ("its number is 1, and 2 was seen before",)


def test_indefinite_freeze_of_the_root(tmp_path: Path) -> None:
    repository = SignedRepository(tmp_path)
    repository.begin(days=1)
    repository.publish("1.0", expires="2099-01-01T00:00:00Z")
    client = Client(TrustedRoot.pinned(repository.content(root_key(1))))
    expires = client.pinned.root.expires if client.pinned else ""
    assert refused(client, repository) == (
        NOT_BELIEVED,
        f"`the pinned root` has expired, at {expires}; somebody may hide a newer one",
    )
    # A newer root that has not expired is enough.
    repository.rotate(("root",))
    assert client.version(repository.store) == "1.0"


def test_indefinite_freeze_by_hiding_roots(published: SignedRepository, client: Client) -> None:
    published.rotate(("root",))
    assert client.version(published.store) == "1.0"
    assert client.seen.root == 2
    # The client lost the root that it kept, and begins with the pinned one again.
    client.pinned = TrustedRoot.pinned(published.content(root_key(1)))
    (published.folder / "repository" / root_key(2)).unlink()
    assert refused(client, published) == (
        NOT_BELIEVED,
        "the repository had root 2, and now it has root 1",
    )


def test_malicious_mirrors_preventing_updates(
    published: SignedRepository, client: Client, tmp_path: Path
) -> None:
    # A mirror with rubbish, and one with the past, do not keep the client from a good one.
    assert client.version(published.store) == "1.0"
    rubbish, past = SignedRepository(tmp_path / "rubbish"), SignedRepository(tmp_path / "past")
    rubbish.put(root_key(2), b"<html>Sign in</html>")
    assert refused(client, rubbish)[:2] == (
        f"{rubbish.store.url}: `{root_key(2)}` cannot be read.",
        "it is not JSON: it begins with '<html>Sign in</html>'",
    )
    for key in (RECORD, str(stack("1.0").key)):
        past.put(key, published.content(key))
    published.publish("1.1")
    assert client.version(past.store) == "1.0"
    assert client.version(published.store) == "1.1"
    assert refused(client, past) == (NOT_BELIEVED, "its number is 1, and 2 was seen before")


def test_mix_and_match(published: SignedRepository, client: Client) -> None:
    # Records of other channels, platforms and stacks, all signed, in the place of this one.
    record = published.record()
    assert record is not None
    for key, problem in (
        (replace(KEY, channel="beta"), "`signed.channel`: 'beta' is not 'stable'"),
        (
            replace(KEY, platform="win_amd64"),
            "`signed.target_platform`: 'win_amd64' is not 'linux_x86_64'",
        ),
        (replace(KEY, name="other"), "`signed.name`: 'other' is not 'demo'"),
    ):
        published.put(RECORD, published.text(replace(record, key=key, expires=SOON)))
        assert refused(client, published) == (f"`{RECORD}` cannot be used.", problem)


def test_mix_and_match_of_the_layers_of_two_versions(
    published: SignedRepository, client: Client
) -> None:
    published.publish("1.1")
    old = published.content(str(stack("1.0").key))
    published.put(str(stack("1.1").key), old)
    assert refused(client, published) == (
        f"`{stack('1.1').key}` is not believed.",
        f"its hash is sha256:{Reference.of(old).sha256}",
    )
    # Layers are named by their hash in turn.
    index = stack("1.1").layer_keys[0]
    published.put(str(index), b"x" * 100)
    with pytest.raises(RepositoryError) as e:
        checked_blob(published.store, str(index), stack("1.1").layers[0].index, limit=2**20)
    assert e.value.summary == f"{published.store.url}: `{index}` is damaged."


def test_mix_and_match_of_a_root_as_a_record(published: SignedRepository, client: Client) -> None:
    record = published.content(RECORD)
    published.put(RECORD, published.content(root_key(1)))
    assert refused(client, published) == (
        f"`{RECORD}` cannot be used.",
        "`signed._type`: 'root' is not `targets`",
    )
    published.put(root_key(2), record)
    assert refused(client, published) == (
        f"`{root_key(2)}` cannot be used.",
        "`signed._type`: 'targets' is not `root`",
    )


def test_rollback(published: SignedRepository, client: Client) -> None:
    old = published.content(RECORD)
    published.publish("1.1")
    assert client.version(published.store) == "1.1"
    published.put(RECORD, old)
    assert refused(client, published) == (
        NOT_BELIEVED,
        "its number is 1, and 2 was seen before",
    )


def test_rollback_by_another_record_of_the_same_number(
    published: SignedRepository, client: Client
) -> None:
    first = published.record()
    assert first is not None
    published.publish("1.1")
    assert client.version(published.store) == "1.1"
    other = first.moved("1.0-other", published.manifest("1.0-other"))
    published.write(replace(other, expires=SOON))
    assert refused(client, published) == (
        NOT_BELIEVED,
        "another record with the number 2 was seen before",
    )


def test_rollback_of_what_a_publisher_extends(published: SignedRepository, client: Client) -> None:
    """Tools remember nothing: they extend an old record, and clients who saw more refuse that."""
    old = published.content(RECORD)
    for version in ("1.1", "1.2"):
        published.publish(version)
    assert client.version(published.store) == "1.2"
    published.put(RECORD, old)
    # To this publisher, who believes it, 1.3 comes after 1.0.
    extended = published.publish("1.3")
    assert (extended.number, extended.history[0].version) == (2, "1.0")
    assert refused(client, published) == (
        NOT_BELIEVED,
        "its number is 2, and 3 was seen before",
    )
    # Whoever has seen nothing gets what the publisher meant; the next ones count for all.
    assert Client(client.pinned).version(published.store) == "1.3"
    for version in ("1.4", "1.5"):
        published.publish(version)
    assert client.version(published.store) == "1.5"


@pytest.mark.parametrize("key", [RECORD, root_key(2)])
def test_slow_retrieval(
    published: SignedRepository, client: Client, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "WINDOW", 0.2)
    size = f"Content-Length: {len(published.content(RECORD))}\r\n\r\n".encode()
    with slow_server([b"HTTP/1.1 200 OK\r\n", size], pause=0.02, again=b" ") as url:
        mirror = opened(url, {})
        with pytest.raises(StoreError) as e:
            mirror.get(key, limit=2**20) if key == RECORD else client.version(mirror)
    assert re.fullmatch(
        rf"{re.escape(url)}: `{re.escape(key)}`: the server sent [0-9]+ bytes in 0\.2 seconds; it"
        r" is given up below 30000\. Use another server\.",
        str(e.value),
    )
    assert client.version(published.store) == "1.0"


def test_vulnerability_to_key_compromises(tmp_path: Path) -> None:
    repository = SignedRepository(tmp_path)
    people = ("anna", "ben", "cleo")
    repository.begin(people, people, root_threshold=2, record_threshold=2)
    repository.publish("1.0", ("anna", "cleo"))
    client = Client(TrustedRoot.pinned(repository.content(root_key(1))))
    assert client.version(repository.store) == "1.0"

    # One key of three is stolen. Alone it signs nothing,
    ids = {name: json.loads(repository.public(name)[0].read_text())["keyid"] for name in people}
    few = f"1 key of root 1 signed it, and 2 have to: of {', '.join(ids.values())}"
    repository.publish("6.6.6", ("ben",))
    assert refused(client, repository) == (NOT_BELIEVED, few)
    # not even twice,
    content = json.loads(repository.content(RECORD))
    content["signatures"] *= 2
    repository.put(RECORD, json.dumps(content).encode())
    assert refused(client, repository) == (
        f"`{RECORD}` cannot be used.",
        f"`signatures[1].keyid`: '{ids['ben']}' has signed twice",
    )
    # and makes no other root.
    with pytest.raises(RepositoryError) as e:
        repository.rotate(("ben",), root=RoleFiles(threshold=1))
    assert e.value.problems == (few,)

    # The others take it away, and go on.
    repository.rotate(
        ("anna", "cleo"),
        root=RoleFiles(remove=repository.public("ben")),
        records=RoleFiles(remove=repository.public("ben")),
    )
    repository.publish("1.1", ("anna", "ben"))
    left = f"1 key of root 2 signed it, and 2 have to: of {ids['anna']}, {ids['cleo']}"
    assert refused(client, repository) == (NOT_BELIEVED, left)
    repository.publish("1.2", ("anna", "cleo"))
    assert client.version(repository.store) == "1.2"


def test_vulnerability_to_one_key_under_two_ids(published: SignedRepository) -> None:
    content = json.loads(published.content(root_key(1)))
    signed = content["signed"]
    keyid = signed["roles"]["targets"]["keyids"][0]
    signed["keys"]["other"] = json.loads(json.dumps(signed["keys"][keyid]))
    public = signed["keys"]["other"]["keyval"]["public"]
    signed["keys"]["other"]["keyval"]["public"] = public.upper()
    signed["roles"]["targets"] = {"keyids": [keyid, "other"], "threshold": 2}
    with pytest.raises(RepositoryError) as e:
        TrustedRoot.pinned(json.dumps(content).encode())
    ids = sorted([keyid, "other"])
    assert e.value.problems == (f"`signed.keys.{ids[1]}`: it is the same key as '{ids[0]}'",)


def test_wrong_software_installation(published: SignedRepository, client: Client) -> None:
    # A record of this channel, signed, that points at another stack.
    other = replace(stack("1.0"), name="other").to_json().encode()
    record = published.record()
    assert record is not None
    moved = record.moved("2.0", Reference.of(other))
    published.write(replace(moved, expires=SOON))
    published.put(str(moved.stack_key), other)
    assert refused(client, published) == (
        f"`{moved.stack_key}` is not believed.",
        "it is the manifest of `stacks/other/1.0/linux_x86_64.json`",
    )


def test_an_old_binary_signed_under_a_new_version(
    published: SignedRepository, client: Client
) -> None:
    record = published.record()
    assert record is not None
    old = published.content(str(record.stack_key))
    moved = record.moved("2.0", record.current.manifest)
    published.write(replace(moved, expires=SOON))
    published.put(str(moved.stack_key), old)
    assert refused(client, published) == (
        "`stacks/demo/2.0/linux_x86_64.json` is not believed.",
        "it is the manifest of `stacks/demo/1.0/linux_x86_64.json`",
    )


def test_a_rollback_of_the_publisher_and_one_of_an_attacker(
    published: SignedRepository, client: Client
) -> None:
    first = published.content(RECORD)
    published.publish("1.1")
    newest = published.publish("1.2")
    assert client.version(published.store) == "1.2"

    # The attacker has the old record only.
    published.put(RECORD, first)
    assert refused(client, published) == (
        NOT_BELIEVED,
        "its number is 1, and 3 was seen before",
    )
    # A record with a higher number that points at an older version by mistake.
    silent = replace(newest.rolled_back("1.0"), rolled_back_from=None)
    published.write(silent)
    assert refused(client, published) == (
        NOT_BELIEVED,
        "its version `1.0` is older than what was seen before, and the record does not say that "
        "it was rolled back",
    )
    # One that was rolled back from something that is not newer.
    published.write(replace(silent, rolled_back_from="0.9"))
    assert refused(client, published) == (
        NOT_BELIEVED,
        "it was rolled back from '0.9', which is no newer version of it",
    )
    # The publisher says so.
    back = published.write(newest.rolled_back("1.0"))
    assert client.version(published.store) == "1.0"
    # Half up again: a client that has seen 1.2 believes this as well.
    half = published.write(back.rolled_back("1.1"))
    assert client.version(published.store) == "1.1"
    assert half.rolled_back_from == "1.2"
    # The attacker cannot make the publisher's rollback happen twice.
    published.publish("1.3")
    assert client.version(published.store) == "1.3"
    published.write(back)
    assert refused(client, published) == (
        NOT_BELIEVED,
        "its number is 4, and 6 was seen before",
    )


def test_a_signed_repository_is_never_an_unsigned_one(
    published: SignedRepository, client: Client
) -> None:
    record = published.record()
    assert record is not None
    published.write(record, ())
    keyid = json.loads(published.public("records")[0].read_text())["keyid"]
    none = f"0 keys of root 1 signed it, and 1 have to: of {keyid}"
    # A client that accepts unsigned repositories finds the root.
    stranger = Client(None)
    with pytest.raises(RepositoryError) as e:
        stranger.version(published.store, allow_unsigned=True)
    assert e.value.problems == (none,)
    # One with a pinned root needs none to refuse it.
    (published.folder / "repository" / root_key(1)).unlink()
    assert refused(client, published) == (NOT_BELIEVED, none)
    with pytest.raises(RepositoryError) as e:
        client.version(published.store, allow_unsigned=True)
    assert e.value.problems == (none,)
    # And one that has seen it signed remembers that.
    stranger.seen = Seen(root=1, number=1, sequence=1)
    with pytest.raises(RepositoryError) as e:
        stranger.version(published.store, allow_unsigned=True)
    assert e.value.problems == ("the repository had root 1, and now it has none",)


def test_records_of_other_channels_are_seen_apart(
    published: SignedRepository, client: Client
) -> None:
    published.publish("1.1")
    assert client.version(published.store) == "1.1"
    beta = ChannelKey("demo", "beta", KEY.platform)
    record = ChannelRecord.first(beta, "1.0", published.manifest("1.0"))
    published.write(replace(record, expires=SOON))
    assert Client(client.pinned).version(published.store, key=beta) == "1.0"


_SIZES = (Reference("cd" * 32, 100), 10, 20)

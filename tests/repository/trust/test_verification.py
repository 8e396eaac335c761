from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.signed_repository import KEY, NOW, SOON, Client, SignedRepository
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.repository.keys import root_key
from venvstacks_rules.model.repository.records import NEVER
from venvstacks_rules.repository.trust.roots import Root
from venvstacks_rules.repository.trust.verification import (
    Seen,
    TrustedRoot,
    repository_root,
    verified_record,
)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> SignedRepository:
    made = SignedRepository(tmp_path_factory.mktemp("signed"))
    made.begin()
    made.publish("1.0")
    return made


@pytest.fixture(scope="module")
def trusted(repository: SignedRepository) -> TrustedRoot:
    return TrustedRoot.pinned(repository.content(root_key(1)))


def test_a_root_is_pinned_by_its_hash_or_a_key(
    repository: SignedRepository, trusted: TrustedRoot
) -> None:
    sha256 = hashlib.sha256(trusted.content).hexdigest()
    key = json.loads(repository.public("root")[0].read_text())["keyval"]["public"]
    for pin in (f"sha256:{sha256}", f"ed25519:{key}", f"ed25519:{key.upper()}"):
        assert TrustedRoot.of_pin(pin, repository.store).content == trusted.content


def test_pins_of_other_roots(repository: SignedRepository, tmp_path: Path) -> None:
    records = json.loads(repository.public("records")[0].read_text())["keyval"]["public"]
    url = repository.store.url
    for pin in (f"sha256:{'ab' * 32}", f"ed25519:{records}"):
        with pytest.raises(RepositoryError) as e:
            TrustedRoot.of_pin(pin, repository.store)
        assert str(e.value) == (
            f"`{url}: {root_key(1)}` is not believed.\n  * it is not the root with the pin {pin}"
        )
    for pin in ("sha256:ab", "md5:" + "ab" * 32, records):
        with pytest.raises(RepositoryError) as e:
            TrustedRoot.of_pin(pin, repository.store)
        assert str(e.value) == (
            "The pin of a root cannot be used.\n"
            f"  * '{pin}' is neither `sha256:` nor `ed25519:` with 64 hexadecimal digits"
        )
    empty = SignedRepository(tmp_path)
    with pytest.raises(RepositoryError) as e:
        TrustedRoot.of_pin(f"ed25519:{records}", empty.store)
    assert str(e.value) == (
        f"{empty.store.url}: `{root_key(1)}` is missing.\n"
        "  * the repository is not signed, or it is not the one that was meant"
    )


def test_an_unsigned_repository_says_so(tmp_path: Path) -> None:
    repository = SignedRepository(tmp_path)
    repository.publish("1.0", (), expires=NEVER)
    content = repository.content(str(KEY))
    verified = verified_record(content, KEY, None, NOW, allow_unsigned=True)
    assert verified.notes == ("The repository is not signed.",)
    assert verified.signers == ()
    with pytest.raises(RepositoryError) as e:
        verified_record(content, KEY, None, NOW)
    assert e.value.problems == ("no root was pinned, and unsigned records are not allowed",)
    # Its records are not older than those before, either.
    repository.publish("1.1", (), expires=NEVER)
    client = Client(None)
    assert client.version(repository.store, allow_unsigned=True) == "1.1"
    repository.put(str(KEY), content)
    with pytest.raises(RepositoryError) as e:
        client.version(repository.store, allow_unsigned=True)
    assert e.value.problems == ("its number is 1, and 2 was seen before",)


def test_what_nobody_had_signed_does_not_count_against_what_is_signed(tmp_path: Path) -> None:
    repository = SignedRepository(tmp_path)
    record = repository.publish("1.0", (), expires=NEVER)
    client = Client(None)
    repository.write(replace(record, number=2**60), ())
    assert client.version(repository.store, allow_unsigned=True) == "1.0"
    repository.begin()
    repository.write(replace(record, number=2, expires=SOON))
    assert client.version(repository.store, allow_unsigned=True) == "1.0"
    assert (client.seen.number, client.seen.root) == (2, 1)


def test_a_pinned_client_has_no_use_for_an_unsigned_repository(
    repository: SignedRepository, trusted: TrustedRoot, tmp_path: Path
) -> None:
    other = SignedRepository(tmp_path)
    other.publish("1.0", (), expires=NEVER)
    with pytest.raises(RepositoryError) as e:
        Client(trusted).version(other.store, allow_unsigned=True)
    keyid = json.loads(repository.public("records")[0].read_text())["keyid"]
    assert e.value.problems == (f"0 keys of root 1 signed it, and 1 have to: of {keyid}",)


def test_an_expired_record_says_so_offline(
    repository: SignedRepository, trusted: TrustedRoot
) -> None:
    content = repository.content(str(KEY))
    verified = verified_record(content, KEY, trusted, SOON, allow_expired=True)
    assert verified.notes == (f"`{KEY}` has expired, at {SOON}; somebody may hide a newer one",)
    assert verified_record(content, KEY, trusted, NOW).notes == ()


def test_what_was_seen_is_a_small_file(repository: SignedRepository, trusted: TrustedRoot) -> None:
    seen = verified_record(repository.content(str(KEY)), KEY, trusted, NOW).seen
    assert (seen.root, seen.number, seen.sequence) == (1, 1, 1)
    text = json.dumps(seen.to_dict()).encode()
    assert len(text) < 300
    assert Seen.from_json(text) == seen
    with pytest.raises(RepositoryError) as e:
        Seen.from_json(b"{", "seen.json")
    assert e.value.summary == "`seen.json` cannot be read."
    with pytest.raises(RepositoryError) as e:
        Seen.from_json(b'{"root": "1", "number": 1, "sequence": 1}', "seen.json")
    assert str(e.value) == (
        "`seen.json` cannot be used.\n"
        "  * `root`: expected an integer, got a string\n"
        "  * `signed`: missing"
    )


def test_the_root_of_a_repository(repository: SignedRepository, trusted: TrustedRoot) -> None:
    assert repository_root(repository.store, trusted) == trusted
    # The first time, a client that allows unsigned repositories believes the root that it finds.
    assert repository_root(repository.store, None, allow_unsigned=True) is not None


def test_everything_that_is_wrong_with_a_root(trusted: TrustedRoot) -> None:
    content = json.loads(trusted.content)
    signed = content["signed"]
    keyids = list(signed["keys"])
    signed["spec_version"] = "2.0.0"
    signed["version"] = 0
    signed["expires"] = "tomorrow"
    signed["keys"][keyids[0]]["keyval"] = {"public": "ab"}
    signed["roles"]["root"] = {"keyids": [keyids[1], keyids[1], "other"], "threshold": 4}
    with pytest.raises(RepositoryError) as e:
        Root.read(json.dumps(content).encode())
    assert e.value.problems == (
        "`signed.spec_version`: '2.0.0' is not version 1 of TUF; a newer client may read it",
        "`signed.version`: 0 is less than 1",
        "`signed.expires`: 'tomorrow' is not a time as `2030-01-31T00:00:00Z`",
    )
    signed.update(spec_version="1.0.31", version=1, expires=SOON)
    with pytest.raises(RepositoryError) as e:
        Root.read(json.dumps(content).encode())
    assert e.value.problems == (
        f"`signed.keys.{keyids[0]}.keyval.public`: an Ed25519 key has 64 hexadecimal digits",
        f"`signed.roles.root.keyids[1]`: '{keyids[1]}' occurs twice",
        "`signed.roles.root.keyids[2]`: 'other' is not among the keys",
        "`signed.roles.root.threshold`: 4 of 3 keys cannot sign",
    )


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "it is empty"),
        (b"<p>", "it is not JSON: it begins with '<p>'"),
        (b"[]", "expected a table, got a list"),
        (b'{"signed": {}}', "`signatures`: missing"),
        (b"[" * 100_000, "it is not JSON: it is nested too deeply"),
        (
            b'{"signatures": [], "signed": {"_type": "targets", "spec_version": "1.0.31",'
            b' "version": 1, "expires": "2030-01-01T00:00:00Z", "x": 1.5}}',
            "`signed`: nothing can sign it: canonical JSON has no float",
        ),
        (
            b'{"signatures": [], "signed": {"_type": "targets", "spec_version": "1.0.31",'
            b' "version": 1, "expires": "2030-01-01T00:00:00Z", "x": "\\ud800"}}',
            "`signed`: nothing can sign it: a text has halves of characters",
        ),
    ],
)
def test_records_that_are_none(trusted: TrustedRoot, content: bytes, problem: str) -> None:
    with pytest.raises(RepositoryError) as e:
        verified_record(content, KEY, trusted, NOW)
    assert e.value.problems[0] == problem


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(data=st.data())
def test_a_record_with_any_other_value_is_refused_in_words(
    repository: SignedRepository, trusted: TrustedRoot, data: st.DataObject
) -> None:
    content = json.loads(repository.content(str(KEY)))
    place = data.draw(st.sampled_from(list(places(content))))
    table = content
    for key in place[:-1]:
        table = table[key]
    old = table[place[-1]]
    table[place[-1]] = data.draw(JSON.filter(lambda value: value != old))
    with pytest.raises(RepositoryError):
        verified_record(json.dumps(content).encode(), KEY, trusted, NOW)


@given(data=st.data())
def test_a_root_with_any_other_value_is_refused_in_words(
    trusted: TrustedRoot, data: st.DataObject
) -> None:
    content = json.loads(trusted.content)
    place = data.draw(st.sampled_from(list(places(content))))
    table = content
    for key in place[:-1]:
        table = table[key]
    old = table[place[-1]]
    table[place[-1]] = data.draw(JSON.filter(lambda value: value != old))
    with pytest.raises(RepositoryError):
        TrustedRoot.pinned(json.dumps(content).encode())


def places(value: Any) -> list[tuple[Any, ...]]:
    """The paths of all values."""
    keys = (
        value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    )
    found = []
    for key in keys:
        found += [(key,), *((key, *rest) for rest in places(value[key]))]
    return found

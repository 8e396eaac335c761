from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.signed_repository import KEY, NOW, Client, SignedRepository
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.repository.keys import root_key
from venvstacks_rules.model.repository.records import NEVER
from venvstacks_rules.repository.stores.store import RECORD_REMEDY
from venvstacks_rules.repository.trust.channels import (
    channels_of,
    expiry,
    sign_channels,
    utc_now,
    verify,
)
from venvstacks_rules.repository.trust.commands import (
    RoleFiles,
    create_root,
    newest_root,
    publish_root,
    rotate_root,
    show_root,
    sign_root,
)
from venvstacks_rules.repository.trust.root_files import Signatures
from venvstacks_rules.repository.trust.verification import TrustedRoot

ROOT = "Name the root that you know with `--root`; or look"
"""Where a root helps."""


def refused(repository: SignedRepository, *problems: str, begin: str = "Look") -> str:
    """What `sign` says of a record that somebody else may have put there."""
    remedy = f"{begin} at the record, as `venvstacks-repository list` shows it, and take `--adopt`."
    return "\n  * ".join(
        (
            f"{repository.store.url}: `{KEY}` was not signed: somebody else may have put it there.",
            *problems,
            remedy,
        )
    )


@pytest.fixture
def repository(tmp_path: Path) -> SignedRepository:
    return SignedRepository(tmp_path)


def keyid(repository: SignedRepository, name: str) -> str:
    return str(json.loads(repository.public(name)[0].read_text())["keyid"])


def pinned(repository: SignedRepository) -> TrustedRoot:
    return TrustedRoot.pinned(repository.content(root_key(1)))


def test_people_sign_a_root_one_after_the_other(repository: SignedRepository) -> None:
    file = repository.folder / "root.json"
    anna, ben, cleo = (keyid(repository, name) for name in ("anna", "ben", "cleo"))
    made = create_root(
        file,
        RoleFiles(repository.public("anna", "ben", "cleo"), threshold=2),
        RoleFiles(repository.public("ci")),
    )
    assert made == (Signatures("the new root", 2, (), (anna, ben, cleo)),)
    assert not made[0].is_complete
    made = sign_root(file, repository.store, [repository.key("anna")])
    assert made == (Signatures("the new root", 2, (anna,), (ben, cleo)),)
    with pytest.raises(RepositoryError) as e:
        publish_root(file, repository.store, now=NOW)
    assert str(e.value) == (
        f"`{file}` is not believed.\n"
        f"  * 1 key of the root signed it, and 2 have to: of {anna}, {ben}, {cleo}"
    )
    made = sign_root(file, repository.store, [repository.key("cleo")])
    assert made == show_root(file, repository.store)
    assert made == (Signatures("the new root", 2, (anna, cleo), (ben,)),)
    assert made[0].is_complete
    assert publish_root(file, repository.store, now=NOW).version == 1
    assert repository.content(root_key(1)) == file.read_bytes()
    assert [path.name for path in repository.folder.glob("root*")] == ["root.json"]
    with pytest.raises(RepositoryError) as e:
        publish_root(file, repository.store, now=NOW)
    assert str(e.value) == (
        f"The file has root 1, and the newest root of {repository.store.url} is 1.\n"
        "  * Make root 2 with `root rotate`."
    )


def test_a_rotation_is_signed_by_old_and_new_keys(repository: SignedRepository) -> None:
    repository.begin(("anna", "ben"), root_threshold=2)
    file = repository.folder / "next.json"
    anna, ben, cleo = (keyid(repository, name) for name in ("anna", "ben", "cleo"))
    made = rotate_root(
        file,
        repository.store,
        RoleFiles(repository.public("cleo"), repository.public("ben")),
        RoleFiles(),
    )
    assert made == (
        Signatures("root 1", 2, (), (anna, ben)),
        Signatures("the new root", 2, (), (anna, cleo)),
    )
    made = sign_root(file, repository.store, [repository.key("anna"), repository.key("cleo")])
    assert [one.is_complete for one in made] == [False, True]
    with pytest.raises(RepositoryError) as e:
        publish_root(file, repository.store, now=NOW)
    assert e.value.problems == (f"1 key of root 1 signed it, and 2 have to: of {anna}, {ben}",)
    made = sign_root(file, repository.store, [repository.key("ben")])
    assert [one.is_complete for one in made] == [True, True]
    publish_root(file, repository.store, now=NOW)
    newest = pinned(repository).updated(repository.store)
    assert newest.version == 2
    assert newest.root.envelope.signed.table("keys").data.keys() == {
        *(anna, cleo, keyid(repository, "records"))
    }


def test_two_people_rotate_at_once(repository: SignedRepository) -> None:
    repository.begin()
    files = [repository.folder / f"{name}.json" for name in ("one", "two")]
    for file in files:
        rotate_root(file, repository.store, RoleFiles(), RoleFiles())
        sign_root(file, repository.store, [repository.key("root")])
    publish_root(files[0], repository.store, now=NOW)
    with pytest.raises(RepositoryError) as e:
        publish_root(files[1], repository.store, now=NOW)
    assert e.value.problems == ("Make root 3 with `root rotate`.",)


def test_mistakes_of_a_root(repository: SignedRepository) -> None:
    file = repository.folder / "root.json"
    with pytest.raises(RepositoryError) as e:
        create_root(
            file,
            RoleFiles(repository.public("anna"), threshold=2),
            RoleFiles(remove_ids=("abc",)),
        )
    assert str(e.value) == (
        "Root 1 was not made.\n"
        "  * 'abc' is no key of the role `records`\n"
        "  * 2 of 1 keys would have to sign for `root`; add keys, or change the threshold\n"
        "  * 1 of 0 keys would have to sign for `records`; add keys, or change the threshold"
    )
    assert not file.exists()
    with pytest.raises(RepositoryError) as e:
        rotate_root(file, repository.store, RoleFiles(), RoleFiles())
    assert str(e.value) == (
        f"{repository.store.url} is not signed.\n  * Make its first root with `root create`."
    )
    file.write_text("precious")
    with pytest.raises(RepositoryError) as e:
        create_root(file, RoleFiles(repository.public("anna")), RoleFiles(repository.public("ci")))
    assert str(e.value) == f"`{file}` cannot be written.\n  * File exists"
    assert file.read_text() == "precious"


def test_a_key_that_is_not_asked_for(repository: SignedRepository) -> None:
    file = repository.folder / "root.json"
    create_root(file, RoleFiles(repository.public("anna")), RoleFiles(repository.public("ci")))
    before = file.read_bytes()
    key = repository.key("ci")
    with pytest.raises(RepositoryError) as e:
        sign_root(file, repository.store, [key])
    assert str(e.value) == (
        f"Root 1 was not signed: its keys are {keyid(repository, 'anna')}.\n"
        f"  * The key `{key}` has the id {keyid(repository, 'ci')}, which is none of them"
    )
    assert file.read_bytes() == before


def test_an_unsigned_repository_becomes_a_signed_one(repository: SignedRepository) -> None:
    repository.publish("1.0", (), expires=NEVER)
    now = utc_now()
    client = Client(None)
    assert client.version(repository.store, allow_unsigned=True) == "1.0"
    file = repository.folder / "root.json"
    create_root(file, RoleFiles(repository.public("root")), RoleFiles(repository.public("ci")))
    sign_root(file, repository.store, [repository.key("root")])
    # In the wrong order, clients would refuse the record.
    with pytest.raises(RepositoryError) as e:
        publish_root(file, repository.store, now=now)
    assert str(e.value) == (
        f"{repository.store.url}: clients would not believe the channels with this root.\n"
        f"  * `{KEY}`: 0 keys of root 1 signed it, and 1 have to: of {keyid(repository, 'ci')}\n"
        "  * Sign the records with `sign` first, with the keys of the new root."
    )
    [signed] = sign_channels(repository.store, [repository.key("ci")], [KEY], now=NOW, adopt=True)
    assert (signed.key, signed.number, signed.renewed) == (KEY, 2, True)
    assert expiry(29) < signed.expires < expiry(31)
    publish_root(file, repository.store, now=now)
    assert client.version(repository.store, now=now, allow_unsigned=True) == "1.0"
    assert Client(pinned(repository)).version(repository.store, now=now) == "1.0"
    assert client.seen.root == 1


def test_a_record_is_renewed(repository: SignedRepository) -> None:
    repository.begin()
    published = repository.publish("1.0", expires="2020-01-01T00:00:00Z")
    now = utc_now()
    newest, [checked] = verify(repository.store, pinned(repository), now=now)
    assert newest is not None
    assert checked.problems == (
        f"`{KEY}` has expired, at 2020-01-01T00:00:00Z; somebody may hide a newer one",
    )
    keys = [repository.key("records")]
    with pytest.raises(RepositoryError) as e:
        sign_channels(repository.store, keys, [KEY], now=now, days=7)
    late = "it has expired, at 2020-01-01T00:00:00Z, and may be from the past"
    assert str(e.value) == refused(repository, late)
    # No root makes it younger: it is not offered, and does not help.
    unknown = "none of these keys has signed it before"
    other = [repository.key("other")]
    with pytest.raises(RepositoryError) as e:
        sign_channels(repository.store, other, [KEY], now=now, days=7)
    assert str(e.value) == refused(repository, unknown, late)
    root = pinned(repository)
    with pytest.raises(RepositoryError) as e:
        sign_channels(repository.store, other, [KEY], now=now, days=7, pinned=root)
    assert str(e.value) == refused(repository, late)
    [signed] = sign_channels(repository.store, keys, [KEY], now=now, days=7, adopt=True)
    assert repository.record() == replace(published, number=2, expires=signed.expires)
    assert expiry(6.9) < signed.expires <= expiry(7)
    _, [checked] = verify(repository.store, pinned(repository), now=now)
    assert (checked.problems, checked.version, checked.number) == ((), "1.0", 2)
    assert checked.signers == (keyid(repository, "records"),)


def test_a_job_signs_nothing_that_an_attacker_put_there(
    repository: SignedRepository, tmp_path: Path
) -> None:
    repository.begin()
    repository.publish("1.0")
    root = pinned(repository)
    # The server's own root is none that the job knows.
    attacker = SignedRepository(tmp_path / "attacker")
    attacker.folder.mkdir()
    attacker.begin(("evil",), ("evil records",))
    attacker.publish("6.6.6", ("evil records",))
    for key in (root_key(1), str(KEY)):
        repository.put(key, attacker.content(key))
    keys = [repository.key("records")]
    evil = keyid(attacker, "evil records")
    for known, problem, begin in (
        (None, "none of these keys has signed it before", ROOT),
        (
            root,
            f"0 keys of root 1 signed it, and 1 have to: of {keyid(repository, 'records')}",
            "Look",
        ),
    ):
        with pytest.raises(RepositoryError) as e:
            sign_channels(repository.store, keys, [KEY], now=NOW, days=7, pinned=known)
        assert str(e.value) == refused(repository, problem, begin=begin)
    assert evil in repository.content(str(KEY)).decode()
    # Nor what has no root at all.
    (repository.folder / "repository" / root_key(1)).unlink()
    with pytest.raises(RepositoryError) as e:
        sign_channels(repository.store, keys, [KEY], now=NOW, days=7)
    problem = "none of these keys has signed it before"
    assert str(e.value) == refused(repository, problem, begin=ROOT)


def test_a_renewal_says_nothing_of_a_rollback_that_is_not_there(
    repository: SignedRepository,
) -> None:
    repository.begin()
    repository.publish("1.0")
    newest = repository.publish("1.1")
    client = Client(pinned(repository))
    assert client.version(repository.store) == "1.1"
    repository.write(newest.rolled_back("1.0"))
    sign_channels(repository.store, [repository.key("records")], [KEY], now=NOW, days=7)
    record = repository.record()
    assert record is not None
    assert record.rolled_back_from == "1.1"
    assert client.version(repository.store, now=utc_now()) == "1.0"


def test_a_record_that_clients_would_refuse_is_not_written(repository: SignedRepository) -> None:
    repository.begin(records=("ci", "laptop"), record_threshold=2)
    repository.publish("1.0", ("ci", "laptop"))
    before = repository.content(str(KEY))
    with pytest.raises(RepositoryError) as e:
        sign_channels(repository.store, [repository.key("ci")], [KEY], now=NOW, days=7)
    assert str(e.value) == (
        f"{repository.store.url}: `{KEY}` was not signed: clients would not believe it.\n"
        f"  * 1 key of root 1 signed it, and 2 have to: of {keyid(repository, 'ci')}, "
        f"{keyid(repository, 'laptop')}\n"
        "  * Name all the keys in one call."
    )
    assert repository.content(str(KEY)) == before


@pytest.mark.parametrize("expires", ["2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"])
def test_a_key_of_records_is_lost(repository: SignedRepository, expires: str) -> None:
    # No moment at which a client finds something that it does not believe, or has believed before.
    repository.begin(records=("lost",))
    repository.publish("1.0", ("lost",), expires=expires)
    old, fresh = Client(pinned(repository)), Client(pinned(repository))
    assert old.version(repository.store, now="2019-01-01T00:00:00Z") == "1.0"

    [signed] = sign_channels(
        repository.store, [repository.key("new")], [KEY], now=NOW, pinned=old.pinned
    )
    assert (signed.number, signed.renewed) == (1, False)
    assert old.version(repository.store, now="2019-01-01T00:00:00Z") == "1.0"
    file = repository.folder / "next.json"
    rotate_root(
        file,
        repository.store,
        RoleFiles(),
        RoleFiles(repository.public("new"), remove_ids=(keyid(repository, "lost"),)),
    )
    sign_root(file, repository.store, [repository.key("root")])
    publish_root(file, repository.store, now=utc_now())
    for client in (old, fresh):
        assert client.version(repository.store, now="2019-01-01T00:00:00Z") == "1.0"

    sign_channels(
        repository.store, [repository.key("new")], [KEY], now=utc_now(), days=30, adopt=True
    )
    for client in (old, fresh):
        assert client.version(repository.store, now=utc_now()) == "1.0"
        assert (client.seen.number, client.seen.root) == (2, 2)


def test_a_channel_that_is_missing(repository: SignedRepository) -> None:
    with pytest.raises(RepositoryError) as e:
        sign_channels(repository.store, [repository.key("ci")], [KEY], now=NOW)
    assert str(e.value) == f"{repository.store.url}: nothing was signed.\n  * `{KEY}` is missing"


def test_what_is_verified(repository: SignedRepository) -> None:
    repository.begin()
    record = repository.publish("1.0")
    repository.put("channels/demo/notes.txt", b"no channel")
    beta = replace(record, key=replace(KEY, channel="beta"))
    repository.write(beta, ())
    nightly = replace(KEY, channel="nightly")
    repository.put(str(nightly), b" " * 2_000_000)
    assert channels_of(repository.store) == (beta.key, nightly, KEY)
    (repository.folder / "repository" / str(record.stack_key)).unlink()
    _, checked = verify(repository.store, pinned(repository), now=NOW)
    assert [(one.key, one.problems) for one in checked] == [
        (
            beta.key,
            (f"0 keys of root 1 signed it, and 1 have to: of {keyid(repository, 'records')}",),
        ),
        (
            nightly,
            (
                f"{repository.store.url}: `{nightly}` has more than 1048576 bytes.",
                RECORD_REMEDY,
            ),
        ),
        (KEY, (f"`{record.stack_key}` is missing",)),
    ]


def test_an_unsigned_repository_is_verified_if_it_may_be(repository: SignedRepository) -> None:
    repository.publish("1.0", (), expires=NEVER)
    assert newest_root(repository.store) is None
    root, [checked] = verify(repository.store, None, now=NOW, allow_unsigned=True)
    assert root is None
    assert (checked.version, checked.signers, checked.problems) == ("1.0", (), ())
    with pytest.raises(RepositoryError) as e:
        verify(repository.store, None, now=NOW)
    assert str(e.value) == (
        f"{repository.store.url}: no root was pinned, so nothing can be verified.\n"
        "  * Pin the root of the repository, or allow unsigned ones."
    )


def test_times_are_those_of_the_clock() -> None:
    assert expiry(1, now=0) == "1970-01-02T00:00:00Z"
    assert expiry(0, now=time.time() - 5) < utc_now() <= expiry(0)

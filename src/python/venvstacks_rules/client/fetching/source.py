"""Where an application comes from: a repository, and what of it is believed."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from venvstacks_rules.client.disk.operations import Disk
from venvstacks_rules.client.installation.documents import Documents
from venvstacks_rules.client.installation.layout import (
    DamagedInstallationError,
    Layout,
    WrongOptionError,
)
from venvstacks_rules.client.installation.names import known_names
from venvstacks_rules.client.installation.records import Settings
from venvstacks_rules.model.checked import CheckedTable
from venvstacks_rules.model.errors import RepositoryError, VenvstacksError
from venvstacks_rules.model.json_codec import parsed_json, published_json
from venvstacks_rules.model.repository.keys import ChannelKey, StackKey, root_key
from venvstacks_rules.model.repository.manifests import PublishedStack
from venvstacks_rules.model.repository.records import MOST_RECORD_BYTES
from venvstacks_rules.model.repository.references import Reference, read_reference
from venvstacks_rules.repository.reading.repository import Repository
from venvstacks_rules.repository.stores.store import Store
from venvstacks_rules.repository.trust.roots import MOST_ROOT_BYTES
from venvstacks_rules.repository.trust.verification import (
    Seen,
    TrustedRoot,
    VerifiedRecord,
    repository_root,
    verified_record,
)

ROOT, SEEN, ARCHIVES = "root.json", "seen.json", "archives.json"
"""In the folder of an application."""


@dataclass(frozen=True)
class Here:
    """The installation, for a source that has to look at it."""

    layout: Layout
    documents: Documents
    disk: Disk
    note: Callable[[str], None]
    """Tells people something."""


@dataclass(frozen=True)
class KnownArchive:
    """What was learnt of an archive."""

    index: Reference
    """Of its layer, among the documents."""
    listed: str
    """The hash of the segment index that it was made of; empty: of the archive itself."""


@dataclass(frozen=True)
class Trust:
    """What is believed of a channel, as it is kept between two runs."""

    root: TrustedRoot | None = None
    seen: Seen = field(default_factory=Seen)
    time: str = ""
    """Of the last look at a signed record, so that a clock that was set back shows nothing that has
    expired. A record that was believed expires later, so a clock that was set forward for a while
    stops nothing for longer than that."""
    archives: Mapping[str, KnownArchive] = field(default_factory=dict)
    """Of a folder of archives, by their hashes."""
    damage: Mapping[str, str] = field(default_factory=dict)
    """What is wrong with files, by their names. Nothing is offered while those are damaged that
    keep others from showing something older or else: they are never taken for empty."""

    @classmethod
    def read(
        cls, folder: Path, settings: Settings | None = None, *, installed: bool = False
    ) -> Trust:
        """What was kept in the folder of an application; nothing if nothing was.

        `settings` of an application that is installed say what has to be there. If it is
        `installed`, and they are lost, `seen.json` has to be there: it also says whether there was
        a root.
        """
        damage: dict[str, str] = {}
        root, trusted = _content(folder / ROOT), None
        if root is not None:
            try:
                trusted = TrustedRoot.pinned(root, ROOT)
            except RepositoryError as e:
                damage[ROOT] = "; ".join((e.summary.rstrip("."), *e.problems))
        follows = installed
        if settings is not None:
            follows = bool(settings.repository) and settings.archives is None
        seen, when = Seen(), ""
        try:
            content = _content(folder / SEEN)
            if content is not None:
                seen, when = _read_seen(content)
            elif follows:
                damage[SEEN] = f"`{SEEN}` is missing"
        except RepositoryError as e:
            damage[SEEN] = "; ".join((e.summary.rstrip("."), *e.problems))
        unsigned = not seen.root and (settings is None or settings.allow_unsigned)
        if follows and root is None and not unsigned:
            damage[ROOT] = f"`{ROOT}` is missing"
        archives = _read_archives(_content(folder / ARCHIVES))
        if archives is None:
            damage[ARCHIVES] = f"`{ARCHIVES}` cannot be read"
        return cls(trusted, seen, when, archives or {}, damage)

    def without_damage_of(self, name: str) -> Trust:
        """The same, where a file is made anew."""
        return replace(self, damage={n: text for n, text in self.damage.items() if n != name})

    def refuse_damaged(self, folder: Path) -> None:
        """DamagedInstallationError unless all is known that was believed before."""
        problems = [
            text
            for name in (ROOT, SEEN)
            if name in self.damage
            for text in (self.damage[name], TRUST_REMEDIES[name])
        ]
        if problems:
            raise DamagedInstallationError(
                f"`{folder}`: what was believed before is not known any more.", problems
            )

    def of_channel(self, settings: Settings, before: Settings | None) -> Trust:
        """The same for the channel of `settings`, if this was learnt of that of `before`.

        Numbers of records, and of a repository's roots, say nothing of those of others. A root that
        is lost was that of a repository: of another channel there, it is lost as well.
        """
        if before is None:
            return self
        moved = before.repository != settings.repository
        if not moved and before.key == settings.key:
            return self
        other = replace(self, seen=Seen(), time="").without_damage_of(SEEN)
        return other.without_damage_of(ROOT) if moved else other

    def write(self, folder: Path, before: Trust, disk: Disk) -> None:
        """Keep it, where it is not as it was `before`."""
        if self.root is None and (before.root is not None or ROOT in before.damage):
            disk.unlink(str(folder / ROOT))
            disk.sync_folder(str(folder))
        elif self.root is not None and self.root != before.root:
            disk.replace(str(folder / ROOT), self.root.content)
        path = folder / SEEN
        is_new = SEEN in before.damage or not path.is_file()
        if is_new or (self.seen, self.time) != (before.seen, before.time):
            disk.replace(str(path), seen_json(self.seen, self.time).encode("utf-8"))
        if self.archives != before.archives:
            kept = {
                sha256: {**known.index.to_dict(), "listed": known.listed}
                for sha256, known in self.archives.items()
            }
            disk.replace(str(folder / ARCHIVES), published_json(kept).encode("utf-8"))


TRUST_REMEDIES = {
    ROOT: "`venvstacks-deploy install` with the same options, and with `--root`, makes it anew",
    SEEN: "`venvstacks-deploy repair --forget-seen` begins anew: an older version than was seen "
    "before is then believed once, if its record has not expired",
}
"""What to do about damage."""


def seen_json(seen: Seen, time: str = "") -> str:
    """The text of the file that says what was seen; it is there although nothing was."""
    nothing = seen == Seen()
    return published_json({**({"number": 0} if nothing else seen.to_dict()), "time": time})


def _read_seen(content: bytes) -> tuple[Seen, str]:
    try:
        table = CheckedTable(parsed_json(content), "", [])
    except ValueError as e:
        raise RepositoryError(f"`{SEEN}` cannot be read.", [f"it is not JSON: {e}"]) from None
    when = str(table.optional_string("time") or "")
    if table.data.get("number") == 0:
        return Seen(), when
    return Seen.from_dict(table.data, SEEN), when


def _read_archives(content: bytes | None) -> Mapping[str, KnownArchive] | None:
    """What was kept of archives; None if it is damaged: it saves requests only."""
    problems: list[str] = []
    try:
        table = CheckedTable(parsed_json(b"{}" if content is None else content), "", problems)
    except ValueError:
        return None
    found = {}
    for sha256 in table.names():
        entry = table.table(sha256)
        listed = str(entry.data.get("listed", ""))
        found[sha256] = KnownArchive(read_reference(entry), listed)
    return None if problems else found


@dataclass(frozen=True)
class Offer:
    """What a channel offers."""

    key: StackKey
    manifest: Reference
    trust: Trust
    """To keep."""
    notes: tuple[str, ...] = ()
    """What people should know."""


class Source:
    """The repository of an application."""

    def __init__(self, settings: Settings, store: Store, app: str = "") -> None:
        self.settings = settings
        self._app = app
        self.repository = Repository(store)
        self._there: bool | None = None

    def is_there(self) -> bool:
        """Whether there is a repository."""
        if self._there is None:
            self._there = self.repository.check_format()
        return self._there

    def refuse_unverified(self, trust: Trust) -> None:
        """RepositoryError unless a root was pinned, or nothing has to be signed."""
        if trust.root is None and not self.settings.allow_unsigned:
            raise RepositoryError(
                f"{self.settings.repository}: no root was pinned, so nothing can be verified.",
                [
                    "name the root that its publisher gave you, with `--root FILE` or `--root "
                    "sha256:...`",
                    "or say `--allow-unsigned`: whoever can change the repository, or the way to "
                    "it, then decides what runs here",
                ],
            )

    def offer(
        self, trust: Trust, *, version: str | None = None, allow_expired: bool = False
    ) -> Offer:
        """What the channel points at, or the `version` of its history.

        StoreError if the repository cannot be reached, RepositoryError if it is not believed.
        """
        settings, store = self.settings, self.repository.store
        key = settings.key
        self._check_there()
        root, pinned = self._root(trust)
        found = store.get(str(key), limit=MOST_RECORD_BYTES)
        if found is None:
            raise self._no_channel(key)
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        try:
            verified = verified_record(
                found.data,
                key,
                root,
                max(now, trust.time),
                trust.seen,
                allow_unsigned=settings.allow_unsigned,
                allow_expired=allow_expired,
            )
        except RepositoryError as e:
            raise _with_remedy(e) from None
        counts = root is not None and verified.record.expires > now
        kept = Trust(root, verified.seen, max(now, trust.time) if counts else trust.time)
        chosen = self._chosen(verified, version)
        notes = (*pinned, *verified.notes)
        return Offer(StackKey(key.name, chosen[0], key.platform), chosen[1], kept, notes)

    def _root(self, trust: Trust) -> tuple[TrustedRoot | None, tuple[str, ...]]:
        """The newest root, and what people should know of how it came to be believed."""
        store, unsigned = self.repository.store, self.settings.allow_unsigned
        if trust.root is not None or not unsigned:
            return repository_root(store, trust.root, allow_unsigned=unsigned), ()
        found = store.get(root_key(1), limit=MOST_ROOT_BYTES)
        if found is None:
            return None, ()
        pinned = TrustedRoot.pinned(found.data, root_key(1))
        note = (
            f"The repository is signed, and no root was pinned: the one that it has now is pinned, "
            f"sha256:{hashlib.sha256(found.data).hexdigest()}. That is trust on first use; ask its "
            "publisher whether it is the right one."
        )
        return pinned.updated(store), (note,)

    def manifest(self, offer: Offer) -> bytes:
        """The bytes of a manifest, by the hash that a believed record names."""
        from venvstacks_rules.model.repository.manifests import MOST_MANIFEST_BYTES
        from venvstacks_rules.repository.stores.store import checked_blob

        return checked_blob(
            self.repository.store, str(offer.key), offer.manifest, limit=MOST_MANIFEST_BYTES
        )

    def parsed(self, offer: Offer, content: bytes) -> PublishedStack:
        """The manifest of an offer; RepositoryError if it is that of another version."""
        stack = PublishedStack.from_json(content, str(offer.key))
        if stack.key != offer.key:
            raise RepositoryError(
                f"{self.repository.url}: `{offer.key}` is not believed.",
                [f"it is the manifest of `{stack.key}`"],
            )
        return stack

    def _check_there(self) -> None:
        if not self.is_there():
            raise RepositoryError(
                f"{self.repository.url}: there is no repository.",
                ["it has no `repository.json`; look at the URL"],
            )

    def _no_channel(self, key: ChannelKey) -> RepositoryError:
        return WrongOptionError(
            f"{self.repository.url}: `{key}` is missing.",
            [
                f"the stack `{key.name}` has no channel `{key.channel}` for {key.platform}",
                *self._other_channels(key),
            ],
        )

    def _other_channels(self, key: ChannelKey) -> list[str]:
        """What there is in place of a channel, as far as the repository can tell."""
        try:
            there = [found for found, _ in self.repository.channels()]
        except VenvstacksError:
            # As a web server.
            there = []
        own = [found for found in there if found.name == key.name]
        platforms = {found.platform for found in own if found.channel == key.channel}
        if platforms:
            return known_names(platforms, key.platform, "platforms")
        if own:
            here = {found.channel for found in own if found.platform == key.platform}
            return known_names(here or {c.channel for c in own}, key.channel, "channels")
        named = "" if key.name != self._app else "; `--name` is for another than the application's"
        stacks = known_names({found.name for found in there}, key.name, "stacks")
        return stacks or [f"look at the names of stack and channel{named}"]

    def _chosen(self, verified: VerifiedRecord, version: str | None) -> tuple[str, Reference]:
        record = verified.record
        if version is None:
            return record.current.version, record.current.manifest
        for known in (record.current, *record.history):
            if known.version == version:
                return known.version, known.manifest
        from difflib import get_close_matches

        versions = [known.version for known in (record.current, *record.history)]
        near = get_close_matches(version, versions, n=1, cutoff=0.75)
        raise WrongOptionError(
            f"{self.repository.url}: `{record.key}` does not have the version {version!a}.",
            [*(f"did you mean {one}?" for one in near), f"it has {', '.join(versions)}"],
        )


def _with_remedy(error: RepositoryError) -> RepositoryError:
    """The same, with what to do if nothing is wrong but the time."""
    if not all(" has expired, at " in problem for problem in error.problems):
        return error
    return RepositoryError(
        error.summary,
        [
            *error.problems,
            "ask its publisher to renew it; what is installed runs on",
            "for a copy that is used offline, `--allow-expired` believes it: then nobody vouches "
            "that you are not kept from newer versions and what they mend",
        ],
    )


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None

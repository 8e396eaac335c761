"""Carries out the plan of a publish, on a terminal (``publish``)."""

from __future__ import annotations

import sys
import time

from venvstacks_rules.actions.network.settings import use_network_settings
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.json_codec import from_json
from venvstacks_rules.model.publishing.report import plan_text, result_text
from venvstacks_rules.model.repository.records import ChannelRecord
from venvstacks_rules.model.requests.publish import PublishRequest
from venvstacks_rules.model.wording import size_text
from venvstacks_rules.repository.publishing.channels import UNSIGNED, Signing
from venvstacks_rules.repository.publishing.publication import Publication
from venvstacks_rules.repository.publishing.upload import Settings, uploaded
from venvstacks_rules.repository.reading.repository import Repository, Trust
from venvstacks_rules.repository.stores.opened import opened
from venvstacks_rules.repository.stores.store import Store
from venvstacks_rules.repository.trust.channels import expiry, publisher
from venvstacks_rules.repository.trust.pins import pinned_root

_PAUSE = 0.2
"""Between two lines of progress on a terminal, in seconds; ten seconds elsewhere."""


def run(request_text: str) -> None:
    """Do what a PublishRequest asks for, and print the report.

    Raises StoreError and RepositoryError; what was stored by then is seen by nobody, and the next
    publish goes on with it.
    """
    request = from_json(PublishRequest, request_text)
    if request.only_show:
        raise RepositoryError("There is something to publish:", [plan_text(request.plan)])
    use_network_settings(request.network)
    publication = Publication.read(request.files)
    store = opened(request.repository)
    progress = _Progress()
    try:
        moves = any(change.changes for change in request.plan.channels)
        trust, signing = _trust(store, request) if moves else (ChannelRecord.from_json, UNSIGNED)
        settings = Settings(
            signing=signing,
            progress=progress.show,
            waiting=progress.say,
            thorough=request.thorough,
            deltas=request.deltas,
        )
        repository = Repository(store, trust)
        result = uploaded(publication, repository, request.plan, settings)
    finally:
        progress.clear()
        store.close()
    print(result_text(result), flush=True)


def _trust(store: Store, request: PublishRequest) -> tuple[Trust, Signing]:
    """How the records of channels are read and signed.

    RepositoryError if clients would not believe them.
    """
    pinned = None if request.root is None else pinned_root(request.root, store)
    who = publisher(store, request.keys, pinned=pinned)
    return who.read, Signing(who.sign, expiry(request.expires_days)) if who.signs else UNSIGNED


class _Progress:
    """Says how much was sent: in one line on a terminal, else in a line now and then."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._last = time.monotonic()
        self._width = 0

    def show(self, what: str, done: int, size: int) -> None:
        """`what` was sent, as the last of `done` of `size` bytes."""
        now = time.monotonic()
        if now - self._last < (_PAUSE if self._terminal else 50 * _PAUSE):
            return
        self._last = now
        text = f"  {size_text(done)} of {size_text(size)}: {what}"
        if self._terminal:
            text = text[:100]
            print(f"\r{text:{self._width}}", end="", file=sys.stderr, flush=True)
            self._width = len(text)
        else:
            print(text, file=sys.stderr, flush=True)

    def say(self, text: str) -> None:
        """A line of its own."""
        self.clear()
        print(text, file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Remove the line from the terminal."""
        if self._width:
            print(f"\r{'':{self._width}}\r", end="", file=sys.stderr, flush=True)
            self._width = 0

"""``install`` and ``update``: from any version to any other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from venvstacks_rules.client.commands.building import Builder
from venvstacks_rules.client.commands.checking import damage_of
from venvstacks_rules.client.commands.events import Report, silent
from venvstacks_rules.client.commands.tidying import check_keep, remove_old
from venvstacks_rules.client.disk.operations import Disk
from venvstacks_rules.client.fetching.known import known_layers
from venvstacks_rules.client.fetching.opened import found_source, known_source
from venvstacks_rules.client.fetching.plan import wanted_layers
from venvstacks_rules.client.fetching.source import ROOT, Here, Offer, Source, Trust
from venvstacks_rules.client.installation.documents import Documents
from venvstacks_rules.client.installation.generations import Generations, chosen_app
from venvstacks_rules.client.installation.layout import (
    SETTINGS,
    DamagedInstallationError,
    Layout,
    MisusedError,
    WrongOptionError,
    changing,
    looking,
    made_layout,
    named_layout,
    opened_layout,
)
from venvstacks_rules.client.installation.records import Settings, as_event
from venvstacks_rules.model.errors import DeploymentError, RepositoryError
from venvstacks_rules.model.hashes import is_sha256_hex
from venvstacks_rules.model.network.credentials import without_credentials
from venvstacks_rules.model.repository.keys import name_problem
from venvstacks_rules.repository.trust.pins import pinned_root
from venvstacks_rules.repository.trust.verification import TrustedRoot

KEPT = 3
"""How many generations an update leaves, if nobody says."""


@dataclass(frozen=True)
class InstallRequest:
    """What is installed, and from where."""

    repository: str
    app: str
    """The name of the application layer."""
    channel: str = "stable"
    name: str | None = None
    """Of the stack; None: that of the application."""
    platform: str | None = None
    """None: this machine's."""
    root: str | None = None
    """A file with a root, or ``sha256:...`` or ``ed25519:...``."""
    allow_unsigned: bool = False
    allow_expired: bool = False
    version: str | None = None
    """None: what the channel points at."""
    keep: int = KEPT
    manifest: str | None = None
    """``sha256:...`` of the manifest of a folder of archives."""


@dataclass(frozen=True)
class Change:
    """What became of an application."""

    app: str
    version: str
    generation: int
    changed: bool
    """False: it was there already."""


@dataclass(frozen=True)
class Checked:
    """What the channel of an application points at."""

    app: str
    version: str
    installed: str
    """The version that is started now."""
    changed: bool
    """Whether an update would change something."""


def install(
    folder: Path, request: InstallRequest, report: Report = silent, disk: Disk | None = None
) -> Change:
    """Install an application, or the newest version of one that is there.

    Raises DeploymentError, RepositoryError, StoreError and OSError. What was there is then as it
    was before.
    """
    disk = disk or Disk()
    _check_names(request)
    check_keep(request.keep)
    url = _url(request.repository)
    here = _here(named_layout(folder), disk, report)
    # Before a folder is made for something that nobody can install.
    source = found_source(
        Settings(
            without_credentials(url),
            request.name or request.app,
            request.channel,
            request.platform or machine_platform(),
            request.allow_unsigned,
            manifest=request.manifest,
        ),
        request.app,
        here,
        url,
        root=request.root,
    )
    settings, pin = source.settings, request.root
    pinned = None if pin is None else _pinned(pin, source)
    layout = made_layout(folder, disk)
    with changing(layout, disk, lambda: report("waiting", folder=str(layout.folder))):
        generations = Generations(layout, request.app)
        was = known_settings(generations)
        before = believed(generations, was, settings)
        trust = before.of_channel(settings, was)
        if pinned is not None:
            trust = replace(trust, root=pinned).without_damage_of(ROOT)
        trust.refuse_damaged(generations.folder)
        source.refuse_unverified(trust)
        offer = source.offer(trust, version=request.version, allow_expired=request.allow_expired)
        disk.keep_folder(str(generations.folder))
        change = _brought(source, offer, generations, here, report)
        # Beside each other: what fails before leaves both as they were. Trust first, because an
        # install that comes after a crash then begins with the old settings, as this one did.
        offer.trust.write(generations.folder, before, disk)
        text = settings.to_json().encode("utf-8")
        path = generations.folder / SETTINGS
        if not path.is_file() or path.read_bytes() != text:
            disk.replace(str(path), text)
        switched(change, generations, disk, report, request.keep)
    return change


def update(
    folder: Path,
    app: str | None = None,
    report: Report = silent,
    disk: Disk | None = None,
    *,
    version: str | None = None,
    allow_expired: bool = False,
    keep: int = KEPT,
) -> Change:
    """Bring an application to what its channel points at, or to a `version` of its history.

    Raises DeploymentError, RepositoryError, StoreError and OSError. What was there is then as it
    was before.
    """
    disk = disk or Disk()
    check_keep(keep)
    layout = opened_layout(folder)
    app = chosen_app(layout, app)
    with (
        changing(layout, disk, lambda: report("waiting", folder=str(layout.folder))),
        _nothing_named(version),
    ):
        generations = Generations(layout, app)
        here = _here(layout, disk, report)
        source, offer = _offered(generations, here, version=version, allow_expired=allow_expired)
        change = _brought(source, offer, generations, here, report)
        switched(change, generations, disk, report, keep)
    return change


def check(
    folder: Path,
    app: str | None = None,
    report: Report = silent,
    disk: Disk | None = None,
    *,
    version: str | None = None,
    allow_expired: bool = False,
) -> Checked:
    """Ask what an update would install, and keep nothing but what was seen of the channel.

    Where the installation may not be written, nothing at all is kept.

    Raises DeploymentError, RepositoryError, StoreError and OSError.
    """
    disk = disk or Disk()
    layout = opened_layout(folder)
    app = chosen_app(layout, app)
    with (
        _nothing_named(version),
        looking(layout, disk, lambda: report("waiting", folder=str(layout.folder))) as may_write,
    ):
        generations = Generations(layout, app)
        here = _here(layout, disk, report)
        if not may_write:
            here = replace(here, documents=Documents(layout, disk, in_memory=True))
        _, offer = _offered(
            generations, here, version=version, allow_expired=allow_expired, keep=may_write
        )
        number = generations.current
        if number not in generations.numbers:
            raise DamagedInstallationError(
                f"`{app}` has no generation {number}, which is to be started.",
                ["`venvstacks-deploy repair` chooses another one"],
            )
        installed = generations.read(number)
        checked = Checked(
            app, offer.key.version, installed.version, installed.manifest != offer.manifest
        )
    if checked.changed:
        report("available", app=app, version=checked.version, installed=checked.installed)
    else:
        report("unchanged", **as_event(installed, number))
    return checked


def machine_platform() -> str:
    """The target platform of this machine."""
    import platform
    import sys

    from venvstacks_rules.model.platforms.machines import MACHINE_PLATFORMS, machine_platform_name

    found = machine_platform_name(sys.platform, platform.machine())
    if found is None:
        raise DeploymentError(
            f"There are no layers for {sys.platform} on {platform.machine().lower()}.",
            [f"name one of {', '.join(MACHINE_PLATFORMS)} with `--platform`"],
        )
    return found


def known_settings(generations: Generations) -> Settings | None:
    """Where an application comes from; None if it is not here, or the file is damaged."""
    try:
        return generations.settings()
    except DeploymentError:
        return None


def believed(generations: Generations, was: Settings | None, settings: Settings) -> Trust:
    """What is believed of an application that is going to have `settings`, and has `was`.

    If those are lost, what has to be there is judged by the new ones: a lost file must not hide
    that others are lost with it.
    """
    is_there = generations.app in generations.layout.app_names()
    return Trust.read(generations.folder, was or (settings if is_there else None))


def _offered(
    generations: Generations,
    here: Here,
    *,
    version: str | None,
    allow_expired: bool,
    keep: bool = True,
) -> tuple[Source, Offer]:
    """What the channel of an installed application offers; `keep` what was seen of it."""
    settings = generations.settings()
    source = known_source(settings, generations.app, here)
    trust = Trust.read(generations.folder, settings)
    trust.refuse_damaged(generations.folder)
    source.refuse_unverified(trust)
    offer = source.offer(trust, version=version, allow_expired=allow_expired)
    if keep:
        offer.trust.write(generations.folder, trust, here.disk)
    return source, offer


def _pinned(pin: str, source: Source) -> TrustedRoot:
    """The root that an option names; WrongOptionError if it does not name one."""
    kind, colon, value = pin.partition(":")
    by_hash = bool(colon) and kind in ("sha256", "ed25519")
    try:
        return pinned_root(pin, source.repository.store)
    except RepositoryError as e:
        if by_hash and is_sha256_hex(value.lower()):
            # It does, and the repository has another one.
            raise
        raise WrongOptionError(e.summary, e.problems) from None


@contextmanager
def _nothing_named(version: str | None) -> Iterator[None]:
    """Blame the repository for what it lacks, where no option names it."""
    try:
        yield
    except WrongOptionError as e:
        if version is not None:
            raise
        raise RepositoryError(e.summary, e.problems) from None


def _url(repository: str) -> str:
    """The URL of a repository, which may also be the path of a folder."""
    folder = Path(repository)
    is_path = "://" not in repository and folder.is_dir()
    return folder.resolve().as_uri() if is_path else repository


def _here(layout: Layout, disk: Disk, report: Report) -> Here:
    return Here(layout, Documents(layout, disk), disk, lambda text: report("note", text=text))


def _brought(
    source: Source, offer: Offer, generations: Generations, here: Here, report: Report
) -> Change:
    """Have what is offered as a generation."""
    for note in offer.notes:
        report("note", text=note)
    layout, documents, disk = here.layout, here.documents, here.disk
    found = _there(offer, generations, documents)
    if found is not None:
        current = found == _current(generations)
        return Change(generations.app, offer.key.version, found, not current)
    stack = source.parsed(offer, documents.read(offer.manifest, lambda: source.manifest(offer)))
    layers = wanted_layers(stack, generations.app, source.repository, documents)
    known = known_layers(everywhere(layout, generations), documents)
    builder = Builder(generations, documents, disk, report)
    number = builder.build(stack, offer.manifest, layers, known, source.repository)
    return Change(generations.app, stack.version, number, changed=True)


def _there(offer: Offer, generations: Generations, documents: Documents) -> int | None:
    """A generation that is what is offered; another than the current one has to be sound."""
    current = _current(generations)
    for number, generation in generations.usable():
        if generation.manifest != offer.manifest:
            continue
        if not generation.is_ready(str(generations.layers(number))):
            continue
        if number == current or not damage_of(generations, number, documents):
            return number
    return None


def _current(generations: Generations) -> int | None:
    try:
        return generations.current
    except DeploymentError:
        # There is none, or the file that says it is damaged: it is written again.
        return None


def switched(
    change: Change, generations: Generations, disk: Disk, report: Report, keep: int
) -> None:
    """Have a change be what is started, say so, and remove what is too old."""
    number = change.generation
    if change.changed:
        generations.switch(number, disk)
        report("installed", **as_event(generations.read(number), number))
        remove_old(generations.layout, keep, disk, report, app=generations.app)
    else:
        report("unchanged", **as_event(generations.read(number), number))


def everywhere(layout: Layout, first: Generations) -> Sequence[Generations]:
    """The generations of all applications, those of one first."""
    others = (Generations(layout, name) for name in layout.app_names() if name != first.app)
    return (first, *others)


def _check_names(request: InstallRequest) -> None:
    problems = [
        f"{option} {value!a}: {name_problem(value)}"
        for option, value in (
            ("--app", request.app),
            ("--channel", request.channel),
            ("--name", request.name or request.app),
            ("--platform", request.platform or "any"),
        )
        if name_problem(value)
    ]
    if problems:
        raise MisusedError("The names cannot be used.", problems)

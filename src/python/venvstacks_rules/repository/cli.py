"""The console script ``venvstacks-repository``. See docs/reference/repository-commands.md.

Exit codes: 0 done; 1 the repository or the request is not right, with the reason on standard error;
2 wrong usage; 3 a bug of ours, with a stack trace. Each command imports what it needs.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Callable, Protocol

from venvstacks_rules.model.errors import RepositoryError, VenvstacksError
from venvstacks_rules.model.wording import printable
from venvstacks_rules.repository.arguments import URL_VARIABLE, parsed
from venvstacks_rules.repository.reading.repository import Repository
from venvstacks_rules.repository.stores.store import UrlError

if TYPE_CHECKING:
    from venvstacks_rules.repository.publishing.channels import Signing
    from venvstacks_rules.repository.trust.command_line import Outcome

# What a shell makes of SIGINT.
_INTERRUPTED = 130
_MISUSED, _BUG = 2, 3


class Result(Protocol):
    """What a command found or did."""

    def to_dict(self) -> dict[str, Any]:
        """For programs."""

    def lines(self) -> Iterator[str]:
        """For people."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; `argv` is without the program's name, by default that of the process."""
    words = sys.argv[1:] if argv is None else list(argv)
    # Those about keys load libraries of their own.
    options = parsed(words) if words and words[0] in _COMMANDS else parsed(words, _add_others)
    try:
        result, code = _COMMANDS.get(options.command, _of_trust)(options)
        _print(result, as_json=options.json)
    except VenvstacksError as e:
        print(f"error: {e}", file=sys.stderr)
        return _MISUSED if isinstance(e, UrlError) else 1
    except BrokenPipeError:
        # The reader has seen enough, as `head` has; nothing can be written at the end either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as e:
        where = f"`{e.filename}`: " if e.filename else ""
        print(f"error: {printable(f'{where}{e.strerror or e}')}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    except Exception as e:  # noqa: BLE001 - nothing of it can be mended by a user
        import traceback  # noqa: PLC0415

        traceback.print_exc()
        print(
            f"error: this is a bug of venvstacks_rules: {type(e).__name__}: {e}\n"
            "Please report it, with the lines above.",
            file=sys.stderr,
        )
        return _BUG
    return code


def _add_others(commands: Any) -> None:
    from venvstacks_rules.repository.trust.command_line import add_trust_commands  # noqa: PLC0415

    add_trust_commands(commands)


def _print(result: Result, *, as_json: bool) -> None:
    if as_json:
        import json  # noqa: PLC0415

        text = json.dumps(result.to_dict(), indent=2)
    else:
        text = "\n".join(map(printable, result.lines()))
    print(text, flush=True)


@contextlib.contextmanager
def _opened(url: str) -> Iterator[Repository]:
    from venvstacks_rules.repository.stores.opened import opened  # noqa: PLC0415

    store = opened(url)
    try:
        yield Repository(store)
    finally:
        store.close()


@contextlib.contextmanager
def _repository(options: argparse.Namespace) -> Iterator[Repository]:
    """The repository of a command, which has to be there."""
    url = options.repository or os.environ.get(URL_VARIABLE, "")
    if not url:
        raise UrlError(
            "It is not said which repository. Add `--repository URL`, or set the environment "
            f"variable {URL_VARIABLE}."
        )
    with _opened(url) as repository:
        if not repository.check_format():
            raise RepositoryError(
                f"{repository.url}: there is no repository.",
                ["`repository.json` is missing; the first publish writes it"],
            )
        yield repository


def _list(options: argparse.Namespace) -> tuple[Result, int]:
    from venvstacks_rules.repository.upkeep.overview import overview  # noqa: PLC0415

    with _repository(options) as repository:
        return overview(repository), 0


def _show(options: argparse.Namespace) -> tuple[Result, int]:
    from venvstacks_rules.repository.upkeep.details import details  # noqa: PLC0415
    from venvstacks_rules.repository.upkeep.selection import find_version  # noqa: PLC0415

    with _repository(options) as repository:
        version = find_version(repository, options.version, options.platform)
        return details(repository, version), 0


def _diff(options: argparse.Namespace) -> tuple[Result, int]:
    from venvstacks_rules.repository.upkeep.comparison import comparison  # noqa: PLC0415
    from venvstacks_rules.repository.upkeep.selection import find_version  # noqa: PLC0415

    with _repository(options) as repository:
        before = find_version(repository, [options.before], options.platform)
        after = find_version(repository, [options.after], options.platform)
        return comparison(repository, before, after), 0


def _verify(options: argparse.Namespace) -> tuple[Result, int]:
    from venvstacks_rules.repository.upkeep.verification import verification  # noqa: PLC0415

    with _repository(options) as repository:
        result = verification(repository, remove_damaged=options.remove_damaged)
        return result, 0 if result.is_whole else 1


def _promote(options: argparse.Namespace) -> tuple[Result, int]:
    from venvstacks_rules.repository.publishing.leases import publisher_lease  # noqa: PLC0415
    from venvstacks_rules.repository.upkeep.promotion import promoted  # noqa: PLC0415
    from venvstacks_rules.repository.upkeep.selection import find_version  # noqa: PLC0415
    from venvstacks_rules.repository.upkeep.vouching import known_manifests  # noqa: PLC0415

    known = known_manifests(options.manifest)
    with _repository(options) as repository:
        # A mistake needs no lease.
        find_version(repository, options.version, options.platform)
        trusting, signing = _signing(options, repository)
        with publisher_lease(repository.store, waiting=_tell) as held:
            version = find_version(repository, options.version, options.platform)
            result = promoted(
                trusting,
                version,
                options.channel,
                held,
                signing,
                known=known,
                tell=_tell if options.deltas else None,
            )
            return result, 0


def _rollback(options: argparse.Namespace) -> tuple[Result, int]:
    from venvstacks_rules.repository.publishing.leases import publisher_lease  # noqa: PLC0415
    from venvstacks_rules.repository.upkeep.promotion import rolled_back  # noqa: PLC0415

    with _repository(options) as repository:
        trusting, signing = _signing(options, repository)
        with publisher_lease(repository.store, waiting=_tell) as held:
            result = rolled_back(
                trusting,
                options.channel,
                held,
                version=options.version,
                name=options.stack,
                platforms=options.platform,
                signing=signing,
            )
            return result, 0


def _signing(options: argparse.Namespace, repository: Repository) -> tuple[Repository, Signing]:
    """How records are signed, as clients of the repository's root believe it.

    With a reader of the repository that refuses records which nobody signed: a signature covers
    what an earlier record says.
    """
    from venvstacks_rules.repository.publishing.channels import UNSIGNED, Signing  # noqa: PLC0415
    from venvstacks_rules.repository.trust.channels import expiry, publisher  # noqa: PLC0415
    from venvstacks_rules.repository.trust.pins import chosen_root  # noqa: PLC0415

    store = repository.store
    who = publisher(store, options.key, os.environ, chosen_root(options.root, options.pin, store))
    signing = Signing(who.sign, expiry(options.days)) if who.signs else UNSIGNED
    return Repository(store, who.read), signing


def _prune(options: argparse.Namespace) -> tuple[Result, int]:
    from venvstacks_rules.repository.publishing.leases import prune_lock  # noqa: PLC0415
    from venvstacks_rules.repository.upkeep.pruning import planned_pruning, pruned  # noqa: PLC0415

    with _repository(options) as repository:
        if not options.apply:
            return planned_pruning(repository, options.keep, options.grace), 0
        with prune_lock(repository.store) as held:
            return pruned(repository, options.keep, options.grace, held), 0


def _export_archives(options: argparse.Namespace) -> tuple[Result, int]:
    from venvstacks_rules.repository.upkeep.export import exported  # noqa: PLC0415
    from venvstacks_rules.repository.upkeep.selection import find_version  # noqa: PLC0415

    with _repository(options) as repository:
        version = find_version(repository, options.version, options.platform)
        return exported(repository, version, options.into), 0


def _mirror(options: argparse.Namespace) -> tuple[Result, int]:
    from venvstacks_rules.repository.publishing.leases import publisher_lease  # noqa: PLC0415
    from venvstacks_rules.repository.upkeep.mirroring import (  # noqa: PLC0415
        check_source,
        mirrored,
    )
    from venvstacks_rules.repository.upkeep.selection import named_channel  # noqa: PLC0415

    channels = [named_channel(name) for name in options.channel]

    with _opened(options.source) as source, _opened(options.target) as target:
        check_source(source)
        with publisher_lease(target.store, waiting=_tell) as held:
            result = mirrored(source, target, held, channels)
            return result, 1 if result.left else 0


class _Said:
    """What a command about keys says."""

    def __init__(self, outcome: Outcome) -> None:
        self._outcome = outcome

    def to_dict(self) -> dict[str, Any]:
        return dict(self._outcome.data)

    def lines(self) -> Iterator[str]:
        return iter(self._outcome.lines)


def _of_trust(options: argparse.Namespace) -> tuple[Result, int]:
    outcome = options.run(options, os.environ)
    return _Said(outcome), outcome.exit_code


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


_COMMANDS: dict[str, Callable[[argparse.Namespace], tuple[Result, int]]] = {
    "list": _list,
    "show": _show,
    "diff": _diff,
    "verify": _verify,
    "promote": _promote,
    "rollback": _rollback,
    "prune": _prune,
    "export-archives": _export_archives,
    "mirror": _mirror,
}

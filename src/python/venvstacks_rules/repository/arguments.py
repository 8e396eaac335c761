"""The arguments of ``venvstacks-repository``, and what its ``--help`` says."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

PROGRAM = "venvstacks-repository"
URL_VARIABLE = "VENVSTACKS_REPOSITORY"

_DESCRIPTION = """\
Look after a repository of layers: see what it has, move its channels, remove what nobody needs.

A repository has versions of stacks, each for some platforms. A channel (`stable`, say) points at
one version; those who follow the channel get it. Everything else never changes.
"""

_EPILOG = f"""\
Begin with these:

  export {URL_VARIABLE}=file:///srv/layers
  {PROGRAM} list
  {PROGRAM} show release@1.1
  {PROGRAM} diff release@1.0 release@1.1
  {PROGRAM} promote release@1.1 --channel stable
  {PROGRAM} rollback --channel stable

`{PROGRAM} COMMAND --help` explains a command.

Exit codes: 0 done; 1 something is wrong with the repository or cannot be done, with the reason on
standard error; 2 wrong usage.
"""

_VERSION_HELP = "`NAME@VERSION`, `NAME VERSION`, or `VERSION` if only one stack has it"
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 24 * 3600}


def duration(text: str) -> float:
    """A duration in seconds: `90s`, `30m`, `24h`, `7d`."""
    found = re.fullmatch(r"([0-9]{1,9})([smhd])", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"`{text}` is no duration; write 90s, 30m, 24h or 7d")
    return float(found[1]) * _UNITS[found[2]]


def count(text: str) -> int:
    """A number from 1 on."""
    if re.fullmatch(r"[0-9]{1,9}", text) is None or int(text) < 1:
        raise argparse.ArgumentTypeError(f"`{text}` is no number from 1 on")
    return int(text)


def parsed(argv: Sequence[str], more: Callable[[Any], None] = lambda _: None) -> argparse.Namespace:
    """The options of a command line; SystemExit with 2 for wrong usage.

    `more` adds commands of others to the parser.
    """
    made = parser(more)
    options = made.parse_args(argv)
    if isinstance(getattr(options, "version", ""), list) and len(options.version) > 2:
        made.error("VERSION has one or two words: NAME@VERSION, NAME VERSION, or VERSION")
    return options


def parser(more: Callable[[Any], None] = lambda _: None) -> argparse.ArgumentParser:
    """The parser of all commands; the one that was chosen is in `command`.

    `more` adds the commands of others.
    """
    made = argparse.ArgumentParser(
        prog=PROGRAM,
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = made.add_subparsers(
        dest="command", metavar="COMMAND", required=True, parser_class=_Command
    )
    _add_looks(commands)
    _add_moves(commands)
    _add_copies(commands)
    more(commands)
    return made


class _Command(argparse.ArgumentParser):
    """The parser of a command, with the options that all of them have."""

    def __init__(self, **settings: Any) -> None:
        has_url = settings.pop("has_url", False)
        settings.setdefault("description", settings.pop("text", None))
        super().__init__(
            formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **settings
        )
        if has_url:
            self.add_argument(
                "--repository",
                metavar="URL",
                help=f"the repository; by default the environment variable {URL_VARIABLE}",
            )
        self.add_argument("--json", action="store_true", help="print JSON for programs")

    def add_version(self) -> None:
        self.add_argument("version", nargs="+", metavar="VERSION", help=_VERSION_HELP)

    def add_platform(self, text: str) -> None:
        self.add_argument(
            "--platform",
            action="append",
            default=[],
            metavar="PLATFORM",
            help=f"{text}; repeatable",
        )


def _add_looks(commands: Any) -> None:
    commands.add_parser(
        "list",
        has_url=True,
        help="the versions, channels and layers that there are",
        text="Show the versions of each stack, where channels point, and the layers, with sizes.",
    )
    show = commands.add_parser(
        "show",
        has_url=True,
        help="what a version consists of",
        text="Show the layers of a version, their packages and documents, and where they lie.",
        epilog=f"Example:\n  {PROGRAM} show release@1.1 --platform linux_x86_64",
    )
    show.add_version()
    show.add_platform("only this platform")
    diff = commands.add_parser(
        "diff",
        has_url=True,
        help="what is between two versions",
        text=(
            "Show the packages that an update adds, removes and changes, and the bytes that it\n"
            "moves: the new segments of which the old version lacks a file, and the lists that\n"
            "describe them."
        ),
        epilog=f"Example:\n  {PROGRAM} diff release@1.0 release@1.1 --json",
    )
    diff.add_argument("before", metavar="A", help="`NAME@VERSION` or `VERSION`")
    diff.add_argument("after", metavar="B", help="the same")
    diff.add_platform("only this platform")
    verify = commands.add_parser(
        "verify",
        has_url=True,
        help="read everything, and say what is missing or damaged",
        text=(
            "Read every file and compare its hash. What is missing or damaged is listed, with\n"
            "what needs it, and the exit code is 1. Blobs that nothing names are counted."
        ),
    )
    verify.add_argument(
        "--remove-damaged",
        action="store_true",
        help="remove blobs, indexes and manifests whose bytes have another hash: what is there is"
        " never stored again; a publish with `--venvstacks-publish-thorough`, or `mirror` from a"
        " copy, brings them back then; deltas that nobody can use; and records that nobody can"
        " read, which only `mirror` brings back as they were",
    )


def _add_moves(commands: Any) -> None:
    promote = commands.add_parser(
        "promote",
        has_url=True,
        help="point a channel at a version",
        text=(
            "Point a channel at a version, on all platforms of the version. The version has to be\n"
            "there with all its blobs. If somebody else moves the channel at the same time, only\n"
            "one of you does. Deltas are made of large segments that change, as by a publish."
        ),
        epilog=f"Example:\n  {PROGRAM} promote release@1.1 --channel stable",
    )
    promote.add_version()
    _add_channel(promote)
    promote.add_argument(
        "--manifest",
        action="append",
        default=[],
        metavar="FILE",
        help="the manifest that is right: the file that `package` wrote, or its `sha256:...`; for a"
        " version that no signed record names; repeatable, one for each platform",
    )
    promote.add_argument("--no-deltas", dest="deltas", action="store_false", help="make no deltas")
    _add_keys(promote)
    promote.add_platform("move it for this platform only")
    rollback = commands.add_parser(
        "rollback",
        has_url=True,
        help="point a channel at an older version again",
        text=(
            "Point a channel at a version that it had before. That is a new record with a higher\n"
            "number, so that everybody who follows the channel takes it; `promote` goes forward."
        ),
        epilog=(
            f"Examples:\n  {PROGRAM} rollback --channel stable\n"
            f"  {PROGRAM} rollback release@1.0 --channel stable"
        ),
    )
    rollback.add_argument(
        "version",
        nargs="?",
        default="",
        metavar="VERSION",
        help="`NAME@VERSION` or `VERSION`; by default the one before",
    )
    _add_channel(rollback)
    _add_keys(rollback)
    rollback.add_argument(
        "--stack", default="", metavar="NAME", help="the stack, if several have the channel"
    )
    rollback.add_platform("move it for this platform only")
    prune = commands.add_parser(
        "prune",
        has_url=True,
        help="remove what no channel needs",
        text=(
            "Say what could be removed, and remove it with --apply. Kept are the versions that\n"
            "channels point at, the newest versions of each stack and of each layer that is in no\n"
            "stack, and everything that is younger than the grace period. While a publish runs,\n"
            "nothing is removed."
        ),
        epilog=f"Example:\n  {PROGRAM} prune --keep 5 --apply",
    )
    prune.add_argument(
        "--keep", type=count, required=True, metavar="N", help="how many versions stay"
    )
    prune.add_argument(
        "--grace",
        type=duration,
        default=duration("24h"),
        metavar="TIME",
        help="keep what is younger, like 90s, 30m, 24h or 7d (default: 24h)",
    )
    prune.add_argument("--apply", action="store_true", help="remove it")


def _add_copies(commands: Any) -> None:
    export = commands.add_parser(
        "export-archives",
        has_url=True,
        help="write the archives of a version",
        text=(
            "Write the archives of a version, and the files beside them, as `package` writes them\n"
            "for the stack: into a folder for each platform."
        ),
        epilog=f"Example:\n  {PROGRAM} export-archives release@1.1 --into dist",
    )
    export.add_version()
    export.add_argument(
        "--into", type=Path, required=True, metavar="DIR", help="the folder to write to"
    )
    export.add_platform("only this platform")
    mirror = commands.add_parser(
        "mirror",
        help="copy to another repository what it lacks",
        text=(
            "Copy all versions, layers and channels of one repository to another, without what is\n"
            "there already. Records are copied as they are, with their signatures, and come last."
        ),
        epilog=(
            f"Examples:\n  {PROGRAM} mirror s3://layers/assistant file:///srv/layers\n"
            f"  {PROGRAM} mirror https://layers.example.com file:///srv/layers \\\n"
            "    --channel release/stable/linux_x86_64"
        ),
    )
    mirror.add_argument("source", metavar="FROM", help="the URL of the repository to copy")
    mirror.add_argument("target", metavar="TO", help="the URL of the copy; it may be empty")
    mirror.add_argument(
        "--channel",
        action="append",
        default=[],
        metavar="NAME/CHANNEL/PLATFORM",
        help="only what this channel points at, as of a web server, which cannot list what it has;"
        " repeatable",
    )


def _add_channel(command: argparse.ArgumentParser) -> None:
    command.add_argument("--channel", required=True, metavar="CHANNEL", help="the channel")


def _add_keys(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--key",
        action="append",
        default=[],
        metavar="KEY",
        help="sign the record with a key: a file, `envvar:NAME`, or the URI of a key service with "
        "`#FILE.pub`; repeatable",
    )
    command.add_argument(
        "--days",
        type=count,
        default=30,
        metavar="N",
        help="a signed record expires in so many days (default: 30)",
    )
    add_root(command)


def add_root(command: argparse.ArgumentParser) -> None:
    """Add `--root` and `--pin`, of which one may be there."""
    pin = command.add_mutually_exclusive_group()
    pin.add_argument("--root", type=Path, metavar="FILE", help="a root that is believed")
    pin.add_argument(
        "--pin", metavar="PIN", help="`sha256:...` of the first root, or `ed25519:...` of its key"
    )

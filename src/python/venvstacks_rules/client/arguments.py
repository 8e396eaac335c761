"""The arguments of ``venvstacks-deploy``, and its help."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from venvstacks_rules.client.exits import EXITS
from venvstacks_rules.model.product import VERSION

_EPILOG = """\
examples:
  venvstacks-deploy install --from https://apps.example.com/layers --app app-hello \\
      --root root.json --into ~/apps
  venvstacks-deploy run --into ~/apps app-hello -- --help
  venvstacks-deploy update --into ~/apps
  venvstacks-deploy rollback --into ~/apps

Each version is complete in a folder of its own, a generation, and shares files with the others. An
update makes a new generation beside the old one, checks it, and switches. Programs that run keep
theirs. A command can be ended at any moment: the next one goes on.
"""


def parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    main_parser = argparse.ArgumentParser(
        prog="venvstacks-deploy",
        description="Install applications from a repository of layers, and keep them up to date.",
        epilog=_EPILOG + "\nexit codes:\n" + "\n".join(f"  {c:<4} {t}" for c, t in EXITS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    main_parser.add_argument("--version", action="version", version=VERSION)
    commands = main_parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    _add_install(commands)
    _add_update(commands)
    _add_others(commands)
    _add_bundle(commands)
    _add_run(commands)
    return main_parser


def _command(
    commands: Any, name: str, text: str, description: str, *, app: bool = True
) -> argparse.ArgumentParser:
    added: argparse.ArgumentParser = commands.add_parser(
        name, help=text, description=f"{text[0].upper()}{text[1:]}. {description}"
    )
    added.add_argument(
        "--into", required=True, type=Path, metavar="DIR", help="the folder of the installation"
    )
    added.add_argument(
        "--json", action="store_true", help="tell what happens as JSON, one object a line"
    )
    if app:
        added.add_argument(
            "app", nargs="?", metavar="APP", help="the application (default: the only one)"
        )
    return added


def _add_install(commands: Any) -> None:
    install = _command(
        commands,
        "install",
        "install an application, or change where its updates come from",
        "Only the layers that the application needs are fetched. Run it again to follow another "
        "channel or repository.",
        app=False,
    )
    install.add_argument(
        "--from",
        dest="repository",
        required=True,
        metavar="REPOSITORY",
        help="the URL of a repository, or of a folder of archives as `package` writes it: "
        "file://, https://, s3:// and others; credentials are taken from the environment",
    )
    install.add_argument("--app", required=True, help="the name of the application's layer")
    install.add_argument("--channel", default="stable", help="(default: stable)")
    install.add_argument(
        "--name", help="the name of the stack, if it is not that of the application"
    )
    install.add_argument("--platform", help="such as linux_x86_64 (default: this machine's)")
    trust = install.add_mutually_exclusive_group()
    trust.add_argument(
        "--root",
        metavar="ROOT",
        help="whose signatures are believed: the file of a root, `sha256:` and its hash, or "
        "`ed25519:` and a key that signed it",
    )
    trust.add_argument(
        "--manifest",
        metavar="HASH",
        help="`sha256:` and the hash of the manifest of a folder of archives: nothing else is "
        "believed",
    )
    trust.add_argument(
        "--allow-unsigned",
        action="store_true",
        help="believe what has no signatures: whoever can change it decides what runs here",
    )
    _add_versions(install)


def _add_update(commands: Any) -> None:
    update = _command(
        commands,
        "update",
        "bring an application to the version that its channel points at",
        "Only what is not here is fetched. Without a newer version, that is one question.",
    )
    update.add_argument(
        "--check", action="store_true", help="only say whether there is another version"
    )
    _add_versions(update)


def _add_versions(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--version", help="a version of the channel's history (default: the current one)"
    )
    command.add_argument(
        "--allow-expired",
        action="store_true",
        help="believe a record that has expired, for a copy of a repository that is used offline; "
        "an older one than was seen before is never believed",
    )
    command.add_argument(
        "--keep",
        type=int,
        default=3,
        metavar="N",
        help="how many generations stay (default: 3); those that run stay in any case",
    )


def _add_others(commands: Any) -> None:
    rollback = _command(
        commands,
        "rollback",
        "go back to the generation before",
        "Nothing is fetched. The next `update` goes forward again.",
    )
    rollback.add_argument("--to", type=int, metavar="N", help="the number of a generation")
    for name, text, description in (
        (
            "verify",
            "read all files, and name those that changed, are missing, or do not belong there",
            "Changes nothing, and needs no network.",
        ),
        (
            "repair",
            "have all files again as they were installed",
            "Only what is damaged is fetched. It also makes an installation ready that was moved "
            "to another folder.",
        ),
    ):
        command = _command(commands, name, text, description)
        command.add_argument(
            "--all", action="store_true", dest="every", help="old generations as well"
        )
        if name == "repair":
            command.add_argument(
                "--remove-extra",
                action="store_true",
                help="remove files that do not belong there; without, they are named only",
            )
            command.add_argument(
                "--forget-seen",
                action="store_true",
                help="where `seen.json` is damaged, begin a new one: an older version than was "
                "seen before is then believed once, if its record has not expired",
            )
    gc = _command(
        commands,
        "gc",
        "remove old generations",
        "What runs, and what is started next, stays.",
        app=False,
    )
    gc.add_argument(
        "--keep", type=int, default=1, metavar="N", help="how many of each stay (default: 1)"
    )
    _command(commands, "list", "show applications and generations, with their sizes", "", app=False)
    _command(
        commands,
        "uninstall",
        "remove an application",
        "With the last one, the folder goes as well.",
    )


def _add_bundle(commands: Any) -> None:
    bundle = _command(
        commands,
        "install-bundle",
        "install what an installer brings",
        "This is what installers themselves start.",
        app=False,
    )
    bundle.add_argument("bundle", type=Path, metavar="FILE", help="the installer")
    bundle.add_argument("--at", type=int, default=0, metavar="N", help="where its payload begins")
    bundle.add_argument("--sha256", metavar="HASH", help="of the payload; it is checked first")
    bundle.add_argument("--unpacked", type=Path, metavar="DIR", help="layers it has unpacked")


def _add_run(commands: Any) -> None:
    run = _command(
        commands,
        "run",
        "start an application",
        "It takes the place of this process. What stands behind `--` is for the application.",
    )
    run.add_argument("arguments", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)

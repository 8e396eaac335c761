"""The command line, ``venvstacks-deploy``.

Exit codes are those of `exits.EXITS`; ``run`` has that of the application.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from venvstacks_rules.client.arguments import parser
from venvstacks_rules.client.exits import DAMAGED, DONE, FAILED, INTERRUPTED, failure
from venvstacks_rules.client.terminal import Lines, Output, Printer, json_lines, say
from venvstacks_rules.model.errors import VenvstacksError


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line says; the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    own, more = arguments, []
    if "--" in arguments:
        at = arguments.index("--")
        own, more = arguments[:at], arguments[at + 1 :]
    options = _parsed(own)
    printer: Printer = json_lines() if options.json else Lines()
    code = _done(options, more, printer)
    if printer.out.lost:
        # Somebody wants to read it, and has only a part.
        only_tells = options.command in ("list", "verify") or getattr(options, "check", False)
        lost = _lost(printer.out)
        return lost if only_tells and code == DONE else code
    return code


def _lost(out: Output) -> int:
    """Say that a part of the output is lost, if somebody wants to read it; the exit code then."""
    if not out.lost:
        return DONE
    say(f"note: standard output: {out.lost}. What was printed is not complete.")
    return FAILED


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    try:
        return parser().parse_args(arguments)
    except OSError as e:
        # Nobody wants to read the help, or there is no room for it.
        out = Output(sys.stdout)
        out.end(e)
        raise SystemExit(_lost(out)) from None
    except SystemExit:
        out = Output(sys.stdout)
        out.write("")
        if out.lost:
            raise SystemExit(_lost(out)) from None
        raise


def _done(options: argparse.Namespace, more: Sequence[str], printer: Printer) -> int:
    """Do it; the exit code, whether somebody could read what was printed or not."""
    try:
        _keep_own_generation()
        return _run(options, more, printer)
    except KeyboardInterrupt:
        printer.error("Interrupted. The next command goes on.", INTERRUPTED)
        return INTERRUPTED
    except (VenvstacksError, OSError) as e:
        code, text = failure(e, options.into)
        printer.error(text, code)
        return code


def _keep_own_generation() -> None:
    # Only a client that is a layer needs the names, which take time to import.
    if f"{os.sep}layers{os.sep}" in __file__:
        from venvstacks_rules.client.installation.own import held_generation

        held_generation(__file__)


def _run(options: argparse.Namespace, more: Sequence[str], printer: Printer) -> int:
    command = options.command
    if command == "run":
        from venvstacks_rules.client.commands.starting import run

        return run(options.into, options.app, [*options.arguments, *more])
    if more:
        parser().error(f"unrecognized arguments: {' '.join(more)}")
    return _COMMANDS[command](options, printer)


def _install(options: argparse.Namespace, printer: Printer) -> int:
    from venvstacks_rules.client.commands.updating import InstallRequest, install

    request = InstallRequest(
        options.repository,
        options.app,
        options.channel,
        options.name,
        options.platform,
        options.root,
        options.allow_unsigned,
        options.allow_expired,
        options.version,
        options.keep,
        options.manifest,
    )
    install(options.into, request, printer.report)
    return DONE


def _update(options: argparse.Namespace, printer: Printer) -> int:
    from venvstacks_rules.client.commands.updating import check, update

    if options.check:
        check(
            options.into,
            options.app,
            printer.report,
            version=options.version,
            allow_expired=options.allow_expired,
        )
        return DONE
    update(
        options.into,
        options.app,
        printer.report,
        version=options.version,
        allow_expired=options.allow_expired,
        keep=options.keep,
    )
    return DONE


def _rollback(options: argparse.Namespace, printer: Printer) -> int:
    from venvstacks_rules.client.commands.tidying import rollback

    rollback(options.into, options.app, printer.report, number=options.to)
    return DONE


def _verify(options: argparse.Namespace, printer: Printer) -> int:
    from venvstacks_rules.client.commands.checking import verify

    found = verify(options.into, options.app, printer.report, every=options.every)
    return DAMAGED if any(one.damage for one in found) else DONE


def _repair(options: argparse.Namespace, printer: Printer) -> int:
    from venvstacks_rules.client.commands.repairing import repair

    found = repair(
        options.into,
        options.app,
        printer.report,
        every=options.every,
        remove_extra=options.remove_extra,
        forget_seen=options.forget_seen,
    )
    return DAMAGED if any(one.damage for one in found) else DONE


def _gc(options: argparse.Namespace, printer: Printer) -> int:
    from venvstacks_rules.client.commands.tidying import gc

    freed = gc(options.into, printer.report, keep=options.keep)
    printer.report("freed", generations=len(freed.generations), bytes=freed.size)
    return DONE


def _list(options: argparse.Namespace, printer: Printer) -> int:
    from venvstacks_rules.client.commands.checking import report_damage
    from venvstacks_rules.client.commands.listing import listed

    apps = listed(options.into)
    for app in apps:
        for damage in app.damage:
            report_damage(printer.report, app.app, app.current, damage)
        own = sum(generation.own_size for generation in app.generations if not generation.current)
        printer.report(
            "app",
            app=app.app,
            repository=app.repository,
            channel=app.channel,
            generations=len(app.generations),
            old_bytes=own,
        )
        for one in app.generations:
            printer.report(
                "generation",
                app=app.app,
                generation=one.number,
                version=one.version,
                current=one.current,
                in_use=one.in_use,
                bytes=one.size,
                own_bytes=one.own_size,
            )
    return DAMAGED if any(app.damage for app in apps) else DONE


def _uninstall(options: argparse.Namespace, printer: Printer) -> int:
    from venvstacks_rules.client.commands.tidying import uninstall

    uninstall(options.into, options.app, printer.report)
    return DONE


def _install_bundle(options: argparse.Namespace, printer: Printer) -> int:
    from venvstacks_rules.client.commands.bundled import BundleRequest, install_bundle

    request = BundleRequest(options.bundle, options.at, options.sha256, options.unpacked)
    install_bundle(options.into, request, printer.report)
    return DONE


_COMMANDS = {
    "install": _install,
    "install-bundle": _install_bundle,
    "update": _update,
    "rollback": _rollback,
    "verify": _verify,
    "repair": _repair,
    "gc": _gc,
    "list": _list,
    "uninstall": _uninstall,
}

"""``run``: start the application of the generation that is current."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from venvstacks_rules.client.installation.generations import (
    LAYERS,
    LOCK,
    Generations,
    chosen_app,
)
from venvstacks_rules.client.installation.layout import DamagedInstallationError, opened_layout
from venvstacks_rules.local.files.locks import Lock
from venvstacks_rules.local.layers.environment import python_environment
from venvstacks_rules.local.layers.layer_config import read_layer_config
from venvstacks_rules.model.contents.start import start_arguments
from venvstacks_rules.model.errors import DeploymentError, VenvstacksError

_ATTEMPTS = 10
_OF_DAMAGE = (errno.ENOENT, errno.ENOTDIR, errno.ENOEXEC, errno.EACCES)
"""The numbers of the errors for a program that is not as it was installed."""


@dataclass(frozen=True)
class Started:
    """How an application is started."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    generation: int
    in_use: Lock
    """Keeps the generation from being removed while a process has it open; hand
    `in_use.descriptor` to the process that is started."""


def prepared(folder: Path, app: str | None = None, arguments: Sequence[str] = ()) -> Started:
    """The command that starts an application; DeploymentError if it is not there."""
    layout = opened_layout(folder)
    generations = Generations(layout, chosen_app(layout, app))
    for _ in range(_ATTEMPTS):
        number = generations.current
        place = generations.place(number)
        try:
            lock = Lock(place / LOCK, create=False)
        except FileNotFoundError:
            # Removed after another one took its place.
            if generations.current == number:
                break
            continue
        try:
            lock.share()
            if lock.is_in_place():
                return _started(generations, number, lock, arguments)
        except BaseException:
            lock.close()
            raise
        lock.close()
    raise DamagedInstallationError(
        f"`{generations.app}` cannot be started.",
        [f"generation {generations.current} is not complete; run `venvstacks-deploy repair`"],
    )


def _started(
    generations: Generations, number: int, lock: Lock, arguments: Sequence[str]
) -> Started:
    generation = generations.read(number)
    place = generations.place(number) / LAYERS
    if not generation.is_ready(str(place)):
        raise DamagedInstallationError(
            f"`{generations.app}` cannot be started.",
            [
                f"it was installed in `{generation.place}`, and is in `{place}` now; "
                "`venvstacks-deploy repair` makes it ready for another folder"
            ],
        )
    layer = place / generation.application.install_target
    try:
        config = read_layer_config(layer)
    except (VenvstacksError, OSError) as e:
        text = e.strerror if isinstance(e, OSError) else str(e)
        raise _damaged(f"`{generations.app}` cannot be started.", f"{text}") from None
    if config.launch_module is None:
        raise DeploymentError(
            f"`{generations.app}` cannot be started.", ["it has no launch module"]
        )
    command = (
        str(layer / config.python),
        *start_arguments(config.py_version, config.launch_module),
        *arguments,
    )
    return Started(command, python_environment(dict(os.environ)), number, lock)


def run(folder: Path, app: str | None, arguments: Sequence[str] = ()) -> int:
    """Become the application; on Windows, wait for it and return its exit code."""
    started = prepared(folder, app, arguments)
    os.set_inheritable(started.in_use.descriptor, True)
    try:
        if os.name == "nt":
            import subprocess

            return subprocess.call(started.command, env=dict(started.environment), close_fds=False)
        import signal

        # Python ignores these signals, and the program that it executes would ignore them too.
        for name in ("SIGPIPE", "SIGXFSZ"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), signal.SIG_DFL)
        os.execve(started.command[0], started.command, dict(started.environment))
    except OSError as e:
        raise not_executed(started, e) from None


def not_executed(started: Started, error: OSError) -> DeploymentError:
    """The error if the system does not start an application."""
    summary = "The application cannot be started."
    problem = f"cannot execute `{started.command[0]}`: {error.strerror}"
    if error.errno in _OF_DAMAGE:
        return _damaged(summary, problem)
    # Such as arguments that are too long, or a machine without memory.
    return DeploymentError(summary, [problem])


def _damaged(summary: str, problem: str) -> DamagedInstallationError:
    remedy = "`venvstacks-deploy verify` names what is damaged, and `repair` mends it"
    return DamagedInstallationError(summary, [problem, remedy])

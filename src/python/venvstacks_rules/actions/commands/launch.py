"""``launch``: deploy a chain of layers into a cache and become its application, or its Python.

The application replaces this process: it has the same standard streams, signals, exit code and
working directory, and the same environment except the variables that would make its Python find
other packages.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from venvstacks_rules.actions.deployment import layer_cache
from venvstacks_rules.local.layers.environment import python_environment
from venvstacks_rules.model.contents.start import start_arguments
from venvstacks_rules.model.errors import DeploymentError
from venvstacks_rules.model.json_codec import from_json
from venvstacks_rules.model.requests.deploy import LaunchRequest
from venvstacks_rules.model.values import replace


def run(request_text: str, args: Sequence[str] = (), folder: Path = Path()) -> NoReturn:
    """Do what a :class:`LaunchRequest` asks for, with `args` for the application; never returns.

    Relative paths in the request start at `folder`: the working directory is the application's.

    Raises ArchiveError and DeploymentError as ``deploy-layers`` does, and DeploymentError if the
    last layer is not an application.
    """
    request = from_json(LaunchRequest, request_text)
    archives = [replace(a, archive=str(folder / a.archive)) for a in request.archives]
    cache = str(folder / request.cache)
    with layer_cache.stack(archives, cache, verify=request.verify) as stack:
        command = [str(stack.python)]
        if not request.interpreter:
            if stack.launch_module is None:
                raise DeploymentError(
                    f"`{stack.application.name}` cannot be launched",
                    ["it has no launch module: name an application layer"],
                )
            command += start_arguments(stack.py_version, stack.launch_module)
        command += args
        environment = python_environment(dict(os.environ))
        # The application keeps the lock while it runs, as do processes that inherit its files.
        os.set_inheritable(stack.in_use.descriptor, True)
        # Python ignores these signals, and the program that it executes would ignore them too.
        for name in ("SIGPIPE", "SIGXFSZ"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), signal.SIG_DFL)
        sys.stdout.flush()
        sys.stderr.flush()
        try:
            os.execve(command[0], command, environment)
        except OSError as e:
            raise DeploymentError(
                f"`{stack.application.name}` cannot be launched",
                [f"cannot execute `{command[0]}`: {e.strerror}"],
            ) from None

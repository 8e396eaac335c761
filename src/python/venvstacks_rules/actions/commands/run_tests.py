"""``run-tests``: deploy a chain of layers into a cache and become pytest inside it.

pytest replaces this process: it has the same standard streams, working directory and exit code, and
the same environment except the variables that would make its Python find other packages.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from venvstacks_rules.actions.deployment import layer_cache, pytest_start
from venvstacks_rules.local.layers.environment import python_environment
from venvstacks_rules.model.errors import DeploymentError
from venvstacks_rules.model.json_codec import from_json
from venvstacks_rules.model.requests.run_tests import MeasuredCode, RunTestsRequest

# Imported only for its file, so that a sandbox with this module has that one as well.
_START = Path(pytest_start.__file__)
_SETTINGS = "venvstacks-test.json"


def run(request_text: str) -> NoReturn:
    """Do what a :class:`RunTestsRequest` asks for; never returns.

    Raises ArchiveError and DeploymentError as ``deploy-layers`` does.
    """
    request = from_json(RunTestsRequest, request_text)
    tested = layer_cache.stack(request.archives, request.cache, verify=request.verify)
    with_pytest = layer_cache.stack(request.tools, request.cache, verify=request.verify)
    with tested as stack, with_pytest as tools:
        settings = {
            "args": request.args,
            "roots": [os.path.abspath(root) for root in request.roots],
            "tools": list(_tools(request, tools)),
            "target": request.target,
            "coverage": None if request.coverage is None else _measured(request.coverage, stack),
        }
        # Too much for a command line; pytest's own process removes it.
        with open(_SETTINGS, "w", encoding="utf-8") as stream:
            json.dump(settings, stream)
        # Byte code of tests and of pytest's plugins would be written into the cache.
        start = _START.read_text(encoding="utf-8")
        command = [str(stack.python), "-B", "-c", start, _SETTINGS]
        # pytest keeps the locks while it runs.
        for used in (stack, tools):
            os.set_inheritable(used.in_use.descriptor, True)
        sys.stdout.flush()
        sys.stderr.flush()
        try:
            os.execve(command[0], command, python_environment(dict(os.environ)))
        except OSError as e:
            raise DeploymentError(
                f"`{request.target}`: the tests cannot be started",
                [f"cannot execute `{command[0]}`: {e.strerror}"],
            ) from None


def _tools(request: RunTestsRequest, tools: layer_cache.Stack) -> Iterator[str]:
    """The folders of packages that the tools add, in import order."""
    present = {(archive.install_target, archive.sha256) for archive in request.archives}
    for archive in reversed(request.tools):
        if (archive.install_target, archive.sha256) not in present:
            yield str(_site_dir(tools, archive.install_target))


def _site_dir(stack: layer_cache.Stack, install_target: str) -> Path:
    """The site-packages of a layer of the stack; all layers have the same folders."""
    inner = stack.site_dir.relative_to(stack.application)
    return stack.application.parent / install_target / inner


def _measured(coverage: MeasuredCode, stack: layer_cache.Stack) -> dict[str, object]:
    """What to measure, with the path in the repository by the path on this machine."""
    sources = {
        os.path.realpath(_site_dir(stack, file.install_target) / file.path): file.source
        for file in coverage.layers
    }
    sources.update((os.path.realpath(file), file) for file in coverage.beside)
    return {"data_file": coverage.data_file, "config": coverage.config, "sources": sources}

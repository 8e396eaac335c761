"""``check-imports``: import modules inside a deployed application, and report those that fail.

The application's own interpreter executes the imported modules, in a separate process. It does not
execute a launch module that is run; it imports one that has the function to call.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from venvstacks_rules.actions.deployment import import_probe, layer_cache
from venvstacks_rules.local.layers.environment import python_environment
from venvstacks_rules.model.errors import DeploymentError
from venvstacks_rules.model.json_codec import from_json
from venvstacks_rules.model.requests.deploy import CheckedImports, CheckImportsRequest
from venvstacks_rules.model.wording import counted

# Imported only for its file, so that a sandbox with this module has that one as well.
_PROBE = Path(import_probe.__file__)
_TAIL_LINES = 10
_MISSING = re.compile(r"No module named '([^']+)'")


def run(request_text: str) -> CheckedImports:
    """Do what a :class:`CheckImportsRequest` asks for.

    Raises ArchiveError and DeploymentError as ``deploy-layers`` does, and DeploymentError with
    every import that failed.
    """
    request = from_json(CheckImportsRequest, request_text)
    deployed = layer_cache.stack(request.archives, request.cache, verify=request.verify)
    with deployed as stack, tempfile.TemporaryDirectory() as scratch:
        modules, refused, problems = _probe(request, stack, Path(scratch))
    for text in refused:
        print(f"{request.target}: it is found, but not without a setup: {text}", file=sys.stderr)
    if problems:
        raise DeploymentError(
            f"`{request.target}`: not everything can be imported in the deployed application. "
            "What is missing belongs to its `requirements` or `dependencies`, or to those of a "
            "layer below:",
            problems,
        )
    return CheckedImports(tuple(modules), tuple(refused))


def _probe(
    request: CheckImportsRequest, stack: layer_cache.Stack, scratch: Path
) -> tuple[list[str], list[str], list[str]]:
    """What was imported, what was found and did not want to be, and the problems."""
    report = scratch / "report"
    work = scratch / "work"
    work.mkdir()
    asked = {
        "site_dir": str(stack.site_dir),
        "scan": [(file.path, file.shown) for file in request.scan],
        "modules": request.modules,
        "launch": request.launch,
        "report": str(report),
    }
    done = subprocess.run(
        [str(stack.python), "-c", _PROBE.read_text(encoding="utf-8")],
        input=json.dumps(asked).encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=work,
        env=python_environment(dict(os.environ)),
        check=False,
    )
    lines = report.read_text(encoding="utf-8").splitlines() if report.exists() else []
    imported: list[str] = []
    refused: list[str] = []
    failed: dict[str, list[tuple[str, str]]] = {}
    what, shown = "", ""
    for kind, *values in map(json.loads, lines):
        if kind == "import":
            what, where = values
            imported.append(what)
            shown = f"`{what}` ({where})" if where else f"`{what}`"
        elif kind == "failed":
            failed.setdefault(values[0], []).append((what, shown))
        elif kind == "refused":
            refused.append(f"{shown}: {values[0]}")
    problems = [_failure(reason, imports) for reason, imports in failed.items()]
    if not lines or json.loads(lines[-1]) != ["done"]:
        problems.append(_death(done, shown))
    return imported, refused, problems


def _failure(reason: str, imports: Sequence[tuple[str, str]]) -> str:
    """One reason why imports fail: all those above a module fail as it does.

    `imports` are the statements, and how to show them. The one that names what is missing comes
    first.
    """
    missing = _MISSING.search(reason)
    names = missing is not None and re.compile(rf"\b{re.escape(missing[1])}\b")
    first = next((shown for what, shown in imports if names and names.search(what)), imports[0][1])
    others = len(imports) - 1
    more = f", and {counted(others, 'more import')}" if others else ""
    return f"{first}{more}: {reason}"


def _death(done: subprocess.CompletedProcess[bytes], shown: str) -> str:
    if done.returncode < 0:
        how = f"was killed by signal {_signal_name(-done.returncode)}"
    else:
        how = f"ended with exit code {done.returncode}"
    during = f"during the import of {shown}" if shown else "before the first import"
    output = done.stdout.decode("utf-8", "replace").strip().splitlines()[-_TAIL_LINES:]
    return "\n".join([f"the interpreter {how} {during}", *output])


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)

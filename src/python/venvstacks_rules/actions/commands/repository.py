"""Runs a command of ``venvstacks-repository``, on a terminal (``repository``)."""

from __future__ import annotations

import os
import sys

from venvstacks_rules.actions.network.settings import use_network_settings
from venvstacks_rules.model.json_codec import from_json
from venvstacks_rules.model.requests.repository import RepositoryRequest
from venvstacks_rules.repository import cli
from venvstacks_rules.repository.arguments import URL_VARIABLE


def run(request_text: str) -> None:
    """Run the command of a RepositoryRequest; SystemExit with its exit code unless that is 0."""
    request = from_json(RepositoryRequest, request_text)
    use_network_settings(request.network)
    if request.repository:
        os.environ[URL_VARIABLE] = request.repository
    # What a command imports later lies where the process started.
    sys.path[:] = [os.path.abspath(path) for path in sys.path]
    os.chdir(request.folder)
    code = cli.main(request.args)
    if code:
        raise SystemExit(code)

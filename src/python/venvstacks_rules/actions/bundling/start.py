"""What the client of an installer is started with, whether its layers are sealed or not."""

from __future__ import annotations

from collections.abc import Sequence

from venvstacks_rules.actions.bundling.templates import filled

START_FILE = "start.py"
POSIX_COMMAND, WINDOWS_COMMAND = "venvstacks-deploy", "venvstacks-deploy.cmd"


def start_source(site_folders: Sequence[str]) -> bytes:
    """The module that starts the client; `site_folders` are those with its modules, beside it."""
    return filled(_START, ("FOLDERS", repr(tuple(site_folders)))).encode("ascii")


_START = """\
# Starts the client in the layers beside this file.
import os
import sys

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(here, *folder.split("/")) for folder in @FOLDERS@]

from venvstacks_rules.client.cli import main

sys.exit(main())
"""

"""An application folder for macOS: a starter, the layers of the client, and the payload.

Nothing is written into it: the first start installs what it brings into a folder of the user.
"""

from __future__ import annotations

import plistlib
import re
from dataclasses import dataclass

from venvstacks_rules.actions.bundling.templates import HERE, filled

RESOURCES = "Contents/Resources"
CLIENT, PAYLOAD_FILE = "client", "payload.tar"
"""In the resources."""
INFO_FILE = "Contents/Info.plist"


@dataclass(frozen=True)
class AppValues:
    """What the folder has to know. Names are those of repositories: they need no quotes."""

    title: str
    version: str
    identifier: str
    applications: tuple[str, ...]
    """The first one is started."""
    python: str
    """The interpreter that starts the client, below the folder of the client."""
    payload_sha256: str

    @property
    def executable(self) -> str:
        """The path of the starter."""
        return f"Contents/MacOS/{self.title}"


def info_plist(values: AppValues) -> bytes:
    """What macOS reads of the folder."""
    numbers = re.findall(r"[0-9]+", values.version)[:3]
    return plistlib.dumps(
        {
            "CFBundleDevelopmentRegion": "en",
            "CFBundleExecutable": values.title,
            "CFBundleIdentifier": values.identifier,
            "CFBundleInfoDictionaryVersion": "6.0",
            "CFBundleName": values.title,
            "CFBundlePackageType": "APPL",
            "CFBundleShortVersionString": values.version,
            # Of numbers only.
            "CFBundleVersion": ".".join(numbers) or "1",
        },
        sort_keys=True,
    )


def app_starter(values: AppValues) -> bytes:
    """The program that installs what the folder brings, once, and starts the application."""
    return filled(
        _STARTER,
        ("TITLE", values.title),
        ("VERSION", values.version),
        ("FIRST", values.applications[0]),
        ("PYTHON", values.python),
        ("PAYLOAD", PAYLOAD_FILE),
        ("HASH", values.payload_sha256),
    ).encode("ascii")


def app_command(python: str) -> bytes:
    """The client that came with the folder, as a command; it leaves no byte code."""
    return filled(_COMMAND, ("PYTHON", python)).encode("ascii")


_COMMAND = f"""\
#!/bin/sh
# Starts the client that came with the application.
{HERE}\
here=${{self%/*}}
exec "$here/@PYTHON@" -I -B "$here/start.py" "$@"
"""

_STARTER = f"""\
#!/bin/sh
# Starts @TITLE@. Its first start installs @VERSION@, without any network, into a folder of the
# user; from then on the newest installed version starts.
set -u
umask 022
{HERE}\
case $self in /*) ;; *) self=$PWD/$self ;; esac
resources=${{self%/*}}/../Resources
into="$HOME/Library/Application Support/@TITLE@"
client() {{ "$resources/client/@PYTHON@" -I -B "$resources/client/start.py" "$@"; }}

fail() {{
  printf 'error: %s\\n' "$1" >&2
  # Without a terminal nobody reads that.
  if [ ! -t 2 ] && [ -x /usr/bin/osascript ]; then
    /usr/bin/osascript -e 'on run argv' -e 'display alert (item 1 of argv)' -e 'end run' "$1"
  fi
  exit "$2"
}}

# What this folder brought once is not brought again: there may be newer versions by now.
seen="$into/client/@HASH@"
if [ ! -e "$seen" ] || [ ! -e "$into/apps/@FIRST@/current.json" ]; then
  client install-bundle --into "$into" --unpacked "$resources/client" \\
    "$resources/@PAYLOAD@" >&2 || fail '@TITLE@ @VERSION@ cannot be installed.' $?
  mkdir -p "$into/client" && : >"$seen" || fail "\\`$into\\` cannot be written." 6
fi
exec "$resources/client/@PYTHON@" -I -B "$resources/client/start.py" \\
  run --into "$into" @FIRST@ -- "$@"
"""

"""Which versions of Pants this release supports, and which one runs.

`register.py` asks before it imports anything else of the backend, so this module uses only names
that every Pants has.
"""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version
from types import TracebackType

from pants.base.exceptions import BackendConfigurationError
from pants.version import VERSION

OLDEST = (2, 17)
NEWEST = (2, 33)
"""The versions that the suite is meant for. A newer one runs as long as it has all names."""

RUNNING = tuple(int(part) for part in VERSION.split(".")[:2])
"""Major and minor of the Pants in this process."""

PAGE = "docs/reference/pants-versions.md"


def refuse_older() -> None:
    """Raise BackendConfigurationError if the running Pants is older than `OLDEST`."""
    if RUNNING < OLDEST:
        raise _in_one_line(_message(""))


def unsupported(error: ImportError) -> BackendConfigurationError | None:
    """What to raise if an import failed that depends on Pants; None if it does not."""
    package = (error.name or "").partition(".")[0]
    if package == "pants":
        return _in_one_line(_message(f" It lacks what the plugin imports: {error}."))
    if package == "tomli":
        # A dependency of our wheel; Pants does not look for those of `pythonpath`.
        return _in_one_line(
            "venvstacks_rules needs the package `tomli` when Pants runs on a Python older than "
            "3.11. Name venvstacks-rules in [GLOBAL].plugins, which brings it, or, if the plugin "
            'comes by [GLOBAL].pythonpath, add "tomli>=2" to [GLOBAL].plugins.'
        )
    return None


def _in_one_line(message: str) -> BackendConfigurationError:
    error = BackendConfigurationError(message)
    earlier = sys.excepthook

    def hook(kind: type[BaseException], value: BaseException, trace: TracebackType | None) -> None:
        if value is error:
            print(error, file=sys.stderr)
        else:
            earlier(kind, value, trace)

    # The daemon of Pants reports the error as it should. Without the daemon it ends the process,
    # since backends are loaded before options say whether to print stack traces.
    sys.excepthook = hook
    return error


def _message(reason: str) -> str:
    try:
        release = f"venvstacks_rules {version('venvstacks-rules')}"
    except PackageNotFoundError:  # the plugin comes by `pythonpath`
        release = "This venvstacks_rules"
    return (
        f"{release} supports Pants {_dotted(OLDEST)} to {_dotted(NEWEST)}; this is Pants {VERSION}."
        f"{reason} Set `pants_version` in pants.toml to a supported version, or use a release of "
        f"venvstacks_rules for this one: see {PAGE} in the repository of venvstacks_rules."
    )


def _dotted(parts: tuple[int, ...]) -> str:
    return ".".join(map(str, parts))

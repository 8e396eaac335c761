"""What people mean who write a requirement as pip's command line, conda, npm or Poetry have it."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_NAME = r"(?P<name>[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?(?:\[[\w., -]*\])?)"
_VERSION = r"v?(?P<version>[0-9]+(?:\.[0-9]+)*(?:[a-z]+[0-9]+)?(?:\.\*)?)"
_EXACT = re.compile(rf"{_NAME}(?: +| *[=@] *){_VERSION}")
_CARET = re.compile(rf"{_NAME} *@? *\^ *{_VERSION}")
_TILDE = re.compile(rf"{_NAME} *@? *~ *{_VERSION}")
_OF_FILE = re.compile(r"(?:-r|--requirements?)\b.*")
_EDITABLE = re.compile(r"(?:-e|--editable)\b.*|\.{1,2}(?:/[^*]*)?(?<!\.whl)")
_URL = re.compile(r"(?:\w+\+)?https?://\S+")
_WHEEL = re.compile(r"(?:[^\s:]*/)?(?P<name>\w[\w.]*)-[^/\s-]+(?:-[^/\s-]+){3,4}\.whl")


def meant_instead(written: str) -> str | None:
    """The remedy for text that is no requirement; None if nobody knows what is meant.

    `written` has no credentials.
    """
    text = written.strip()
    if _OF_FILE.fullmatch(text):
        return (
            "The requirements of a file are those of a `python_requirements` target: write its "
            "address, for example '//3rdparty:reqs'."
        )
    wheel = _WHEEL.fullmatch(urlsplit(text).path if _URL.fullmatch(text) else text)
    name = "NAME" if wheel is None else wheel["name"]
    if _URL.fullmatch(text):
        return f"Write the name of the package before it: '{name} @ {text}'."
    if wheel is not None:
        return f"Write the name of the package before it: '{name} @ file:{text}'."
    if _EDITABLE.fullmatch(text):
        return (
            "Code of the repository belongs to `dependencies`: a `python_sources` target, or a "
            "`python_distribution`."
        )
    for pattern, spelled in ((_EXACT, _exactly), (_CARET, _caret), (_TILDE, _tilde)):
        found = pattern.fullmatch(text)
        if found is not None:
            return f"Did you mean {found['name'] + spelled(found['version'])!r}?"
    return None


def _exactly(version: str) -> str:
    return f"=={version}"


def _caret(version: str) -> str:
    # The first number that is not 0 stays.
    numbers = re.findall(r"[0-9]+", version)
    place = next((i for i, number in enumerate(numbers) if int(number)), len(numbers) - 1)
    upper = ".".join([*numbers[:place], str(int(numbers[place]) + 1)])
    return f">={version.rstrip('.*')},<{upper}"


def _tilde(version: str) -> str:
    return f"~={version}" if "." in version.rstrip(".*") else f"=={version}.*"

"""What the headers of an answer say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from http.client import HTTPMessage


class Headed(Protocol):
    """An answer of a server."""

    headers: HTTPMessage


def announced_size(answer: Headed) -> int | None:
    """The length of the body according to its header, if that has one."""
    length = answer.headers.get("Content-Length", "")
    return int(length) if re.fullmatch("[0-9]{1,19}", length) else None
